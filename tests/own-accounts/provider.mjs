// A real OpenID Connect provider, and people who sign in at it as a browser would.

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const CALLBACK = "https://app.example/callback";
const RESOURCE = "https://keystore.example";

/** The apps by their client ids, and how their ID tokens are signed. */
export const apps = { app: "RS256", "app-ps": "PS256", "app-es": "ES256", "app-ed": "EdDSA", stranger: "RS256" };

function makeKeys() {
  const pairs = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "P-256" }),
    generateKeyPairSync("ed25519"),
  ];
  return pairs.map(({ privateKey }, index) => ({ ...privateKey.export({ format: "jwk" }), kid: String(index), use: "sig" }));
}

/** Starts the provider on a free port of this machine. Everybody may sign in at it by their name. */
export async function startProvider() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: Object.entries(apps).map(([client_id, id_token_signed_response_alg]) => ({
      client_id,
      id_token_signed_response_alg,
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: "none",
    })),
    jwks: { keys: makeKeys() },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, email: `${accountId}@app.example`, email_verified: true }),
    }),
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: "email", audience: RESOURCE, accessTokenFormat: "jwt" }),
      },
    },
  });
  server.on("request", provider.callback());
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { issuer, stop, browser: (user) => new Browser(issuer, user) };
}

/** One person's browser: it keeps cookies, so that the person types their name once. */
class Browser {
  #issuer;
  #user;
  #cookies = new Map();

  constructor(issuer, user) {
    this.#issuer = issuer;
    this.#user = user;
  }

  /** Signs in to an app by the authorization code flow (RFC 6749, RFC 7636). What the token endpoint answers. */
  async signIn(client_id, resource) {
    const verifier = randomBytes(32).toString("base64url");
    const parameters = new URLSearchParams({
      client_id,
      response_type: "code",
      redirect_uri: CALLBACK,
      scope: "openid email",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      ...(resource && { resource }),
    });
    let location = new URL(`/auth?${parameters}`, this.#issuer);
    while (!location.href.startsWith(CALLBACK)) {
      const asked = location.pathname.startsWith("/interaction/");
      location = await this.#go(location, asked ? await this.#answer(location) : undefined);
    }
    const code = location.searchParams.get("code");
    if (!code) throw new Error(`no code: ${location}`);
    const body = new URLSearchParams({
      client_id,
      grant_type: "authorization_code",
      code,
      redirect_uri: CALLBACK,
      code_verifier: verifier,
      ...(resource && { resource }),
    });
    const answer = await fetch(new URL("/token", this.#issuer), { method: "POST", body });
    const tokens = await answer.json();
    if (!answer.ok) throw new Error(JSON.stringify(tokens));
    return tokens;
  }

  async idToken(client_id = "app") {
    return (await this.signIn(client_id)).id_token;
  }

  async accessToken(client_id = "app") {
    return (await this.signIn(client_id, RESOURCE)).access_token;
  }

  /** Fills in the form that is shown: who it is, or that the app may know. */
  async #answer(page) {
    const text = await (await this.#fetch(page)).text();
    const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
    return new URLSearchParams({ prompt, login: this.#user, password: "as the user likes" });
  }

  /** The address that a page or a form leads to. */
  async #go(url, form) {
    const answer = await this.#fetch(url, form && { method: "POST", body: form });
    const location = answer.headers.get("location");
    if (!location) throw new Error(`${url} leads nowhere: ${answer.status} ${await answer.text()}`);
    return new URL(location, url);
  }

  async #fetch(url, options) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...options, redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }
}

export { RESOURCE };
