/** The hand-written JavaScript, with a stand-in where the built package has its module: each test file gets a copy. */

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deflateRawSync } from "node:zlib";

const template = fileURLToPath(new URL("..", import.meta.url));
export const emptyModule = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

/** The bindings that do the work of a thread. Their text stands for itself. */
const alone = `() => ({
  async init(module) {
    // As bytes it comes from the page's script.
    if (!(module instanceof WebAssembly.Module)) await WebAssembly.compile(module);
  },
  async work(operation, [state, passphrase, response]) {
    if (operation !== "signIn") throw new TypeError(operation);
    globalThis.vouchsafeWorked = true;
    const text = new TextDecoder().decode(passphrase);
    if (text === "wrong passphrase") throw { code: "wrong_credentials", message: "Check both." };
    if (text === "out of memory") throw new RangeError("out of memory");
    return { message: state.slice(), exportKey: response.slice() };
  },
})`;

const glue = `
  export const calls = [];
  export const broken = { times: 0 };
  export const pages = { next: null };
  export const cause = new TypeError("Failed to fetch");
  const init = async () => { if (broken.times-- > 0) throw new TypeError("not today"); };
  export const bindings = () => ({ init, RawClient });
  export const glue = ${alone};
  export class RawClient {
    constructor(options) { calls.push(["open", options]); this.options = options; }
    begin() { return this; }
    abort() { this.ended?.(); }
    free() {}
    async previewInvitation(ticket) { calls.push(["previewInvitation", ticket]); return {}; }
    readLink(link) {
      if (link.includes("1.s.")) return { delivery: null, id: "a-card" };
      return link.includes("1.l.") ? { delivery: "link", id: "an-id" } : null;
    }
    async check() {
      calls.push(["check"]);
      if (this.options.vault.includes("wrong")) throw { code: "server_error", message: "It is wrong.", retryable: false };
    }
    async signUp(credentials) { return { session: await this.signIn(credentials), recoveryKey: "AAAA" }; }
    async recover(options) {
      calls.push(["recover", options]);
      return { session: await this.signIn(options), recoveryKey: "BBBB" };
    }
    async signIn({ email, identityToken, passphrase }) {
      calls.push(["signIn", { email, identityToken, passphrase }]);
      const state = new TextEncoder().encode(email ?? identityToken), secret = new TextEncoder().encode(passphrase);
      this.finished = await this.options.work("signIn", [state, secret, Uint8Array.of(9)]);
      calls.push(["finished", this.finished, state, secret]);
      this.options.onStep?.({ number: 1, title: "a step", duration: 2 });
      return new RawSession();
    }
  }
  const failure = { code: "not_found", message: "It is gone." };
  const answers = {
    card: () => Promise.reject(failure),
    createCard: () => ({ id: "a", data: null }),
    updateCard: () => ({ card: { id: "a", data: null }, lagging: [] }),
    readShare: () => ({ card: { data: null } }),
    readShares: () => [],
    sharesOf: () => ({ items: [], next: null }),
    connection: () => Promise.reject({ code: "offline", message: "Try again.", cause }),
    outgoingShares: () => ({ items: [], next: null }),
    cards: () => ({ items: [{ id: "a" }, { id: "b", error: failure }], next: pages.next }),
    makeRecoveryKey: () => "CCCC",
    vaultToken: () => "a token",
    emailStatus: () => ({ email: "a@example.com", confirmed: false }),
    sendEmailCode: () => ({ expiresAt: 5 }),
    changePassphrase: () => Promise.reject({ code: "conflict", message: "Another device was faster." }),
    shareWithMany: () => [{ connection: "a", share: {}, error: null }, { connection: "b", share: null, error: failure }],
  };
  export class RawSession {
    account = "an-account"; email = "a@example.com"; locked = false;
    over = false;
    begin(tell) { return Object.assign(new RawSession(), { tell }); }
    abort() { calls.push(["abort"]); this.ended?.(); }
    free() { calls.push(["free"]); }
    end() { this.over = true; }
    watch(watcher) { this.watcher = watcher; }
    seal() { return { state: Uint8Array.of(1), keys: null }; }
    nudge() {}
    checkFile(name, type) { calls.push(["checkFile", name, type]); }
    on(kinds, listener) {
      for (const kind of kinds) listener({ kind, id: "x" });
      return { cancel: () => calls.push(["cancel", ...kinds]) };
    }
  }
  const names = ["card", "cards", "connection", "createCard", "invite", "share", "shareWithMany", "lock", "unlock", "outgoingShares"];
  const further = ["updateCard", "deleteCard", "invitations", "cancelInvitation", "declineInvitation", "accept", "connections"];
  further.push("importCard", "markVerified", "renameConnection", "disconnect", "sharesOf", "catchUpShares", "revokeShare", "incomingShares");
  further.push("readShare", "readShares", "shareByLink", "linkShares", "revokeLink", "acceptOlder", "signOut", "vaultToken");
  const ofAccount = ["changePassphrase", "makeRecoveryKey", "emailStatus", "sendEmailCode", "confirmEmail", "deleteAccount"];
  for (const name of [...names, ...further, ...ofAccount]) {
    RawSession.prototype[name] = async (...given) => { calls.push([name, ...given]); return answers[name]?.(); };
  }
`;

/** The copy, the package in it, and the stand-in for its module; there before the first test. */
export let folder, api, raw;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vouchsafe-facade-"));
  await cp(template, folder, { recursive: true });
  await writeFile(join(folder, "glue.js"), glue);
  await writeFile(join(folder, "wasm-inside.js"), `export default "${deflateRawSync(emptyModule).toString("base64")}";`);
  const thread = (await readFile(join(folder, "thread.js"), "utf8")).replaceAll("\nexport ", "\n");
  await writeFile(join(folder, "vouchsafe-worker.js"), `const glue = ${alone};${thread}thread(glue, operate);`);
  for (const file of ["glue.js", "wasm-inside.js"]) await cp(join(folder, file), join(folder, `full-${file}`));
  await cp(join(folder, "vouchsafe-worker.js"), join(folder, "vouchsafe-full-worker.js"));
  api = await import(pathToFileURL(join(folder, "index.js")));
  raw = await import(pathToFileURL(join(folder, "glue.js")));
});

after(() => rm(folder, { recursive: true }));

export const services = { vault: "https://example.com/vault", keystore: "https://example.com/keystore" };
export const code = (wanted) => (error) => api.isVouchsafeError(error, wanted);
export const signIn = async (passphrase = "a passphrase", options = {}) => {
  const app = await api.Vouchsafe.open({ ...services, ...options });
  return app.signIn({ email: "a@example.com", passphrase });
};

/** What the module was last called with under this name. */
export const called = (name) => raw.calls.findLast(([found]) => found === name).slice(1);

/** Gives the page these globals for a test. */
export const asPage = (t, globals) => {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => delete globalThis[name]);
  }
};
