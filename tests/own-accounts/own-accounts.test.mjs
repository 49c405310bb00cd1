// Accounts by the app's own sign-in: the packed package, the services, and a real identity provider.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { RESOURCE, apps, startProvider } from "./provider.mjs";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);
const { VOUCHSAFE_SERVER: program, VOUCHSAFE_TARBALL: tarball } = process.env;
const passphrase = "correct horse battery";

let folder, provider, server, api, services;

before(async () => {
  assert.ok(program && tarball, "Run `cargo xtask test --only own-accounts`: it names the server and the tarball.");
  folder = await mkdtemp(join(tmpdir(), "vouchsafe-own-accounts-"));
  await writeFile(join(folder, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--no-audit", "--no-fund", "--offline", tarball], { cwd: folder });
  api = await import(pathToFileURL(join(folder, "node_modules/vouchsafe/index.js")));
  provider = await startProvider();
  const audiences = [...Object.keys(apps).filter((app) => app !== "stranger"), RESOURCE];
  const options = ["--oidc-issuer", provider.issuer, "--oidc-audience", audiences.join(), "--no-email-sign-up"];
  server = spawn(program, ["--listen", "127.0.0.1:0", "--data", join(folder, "data"), "--dev-mailbox", ...options], {
    env: { VOUCHSAFE_LOG: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(server.stdout), "line");
  const [address] = /http:\S+/.exec(line);
  services = { vault: `${address}/vault`, keystore: `${address}/keystore`, invitationUrl: `${address}/` };
});

after(async () => {
  provider?.stop();
  if (server) {
    server.kill();
    await once(server, "exit");
  }
  await rm(folder, { recursive: true });
});

const open = () => api.Vouchsafe.open(services);
const code = (wanted) => (error) => api.isVouchsafeError(error, wanted);
const passport = { label: "Passport", fields: [{ name: "number", label: "Number", value: "X1234567" }] };
/** The same as it is read. */
const shown = { ...passport, kind: null, data: null, files: [] };

test("two people share, and come back with a fresh token", async () => {
  const app = await open();
  const [aliceAtHome, bobAtHome] = [provider.browser("alice"), provider.browser("bob")];
  let asked = 0;
  const aliceToken = () => {
    asked += 1;
    return aliceAtHome.idToken();
  };
  const { session: alice } = await app.signUp({ identityToken: aliceToken, passphrase });
  const { session: bob } = await app.signUp({ identityToken: () => bobAtHome.idToken(), passphrase });
  assert.equal(alice.email, null);
  const card = await alice.createCard(passport);
  const invitation = await alice.invite({ delivery: "link", name: "Bob" });
  const { id: connection } = await bob.accept({ link: invitation.link }, { name: "Alice" });
  const share = await alice.share({ card: card.id, connection });
  const read = await bob.readShare(share.id);
  assert.deepEqual([read.from.name, read.trust, read.card], ["Alice", "verified", shown]);

  const again = await app.signIn({ identityToken: await provider.browser("alice").idToken(), passphrase });
  assert.equal(again.account, alice.account);
  assert.deepEqual((await again.card(card.id)).fields, passport.fields);
  assert.equal(asked, 1);
  await alice.lock();
  await alice.unlock({ passphrase });
  await alice.changePassphrase({ passphrase, newPassphrase: "a new passphrase" });
  assert.equal(asked, 3, "each time that the passphrase is asked for");
  await assert.rejects(app.signIn({ identityToken: aliceToken, passphrase }), code("wrong_credentials"));
  assert.deepEqual((await alice.readShare(share.id)).card, shown);
});

test("the recovery key opens the account together with a token", async () => {
  const app = await open();
  const [carol, eve] = [provider.browser("carol"), provider.browser("eve")];
  const { session, recoveryKey } = await app.signUp({ identityToken: () => carol.idToken(), passphrase });
  const card = await session.createCard(passport);
  const lost = { recoveryKey, passphrase: "a new passphrase" };
  await assert.rejects(app.recover({ identityToken: () => eve.idToken(), ...lost }), code("wrong_credentials"));
  const recovered = await app.recover({ identityToken: () => carol.idToken(), ...lost });
  assert.deepEqual((await recovered.session.card(card.id)).fields, passport.fields);
  await recovered.session.deleteAccount({ passphrase: "a new passphrase" });
  const anew = await app.signUp({ identityToken: () => carol.idToken(), passphrase });
  assert.notEqual(anew.session.account, session.account);
});

test("each way in which a provider signs is taken", async () => {
  const app = await open();
  const dave = provider.browser("dave");
  const { session } = await app.signUp({ identityToken: await dave.accessToken(), passphrase });
  for (const client of Object.keys(apps).filter((name) => name !== "stranger")) {
    const identityToken = await dave.idToken(client);
    const header = JSON.parse(Buffer.from(identityToken.split(".")[0], "base64url"));
    assert.equal(header.alg, apps[client]);
    assert.equal((await app.signIn({ identityToken, passphrase })).account, session.account, client);
  }
});

test("other tokens are refused, with the reason", async () => {
  const app = await open();
  const frank = provider.browser("frank");
  const rejects = (identityToken, reason) =>
    assert.rejects(app.signUp({ identityToken, passphrase }), (error) => {
      assert.match(error.message, reason);
      return code("identity_rejected")(error);
    });
  await rejects(await frank.idToken("stranger"), /another audience/);
  const good = await frank.idToken();
  const [header, , signature] = good.split(".");
  const claims = JSON.parse(Buffer.from(good.split(".")[1], "base64url"));
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: "alice" })).toString("base64url");
  await rejects([header, forged, signature].join("."), /signature/);
  await rejects((await frank.signIn("app")).access_token, /no signed JWT/);
  await assert.rejects(app.signUp({ email: "frank@example.org", passphrase }), code("bad_input"));
});

test("an invitation mail names the address that the provider vouches for", async () => {
  const app = await open();
  const grace = provider.browser("grace");
  const { session } = await app.signUp({ identityToken: () => grace.idToken(), passphrase });
  await session.invite({ delivery: "email", email: "heidi@example.org", name: "Heidi" });
  const mails = new URL("/dev/mails", services.vault);
  let mail;
  while (!mail) mail = (await (await fetch(mails)).json()).items.find(({ to }) => to === "heidi@example.org");
  assert.equal(mail.subject, "You are invited to connect");
  assert.match(mail.text, /grace@app\.example invites you to connect/);
  assert.deepEqual(await session.emailStatus(), { email: "grace@app.example", confirmed: true });
});

test("the example runs from the packed package", async () => {
  const example = await readFile(new URL("examples/own-accounts.mjs", root), "utf8");
  const guide = await readFile(new URL("docs/own-accounts.md", root), "utf8");
  assert.ok(guide.includes(`\`\`\`js\n${example}\`\`\``), "docs/own-accounts.md and examples/own-accounts.mjs differ");

  // The app's server: it has signed its people in, and knows their browsers.
  const browsers = new Map();
  const backend = createServer(async (request, response) => {
    const user = `${new URL(request.url, "http://localhost").searchParams.get("user")}-of-the-example`;
    if (!browsers.has(user)) browsers.set(user, provider.browser(user));
    response.end(await browsers.get(user).idToken());
  });
  await once(backend.listen(0, "127.0.0.1"), "listening");
  try {
    const adapted = example
      .replaceAll("http://127.0.0.1:8787/", services.invitationUrl)
      .replaceAll("http://127.0.0.1:3000/", `http://127.0.0.1:${backend.address().port}/`);
    await writeFile(join(folder, "own-accounts.mjs"), adapted);
    const shared = /^Alice shared Passport: X1234567$/m;
    const first = await run("node", ["own-accounts.mjs"], { cwd: folder });
    assert.match(first.stdout, /^alice writes down: ([0-9A-Z]{4}-){13}[0-9A-Z]{4}$/m);
    assert.match(first.stdout, shared);
    const second = await run("node", ["own-accounts.mjs"], { cwd: folder });
    assert.doesNotMatch(second.stdout, /writes down/, "they had accounts");
    assert.match(second.stdout, shared);
  } finally {
    backend.closeAllConnections();
    backend.close();
  }
});
