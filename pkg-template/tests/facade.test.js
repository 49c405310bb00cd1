/** The hand-written JavaScript, with a stand-in where the built package has its module. */

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { deflateRawSync } from "node:zlib";

const template = fileURLToPath(new URL("..", import.meta.url));
const emptyModule = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

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
  export const cause = new TypeError("Failed to fetch");
  const init = async () => { if (broken.times-- > 0) throw new TypeError("not today"); };
  export const bindings = () => ({ init, RawClient });
  export const glue = ${alone};
  export class RawClient {
    constructor(options) { calls.push(["open", options]); this.options = options; }
    begin() { return this; }
    abort() { this.ended?.(); }
    free() {}
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
    connection: () => Promise.reject({ code: "offline", message: "Try again.", cause }),
    outgoingShares: () => ({ items: [], next: null }),
    cards: () => ({ items: [{ id: "a" }, { id: "b", error: failure }], next: null }),
    makeRecoveryKey: () => "CCCC",
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
    on(kind, listener) { listener({ kind, id: "x" }); return { cancel: () => calls.push(["cancel", kind]) }; }
  }
  const names = ["card", "cards", "connection", "createCard", "invite", "share", "shareWithMany", "lock", "unlock", "outgoingShares"];
  const further = ["updateCard", "deleteCard", "invitations", "cancelInvitation", "declineInvitation", "accept", "connections"];
  further.push("markVerified", "disconnect", "revokeShare", "incomingShares", "readShare", "readShares", "acceptOlder", "signOut");
  const ofAccount = ["changePassphrase", "makeRecoveryKey", "emailStatus", "sendEmailCode", "confirmEmail", "deleteAccount"];
  for (const name of [...names, ...further, ...ofAccount]) {
    RawSession.prototype[name] = async (...given) => { calls.push([name, ...given]); return answers[name]?.(); };
  }
`;

let folder, api, raw;

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

const services = { vault: "https://example.com/vault", keystore: "https://example.com/keystore" };
const code = (wanted) => (error) => api.isVouchsafeError(error, wanted);
const signIn = async (passphrase = "a passphrase", options = {}) => {
  const app = await api.Vouchsafe.open({ ...services, ...options });
  return app.signIn({ email: "a@example.com", passphrase });
};

/** What the module was last called with under this name. */
const called = (name) => raw.calls.findLast(([found]) => found === name).slice(1);

test("a failed load can be repeated", async () => {
  raw.broken.times = 1;
  await assert.rejects(api.Vouchsafe.open(services), (error) => code("insecure_context")(error) && error.cause.message === "not today");
  await api.Vouchsafe.open(services);
});

test("signing in runs the worker and erases the secrets", async () => {
  const session = await signIn();
  assert.equal(session.account, "an-account");
  assert.ok(session instanceof api.Session);
  const [finished, state, secret] = called("finished");
  assert.equal(new TextDecoder().decode(finished.message), "a@example.com");
  assert.deepEqual([...finished.exportKey], [9]);
  assert.ok([...state, ...secret].every((byte) => byte === 0));
});

test("the time of a request is the app's matter, and the module's to judge", async () => {
  const opened = async (timeout) => (await api.Vouchsafe.open({ ...services, timeout }), called("open")[0].timeout);
  assert.deepEqual([await opened(5000), await opened(undefined), await opened(0)], [5000, undefined, 0]);
  for (const timeout of ["5000", 1.5, NaN, new Date()]) await assert.rejects(opened(timeout), code("bad_input"));
});

test("addresses reach the module as the URL Standard writes them", async () => {
  const opened = async (keystore) => (await api.Vouchsafe.open({ ...services, keystore }), called("open")[0].keystore);
  assert.equal(await opened("HTTPS://Example.com:443/a/../keystore//"), "https://example.com/keystore");
  assert.equal(await opened("https://example.com"), "https://example.com");
  // The module refuses these.
  for (const other of ["/keystore", "", "https://example.com/keystore?a"]) assert.equal(await opened(other), other);
});

test("the app's own fetch reaches the module", async () => {
  const fetch = async () => new Response();
  await api.Vouchsafe.open({ ...services, fetch });
  assert.equal(called("open")[0].fetch, fetch);
  for (const other of ["https://example.com", {}, true]) await assert.rejects(api.Vouchsafe.open({ ...services, fetch: other }), code("bad_input"));
});

test("the services are checked, and what stays wrong is not to be tried again", async () => {
  const app = await api.Vouchsafe.open(services);
  assert.equal(await app.check(), undefined);
  assert.equal(await app.check({ signal: new AbortController().signal }), undefined);
  await assert.rejects(app.check({ signal: AbortSignal.abort() }), code("aborted"));
  await assert.rejects(app.check({ timeout: 5 }), code("bad_input"));
  const misled = await api.Vouchsafe.open({ ...services, vault: "https://example.com/wrong" });
  await assert.rejects(misled.check(), (error) => code("server_error")(error) && error.retryable === false);
});

test("where the package does not know its own address, only what needs a file fails", async () => {
  const [{ defineVouchsafe }, { compileFrom, once }] = await Promise.all(["client.js", "load.js"].map((file) => import(pathToFileURL(join(folder, file)))));
  // So it is in a script that is no module.
  const beside = (file) => new URL(file, undefined);
  const withWasm = (find) => defineVouchsafe({
    glue: raw.glue,
    load: once(raw.bindings, () => compileFrom(find)),
    workerFile: () => beside("./vouchsafe-worker.js"),
  });
  const app = await withWasm(() => emptyModule).open(services);
  await app.signIn({ email: "a@example.com", passphrase: "a passphrase" });

  const mine = new RangeError("mine");
  for (const [find, cause] of [
    [() => beside("./vouchsafe_bg.wasm"), /Invalid URL/],
    [() => Promise.reject(mine), /mine/],
    [() => { throw mine; }, /mine/],
    [() => pathToFileURL(join(folder, "nowhere.wasm")), /ENOENT/],
  ]) {
    await assert.rejects(withWasm(find).open(services), (error) => {
      assert.match(error.message, /`wasm`/);
      assert.match(String(error.cause), cause);
      return code("not_found")(error);
    });
  }
  // An answer that breaks off is no matter of policies.
  for (const type of ["application/wasm", "application/octet-stream"]) {
    const body = new ReadableStream({ pull: () => Promise.reject(new TypeError("terminated")) });
    const answer = new Response(body, { headers: { "content-type": type } });
    await assert.rejects(withWasm(() => answer).open(services), (error) => code("offline")(error) && error.cause instanceof TypeError);
  }
});

test("the module waits with the timers that the package was loaded with, and not with zone.js's", async (t) => {
  const timers = () => import(`${pathToFileURL(join(folder, "timers.js"))}?${Math.random()}`);
  const { setTimeout, clearTimeout, queueMicrotask } = globalThis;
  const real = { setTimeout, clearTimeout, queueMicrotask };
  const loaded = await timers();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const name of Object.keys(real)) assert.equal(loaded[name], real[name], name);
  t.mock.timers.reset();

  const patched = { Zone: { __symbol__: (name) => `__zone_symbol__${name}` }, __zone_symbol__setTimeout: () => 1, __zone_symbol__clearTimeout: () => {} };
  asPage(t, patched);
  const zoned = await timers();
  assert.equal(zoned.setTimeout, patched.__zone_symbol__setTimeout);
  assert.equal(zoned.clearTimeout, patched.__zone_symbol__clearTimeout);
  assert.equal(zoned.queueMicrotask, queueMicrotask, "what the module does is done in the app's zone");
});

test("the Keystore knows a browser again once somebody has signed in", async (t) => {
  const open = async () => {
    const app = await api.Vouchsafe.open(services);
    return { app, device: called("open")[0].device };
  };
  // Without storage each is another.
  const [first, second] = [await open(), await open()];
  assert.equal(first.device.length, 32);
  assert.notDeepEqual(first.device, second.device);

  const stored = new Map();
  const localStorage = { getItem: (name) => stored.get(name) ?? null, setItem: (name, value) => stored.set(name, value) };
  globalThis.window = { localStorage };
  t.after(() => delete globalThis.window);
  const { app, device } = await open();
  assert.equal(stored.size, 0, "nothing is kept of a page that nobody signs in to");
  await app.signIn({ email: "a@example.com", passphrase: "a passphrase" });
  assert.deepEqual([...stored.keys()], ["vouchsafe device"]);
  assert.deepEqual((await open()).device, device);
  stored.set("vouchsafe device", "nonsense");
  assert.notDeepEqual((await open()).device, device);

  // What is forbidden does no harm.
  globalThis.window = {
    get localStorage() {
      throw new Error("SecurityError");
    },
  };
  const forbidden = await open();
  await forbidden.app.signIn({ email: "a@example.com", passphrase: "a passphrase" });
});

test("the browser's error is the cause, and there is none without it", async () => {
  const session = await signIn();
  await assert.rejects(session.connection("a"), (error) => code("offline")(error) && error.cause === raw.cause && "cause" in error);
  await assert.rejects(session.card("a"), (error) => code("not_found")(error) && !("cause" in error));
});

test("signing up wraps the session", async () => {
  const app = await api.Vouchsafe.open(services);
  const { session, recoveryKey } = await app.signUp({ email: "a@example.com", passphrase: "a passphrase" });
  assert.ok(session instanceof api.Session);
  assert.equal(recoveryKey, "AAAA");
});

test("recovering wraps the session and gives the new key", async () => {
  const app = await api.Vouchsafe.open(services);
  const options = { email: "a@example.com", recoveryKey: "AAAA", passphrase: "a passphrase" };
  const { session, recoveryKey } = await app.recover(options);
  assert.ok(session instanceof api.Session);
  assert.equal(recoveryKey, "BBBB");
  assert.deepEqual(called("recover"), [{ ...options, identityToken: undefined }]);
});

test("the passphrase is asked for again where it protects", async () => {
  const session = await signIn();
  const passphrase = "a passphrase";
  assert.equal(await session.makeRecoveryKey({ passphrase }), "CCCC");
  assert.equal(await session.deleteAccount({ passphrase }), undefined);
  assert.deepEqual(called("deleteAccount"), [{ passphrase, identityToken: undefined }]);
  await assert.rejects(session.changePassphrase({ passphrase, newPassphrase: "another one" }), code("conflict"));
  assert.deepEqual(called("changePassphrase"), [{ passphrase, identityToken: undefined, newPassphrase: "another one" }]);
});

test("an address is confirmed by a code", async () => {
  const session = await signIn();
  assert.deepEqual(await session.emailStatus(), { email: "a@example.com", confirmed: false });
  assert.deepEqual(await session.sendEmailCode(), { expiresAt: 5 });
  assert.equal(await session.confirmEmail("1234 5678"), undefined);
  assert.deepEqual(called("confirmEmail"), ["1234 5678"]);
});

test("an identity token stands for the address, and is fresh each time", async () => {
  const app = await api.Vouchsafe.open(services);
  let made = 0;
  const identityToken = async () => `token ${(made += 1)}`;
  const passphrase = "a passphrase";
  const session = await app.signIn({ identityToken, passphrase });
  assert.deepEqual(called("signIn"), [{ email: undefined, identityToken: "token 1", passphrase }]);
  await session.unlock({ passphrase });
  assert.deepEqual(called("unlock"), [{ passphrase, identityToken: "token 2" }]);
  await assert.rejects(session.changePassphrase({ passphrase, newPassphrase: "another one" }), code("conflict"));
  assert.deepEqual(called("changePassphrase"), [{ passphrase, identityToken: "token 3", newPassphrase: "another one" }]);

  const signedUp = await app.signUp({ identityToken: "a text", passphrase });
  assert.equal(called("signIn")[0].identityToken, "a text");
  await signedUp.session.makeRecoveryKey({ passphrase });
  assert.deepEqual(called("makeRecoveryKey"), [{ passphrase, identityToken: "a text" }]);
  await signedUp.session.unlock({ passphrase, identityToken });
  assert.equal(called("unlock")[0].identityToken, "token 4");
  await signedUp.session.deleteAccount({ passphrase });
  assert.equal(called("deleteAccount")[0].identityToken, "token 5", "the new source is kept");

  await app.recover({ identityToken, recoveryKey: "AAAA", passphrase });
  assert.deepEqual(called("recover"), [{ recoveryKey: "AAAA", passphrase, identityToken: "token 6" }]);
});

test("a function that gives no token is told", async () => {
  const app = await api.Vouchsafe.open(services);
  const passphrase = "a passphrase";
  const before = raw.calls.length;
  for (const [identityToken, wanted] of [
    [() => undefined, "bad_input"],
    [() => Promise.reject(new Error("signed out")), "identity_rejected"],
    [() => { throw new Error("signed out"); }, "identity_rejected"],
    [7, "bad_input"],
    [undefined, "bad_input"],
  ]) {
    await assert.rejects(app.signIn({ identityToken, passphrase }), (error) => {
      if (wanted === "identity_rejected") assert.equal(error.cause.message, "signed out");
      return code(wanted)(error);
    });
  }
  await assert.rejects(app.signIn({ email: "a@example.com", identityToken: "t", passphrase }), code("bad_input"));
  await assert.rejects(app.recover({ email: "a@example.com", identityToken: "t", recoveryKey: "AAAA", passphrase }), code("bad_input"));
  assert.equal(raw.calls.length, before);
});

test("what fails in the worker arrives with its code", async () => {
  await assert.rejects(signIn("wrong passphrase"), code("wrong_credentials"));
  const caused = (error) => code("worker_unavailable")(error) && error.cause instanceof Error && error.cause.message === "out of memory";
  await assert.rejects(signIn("out of memory"), caused);
});

test("without the worker's file the worker is made from what is loaded", async () => {
  const missing = new URL("nowhere.js", import.meta.url);
  delete globalThis.vouchsafeWorked;
  await signIn("a passphrase", { worker: missing });
  assert.deepEqual([...called("finished")[0].exportKey], [9]);
  assert.equal(globalThis.vouchsafeWorked, undefined, "this thread did the work");
  await assert.rejects(signIn("wrong passphrase", { worker: missing }), code("wrong_credentials"));
});

test("where there are no workers the thread does the work itself", async (t) => {
  t.mock.method(process, "getBuiltinModule", () => undefined);
  await signIn();
  assert.ok(globalThis.vouchsafeWorked);
  const [finished, state] = called("finished");
  assert.equal(new TextDecoder().decode(finished.message), "a@example.com");
  assert.ok([...state].every((byte) => byte === 0));
  await assert.rejects(signIn("wrong passphrase"), code("wrong_credentials"));
  await assert.rejects(signIn("out of memory"), (error) => code("worker_unavailable")(error) && !/[Cc]opy/.test(error.message));
});

test("a page in which no worker starts is told the cure, and does not stand still", async (t) => {
  const named = (error) => code("worker_unavailable")(error) && /vouchsafe-worker\.js/.test(error.message) && error.cause === mine;
  const mine = new Error("no");
  const started = [];
  const throwing = class {
    constructor(address, { type } = {}) {
      started.push(`${address} ${type}`);
      throw mine;
    }
  };
  await assert.rejects(signIn("a passphrase", { worker: () => new throwing() }), named);
  asPage(t, { document: {}, Worker: throwing });
  await assert.rejects(signIn(), named);
  assert.match(started.join("\n"), /^undefined undefined\n.*vouchsafe-worker\.js undefined\n.*vouchsafe-worker\.js module\nblob:\S+ undefined\nblob:\S+ module$/);
});

test("a worker that cannot be handed the module gets its bytes", async (t) => {
  const given = [];
  class Worker {
    constructor(address) {
      this.address = String(address);
    }
    postMessage({ module }) {
      given.push([this.address.slice(0, 5), Object.prototype.toString.call(module)]);
      if (module instanceof WebAssembly.Module) throw new DOMException("It could not be cloned.", "DataCloneError");
      queueMicrotask(() => this.onmessage({ data: { ok: { message: Uint8Array.of(), exportKey: Uint8Array.of() } } }));
    }
    terminate() {}
  }
  asPage(t, { document: {}, Worker });
  await signIn();
  assert.deepEqual(given, [["file:", "[object WebAssembly.Module]"], ["blob:", "[object Uint8Array]"]]);
});

test("values of another window's classes are known by what they are", async () => {
  const strange = (script) => runInNewContext(script, { WebAssembly });
  const { compileFrom } = await import(pathToFileURL(join(folder, "load.js")));
  const bytes = strange("new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])");
  assert.ok(!(bytes instanceof Uint8Array));
  const compiled = strange("new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))");
  for (const wasm of [bytes, bytes.buffer, compiled]) assert.ok((await compileFrom(() => wasm)) instanceof WebAssembly.Module);
  const session = await signIn();
  await session.invite({ delivery: "link", name: "Bob", expiresAt: strange("new Date(5)") });
  assert.equal(called("invite")[0].expiresAt, 5);
  const error = strange(`Object.assign(new Error("gone"), { name: "VouchsafeError", code: "not_found" })`);
  assert.ok(code("not_found")(error) && !(error instanceof Error));
});

test("an error tells whether to try again, and narrows by its code", () => {
  const offline = new api.VouchsafeError("offline", "Try again.", { cause: 7 });
  assert.equal(offline.retryable, true);
  assert.equal(offline.cause, 7);
  assert.equal(new api.VouchsafeError("conflict", "Read it again.").retryable, false);
  assert.equal(new api.VouchsafeError("server_error", "It is wrong.", { retryable: false }).retryable, false);
  assert.ok(api.isVouchsafeError(offline) && code("offline")(offline));
  assert.ok(!code("conflict")(offline) && !api.isVouchsafeError(new Error("offline")));
});

test("errors are errors, within results too", async () => {
  const session = await signIn();
  await assert.rejects(session.card("a"), (error) => error instanceof api.VouchsafeError && error.code === "not_found");
  const { items } = await session.cards();
  assert.equal(items[0].error, undefined);
  assert.ok(code("not_found")(items[1].error));
  assert.equal(String(items[1].error), "VouchsafeError: It is gone.");
  const results = await session.shareWithMany({ card: "c", connections: ["a", "b"] });
  assert.equal(results[0].error, null);
  assert.ok(code("not_found")(results[1].error));
});

test("arguments of the wrong kind are refused before the module sees them", async () => {
  const session = await signIn();
  const wrong = [
    () => session.card(7),
    () => session.createCard({ label: "x", fields: [{ name: "a", label: "b" }] }),
    () => session.cards({ limit: "7" }),
    () => session.invite({ delivery: "pigeon", name: "Bob" }),
    () => session.invite({ delivery: "email", name: "Bob" }),
    () => session.invite({ delivery: "link", name: "Bob", expiresAt: new Date("never") }),
    () => session.share(),
    () => session.shareWithMany({ card: "c", connections: "a" }),
    () => session.accept({ link: "x" }),
    () => session.confirmEmail(),
    () => session.confirmEmail(12345678),
    () => session.deleteAccount(),
    () => session.deleteAccount({}),
    () => session.makeRecoveryKey({ passphrase: null }),
    () => session.changePassphrase({ passphrase: "a passphrase" }),
    () => api.Vouchsafe.open({ vault: new URL(services.vault), keystore: services.keystore }),
    () => api.Vouchsafe.open(),
  ];
  const before = raw.calls.length;
  for (const call of wrong) await assert.rejects(call(), code("bad_input"), String(call));
  assert.throws(() => session.on("weather", () => {}), code("bad_input"));
  assert.equal(raw.calls.length, before);
});

/** Calls that give a text to the package, wherever one can be given. */
const textCalls = (session, app, text) => [
  ...["vault", "keystore", "invitationUrl"].map((name) => () => api.Vouchsafe.open({ ...services, [name]: text })),
  () => app.signUp({ email: `${text}@example.com`, passphrase: "a passphrase" }),
  () => app.signUp({ email: "a@example.com", passphrase: text }),
  () => app.signIn({ identityToken: text, passphrase: "a passphrase" }),
  () => app.signIn({ identityToken: async () => text, passphrase: "a passphrase" }),
  () => app.recover({ email: "a@example.com", recoveryKey: text, passphrase: "a passphrase" }),
  () => app.recover({ email: "a@example.com", recoveryKey: "AAAA", passphrase: text }),
  () => session.createCard({ label: text, fields: [] }),
  ...["name", "label", "value"].map((name) => () => session.createCard({ label: "L", fields: [{ name: "n", label: "N", value: "v", [name]: text }] })),
  () => session.updateCard({ id: text, version: 1, label: "L", fields: [] }),
  ...["card", "deleteCard", "cancelInvitation", "connection", "disconnect", "revokeShare", "readShare", "acceptOlder", "confirmEmail"].map(
    (name) => () => session[name](text),
  ),
  () => session.cards({ cursor: text }),
  () => session.outgoingShares({ connection: text }),
  () => session.invite({ delivery: "link", name: text }),
  () => session.invite({ delivery: "email", name: "Bob", email: `bob@${text}` }),
  () => session.accept({ link: text }, { name: "Alice" }),
  () => session.accept({ link: "l" }, { name: text }),
  () => session.declineInvitation({ id: text, token: "t" }),
  () => session.declineInvitation({ id: "a", token: text }),
  () => session.markVerified("a", text),
  () => session.share({ card: text, connection: "d" }),
  () => session.share({ card: "c", connection: text }),
  () => session.share({ card: "c", connection: "d", fields: ["n", text] }),
  () => session.shareWithMany({ card: "c", connections: ["d", text] }),
  () => session.readShares(["a", text]),
  () => session.unlock({ passphrase: text }),
  () => session.makeRecoveryKey({ passphrase: text }),
  () => session.changePassphrase({ passphrase: "p", newPassphrase: text }),
  () => session.deleteAccount({ passphrase: text }),
];

test("half a letter is refused wherever it is given, and a whole one is not", async () => {
  const app = await api.Vouchsafe.open(services);
  const session = await signIn();
  const before = raw.calls.length;
  for (const half of ["\ud83d", "\ude00", "a passphrase \ud83d", "\ude00\ud83d", "a\ud83db"]) {
    for (const call of textCalls(session, app, half)) await assert.rejects(async () => call(), code("bad_input"), `${JSON.stringify(half)} ${call}`);
  }
  assert.equal(raw.calls.length, before, "nothing reached the module");
  await session.createCard({ label: "\u{1f600}", fields: [{ name: "n", label: "N", value: "a\u{1f600}\u{1f468}\u200d\u{1f469}" }] });
  assert.equal(called("createCard")[0].fields[0].value, "a\u{1f600}\u{1f468}\u200d\u{1f469}", "what is kept is not touched");
});

test("what people type and paste reaches the module in one form", async () => {
  const app = await api.Vouchsafe.open(services);
  const session = await signIn();
  /** The four texts that people type, as the module gets them. */
  const heard = async (text) => {
    await app.recover({ email: "a@example.com", recoveryKey: text, passphrase: "a passphrase" });
    await session.markVerified("a", text);
    await session.confirmEmail(text);
    await session.accept({ link: text }, { name: "Alice" });
    const all = [called("recover")[0].recoveryKey, called("markVerified")[1], called("confirmEmail")[0], called("accept")[0].link];
    assert.equal(new Set(all).size, 1, JSON.stringify(all));
    return all[0];
  };
  for (const dash of "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d") assert.equal(await heard(`12${dash}34`), "12-34");
  for (const blank of "\u00a0\u2002\u2009\u202f\u3000") assert.equal(await heard(`12${blank}34`), "12 34");
  for (const nothing of "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufe0f\ufeff") {
    assert.equal(await heard(`${nothing}12${nothing}34${nothing}`), "1234", nothing.codePointAt(0).toString(16));
  }
  assert.equal(await heard("ＡＢ１２"), "AB12");

  let systems = 0;
  for (const numberingSystem of Intl.supportedValuesOf("numberingSystem")) {
    const written = new Intl.NumberFormat("en", { numberingSystem, useGrouping: false }).format(1234567890);
    if (!/^\p{Nd}+$/u.test(written)) continue;
    assert.equal(await heard(written), "1234567890", numberingSystem);
    systems += 1;
  }
  assert.ok(systems > 50, `${systems} scripts`);
});

test("an address has one form, and what can mean two is none", async () => {
  const app = await api.Vouchsafe.open(services);
  const session = await signIn();
  const heard = async (email) => {
    await app.signIn({ email, passphrase: "a passphrase" });
    await session.invite({ delivery: "email", name: "Bob", email });
    assert.equal(called("invite")[0].email, called("signIn")[0].email);
    return called("signIn")[0].email;
  };
  for (const same of [
    "bob@example.org",
    " bob@example.org\r\n",
    "\u200fbob@example.org\u200b",
    "\ufeff\u00a0bob@example.org\u2069",
    "bob@EXAMPLE.org",
    "bob@example.org.",
    "ｂｏｂ＠ｅｘａｍｐｌｅ．ｏｒｇ",
    "bob@example。org",
    "bob@exam\u00adple.org",
  ]) {
    assert.equal(await heard(same), "bob@example.org", JSON.stringify(same));
  }
  for (const same of ["anna@bücher.example", "anna@bu\u0308cher.example", "anna@BÜCHER.example", "anna@xn--bcher-kva.example", "anna@XN--BCHER-KVA.example"]) {
    assert.equal(await heard(same), "anna@xn--bcher-kva.example", JSON.stringify(same));
  }
  assert.equal(await heard("O'Neill+x=1@faß.example"), "O'Neill+x=1@xn--fa-hia.example");
  const before = raw.calls.length;
  for (const email of ["", "bob", "bob@", "@example.org", "a\n@x", "a@b c", "a@b/c", "a@b:80", "a@b?c", "a@b#c", "a@b\\c", "a@%62", "a@[::1]", "a@b\u200fc", "a@b\u202ec"]) {
    await assert.rejects(app.signUp({ email, passphrase: "a passphrase" }), code("bad_input"), JSON.stringify(email));
    await assert.rejects(session.invite({ delivery: "email", name: "Bob", email }), code("bad_input"), JSON.stringify(email));
  }
  assert.equal(raw.calls.length, before);
});

test("the module gets plain objects, and times as numbers", async () => {
  const session = await signIn();
  await session.share({ card: "c", connection: "d", fields: ["number"], expiresAt: new Date(5) });
  const expected = { card: "c", connection: "d", fields: ["number"], expiresAt: 5, acceptUnverified: undefined };
  assert.deepEqual(called("share"), [expected]);
  await session.outgoingShares({ connection: "d" });
  assert.deepEqual(called("outgoingShares"), [{ cursor: undefined, limit: undefined, connection: "d" }]);
});

test("a listener can be ended, and its own errors stay out of the module", async (context) => {
  const session = await signIn();
  const late = new Promise((resolve) => context.mock.method(globalThis, "queueMicrotask", resolve));
  const end = session.on("share", () => {
    throw new Error("the app's own");
  });
  assert.throws(await late, /the app's own/);
  end();
  assert.deepEqual(called("cancel"), ["share"]);
});

test("where there is no WebCrypto nothing is kept, and the session goes on", async (context) => {
  const session = await signIn();
  Object.defineProperty(crypto, "subtle", { value: undefined, configurable: true });
  context.after(() => delete crypto.subtle);
  await assert.rejects(session.persist({ scope: "tab" }), (error) => code("storage_unavailable")(error) && error.cause instanceof TypeError);
  assert.equal(session.locked, false);
});

test("only the package makes sessions", () => {
  assert.throws(() => new api.Session(), TypeError);
  assert.throws(() => new api.Vouchsafe({}), TypeError);
});

test("a misspelt option is refused, not passed over", async () => {
  const session = await signIn();
  const share = { card: "c", connection: "x" };
  const calls = [
    () => session.share({ ...share, expireAt: Date.now() }),
    () => session.share({ ...share, connections: ["y"] }),
    () => session.shareWithMany({ card: "c", connections: ["x"], acceptUnverifed: true }),
    () => session.invite({ delivery: "link", name: "Bob", expires: 1 }),
    () => session.cards({ limits: 5 }),
    () => session.outgoingShares({ conection: "x" }),
    () => session.accept({ link: "l", token: "t" }, { name: "Alice" }),
    () => session.accept({ link: "l" }, { names: "Alice" }),
    () => session.unlock({ passphrase: "p", password: "p" }),
    () => session.changePassphrase({ passphrase: "p", newPassphrase: "q", newPassphrases: "q" }),
    () => api.Vouchsafe.open({ ...services, invitationURL: "https://example.com/" }),
  ];
  for (const call of calls) await assert.rejects(call, code("bad_input"), String(call));
  await session.share({ ...share, fields: undefined, expiresAt: null });
  // A card that was read may be written back as it is.
  await session.createCard({ id: "c", label: "L", fields: [], version: 1, createdAt: 1 });
});

/** Makes a call of the module wait until it is ended. */
const slow = (t, name) => {
  const { prototype } = raw.RawSession;
  const before = prototype[name];
  t.after(() => (prototype[name] = before));
  prototype[name] = function () {
    return new Promise((_, reject) => (this.ended = () => reject({ code: "aborted", message: "It was ended." })));
  };
};

test("a signal ends a call with any reason, which becomes the cause", async (t) => {
  const session = await signIn();
  slow(t, "cards");
  for (const reason of ["a text", new RangeError("enough"), { enough: true }, null]) {
    const controller = new AbortController();
    const call = session.cards({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(call, (error) => code("aborted")(error) && error.cause === reason);
  }
  const controller = new AbortController();
  const call = session.cards({ signal: controller.signal });
  controller.abort();
  await assert.rejects(call, (error) => code("aborted")(error) && error.cause.name === "AbortError");
  assert.deepEqual(raw.calls.slice(-2), [["abort"], ["free"]]);
});

test("a signal that was aborted before reaches no module, and one that is none is refused", async () => {
  const session = await signIn();
  const before = raw.calls.length;
  await assert.rejects(session.card("a", { signal: AbortSignal.abort("early") }), (error) => code("aborted")(error) && error.cause === "early");
  assert.equal(raw.calls.length, before);
  for (const signal of [7, {}, new AbortController()]) await assert.rejects(session.card("a", { signal }), code("bad_input"));
  await assert.rejects(session.card("a", { signals: null }), code("bad_input"));
});

test("progress is told as one object, and a listener's errors stay out of the module", async (t) => {
  const session = await signIn();
  const { prototype } = raw.RawSession;
  const { cards } = prototype;
  t.after(() => (prototype.cards = cards));
  prototype.cards = async function () {
    this.tell(1, 2);
    return { items: [], next: null };
  };
  const told = [];
  await session.cards({ onProgress: (progress) => told.push(progress) });
  assert.deepEqual(told, [{ done: 1, total: 2 }]);
  const late = new Promise((resolve) => t.mock.method(globalThis, "queueMicrotask", resolve));
  const failing = () => {
    throw new Error("the app's own");
  };
  assert.deepEqual(await session.cards({ onProgress: failing }), { items: [], next: null });
  assert.throws(await late, /the app's own/);
});

test("a session that was disposed of is over", { skip: !Symbol.dispose }, async () => {
  const session = await signIn();
  session[Symbol.dispose]();
  assert.deepEqual(raw.calls.at(-1), ["free"]);
  await session[Symbol.asyncDispose]();
  assert.equal(session.locked, true);
  assert.equal(session.email, "a@example.com");
  await assert.rejects(session.cards(), code("session_expired"));
  await assert.rejects(session.lock(), code("session_expired"));
  assert.throws(() => session.on("share", () => {}), code("session_expired"));
});

test("listening ends once, by `using`, too", { skip: !Symbol.dispose }, async () => {
  const session = await signIn();
  const end = session.on("revoked", () => {});
  const before = raw.calls.length;
  end[Symbol.dispose]();
  end();
  assert.deepEqual(raw.calls.slice(before), [["cancel", "revoked"]]);
});

test("where nothing can be stored, nothing is kept and nothing is found", async () => {
  const app = await api.Vouchsafe.open(services);
  assert.equal(await app.resume(), null);
  const session = await app.signIn({ email: "a@example.com", passphrase: "a passphrase" });
  await assert.rejects(session.persist({ scope: "tab" }), code("storage_unavailable"));
  await assert.rejects(session.persist({ scope: "everywhere" }), code("bad_input"));
  await assert.rejects(session.persist(), code("bad_input"));
});

test("an app is told that events may be lost", async (t) => {
  const { prototype } = raw.RawSession;
  const { watch } = prototype;
  t.after(() => (prototype.watch = watch));
  let watcher;
  prototype.watch = (given) => (watcher = given);
  const session = await signIn();
  const heard = [];
  for (const kind of ["missed", "locked"]) session.on(kind, (event) => heard.push(event));
  watcher("event");
  watcher("missed");
  assert.deepEqual(heard, [{ kind: "missed" }]);
});

test("a session locks when it was not used for a while, by the clock", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { prototype } = raw.RawSession;
  const { lock } = prototype;
  t.after(() => (prototype.lock = lock));
  const session = await signIn("a passphrase", { lockAfter: 1000 });
  const heard = [];
  session.on("locked", ({ kind }) => heard.push(kind));
  const locked = new Promise((resolve) => {
    prototype.lock = async function () {
      this.locked = true;
      this.watcher("access");
      resolve();
    };
  });
  await session.createCard({ label: "L", fields: [] });
  t.mock.timers.tick(999);
  assert.equal(session.locked, false);
  await session.createCard({ label: "L", fields: [] });
  t.mock.timers.tick(999);
  assert.equal(session.locked, false);
  t.mock.timers.tick(1);
  await locked;
  await Promise.resolve();
  assert.deepEqual(heard, ["locked"]);
  session.lockAfter(null);
  for (const wrong of [0, -1, 1.5, "1", undefined]) assert.throws(() => session.lockAfter(wrong), code("bad_input"));
});

/** A call of every method of a session, with no option that may be left out. */
const everyCall = {
  persist: (session) => session.persist({ scope: "tab" }),
  lockAfter: (session) => session.lockAfter(null),
  createCard: (session) => session.createCard({ label: "L", fields: [{ name: "n", label: "N", value: "v" }] }),
  cards: (session) => session.cards({}),
  card: (session) => session.card("a", {}),
  updateCard: (session) => session.updateCard({ id: "a", version: 1, label: "L", fields: [] }, {}),
  deleteCard: (session) => session.deleteCard("a", {}),
  invite: (session) => session.invite({ delivery: "link", name: "Bob" }),
  invitations: (session) => session.invitations({}),
  cancelInvitation: (session) => session.cancelInvitation("a", {}),
  declineInvitation: (session) => session.declineInvitation({ id: "a", token: "t" }, {}),
  accept: (session) => session.accept({ link: "l" }, { name: "Alice" }),
  connections: (session) => session.connections({}),
  connection: (session) => session.connection("a", {}),
  markVerified: (session) => session.markVerified("a", "0", {}),
  disconnect: (session) => session.disconnect("a", {}),
  share: (session) => session.share({ card: "c", connection: "a" }),
  shareWithMany: (session) => session.shareWithMany({ card: "c", connections: ["a"] }),
  outgoingShares: (session) => session.outgoingShares({}),
  revokeShare: (session) => session.revokeShare("a", {}),
  incomingShares: (session) => session.incomingShares({}),
  readShare: (session) => session.readShare("a", {}),
  readShares: (session) => session.readShares(["a"], {}),
  acceptOlder: (session) => session.acceptOlder("a", {}),
  on: (session) => session.on("share", () => {})(),
  lock: (session) => session.lock(),
  unlock: (session) => session.unlock({ passphrase: "p" }),
  changePassphrase: (session) => session.changePassphrase({ passphrase: "p", newPassphrase: "q" }),
  makeRecoveryKey: (session) => session.makeRecoveryKey({ passphrase: "p" }),
  emailStatus: (session) => session.emailStatus({}),
  sendEmailCode: (session) => session.sendEmailCode({}),
  confirmEmail: (session) => session.confirmEmail("12345678", {}),
  deleteAccount: (session) => session.deleteAccount({ passphrase: "p" }),
  signOut: (session) => session.signOut({}),
};

/** The same of the package's entry. */
const everyEntry = {
  check: (app) => app.check({}),
  signUp: (app) => app.signUp({ email: "a@example.com", passphrase: "p" }),
  signIn: (app) => app.signIn({ email: "a@example.com", passphrase: "p" }),
  resume: (app) => app.resume(),
  recover: (app) => app.recover({ identityToken: "t", recoveryKey: "AAAA", passphrase: "p" }),
};

/** The methods of a class, but for those that `using` calls. */
const methodsOf = ({ prototype }) => {
  const members = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  return members.filter(([name, { value }]) => name !== "constructor" && typeof value === "function").map(([name]) => name);
};

/** The name of every member in the package's types, and some of its own. */
async function everyMember() {
  const types = await Promise.all(["index.d.ts", "external.d.ts", "full.d.ts"].map((file) => readFile(join(folder, file), "utf8")));
  const found = types.join("\n").matchAll(/^\s+(?:readonly )?(\w+)\??:/gm);
  return new Set([...[...found].map(([, name]) => name), "entry", "members", "ok", "error"]);
}

test("no option is read from what a script has put into Object.prototype", async (t) => {
  const entries = await Promise.all(["index.js", "external.js", "full.js"].map((file) => import(pathToFileURL(join(folder, file)))));
  const names = await everyMember();
  assert.ok(names.size > 60 && names.has("worker") && names.has("acceptUnverified") && names.has("engine"));
  t.after(() => names.forEach((name) => delete Object.prototype[name]));
  const reads = new Set();
  for (const name of names) {
    const read = () => {
      // Behind the error's own line and this function's is the place that read.
      const place = new Error().stack.split("\n")[2];
      if (place.includes(folder) && !place.includes("glue.js")) reads.add(`${name} ${place.trim()}`);
    };
    // Else nobody could assign a member of this name.
    const set = function (value) {
      Object.defineProperty(this, name, { __proto__: null, value, configurable: true, enumerable: true, writable: true });
    };
    Object.defineProperty(Object.prototype, name, { __proto__: null, get: read, set, configurable: true });
  }
  // This is how it would look.
  await writeFile(join(folder, "careless.js"), "export default ({ worker }) => worker;");
  (await import(pathToFileURL(join(folder, "careless.js")))).default({});
  assert.equal(reads.size, 1);
  reads.clear();

  for (const { Vouchsafe, Session } of entries) {
    // The external entry looks for its file, which is not here.
    const app = await Vouchsafe.open(services).catch(() => Vouchsafe.open({ ...services, wasm: emptyModule }));
    assert.deepEqual(methodsOf(Session).filter((name) => !(name in everyCall)), []);
    assert.deepEqual(methodsOf(Vouchsafe).filter((name) => !(name in everyEntry)), []);
    for (const call of Object.values(everyEntry)) await call(app).catch(() => {});
    const session = await app.signIn({ email: "a@example.com", passphrase: "p" });
    for (const call of Object.values(everyCall)) {
      await Promise.resolve().then(() => call(session)).catch(() => {});
    }
  }
  const error = new api.VouchsafeError("offline", "Try again.", {});
  assert.equal("cause" in error && error.cause !== undefined, false);
  api.isVouchsafeError(error, "offline");
  assert.deepEqual([...reads], []);
});

test("an option of Object.prototype takes no effect", async (t) => {
  const polluted = { worker: "https://evil.example/worker.js", invitationUrl: "https://evil.example/", acceptUnverified: true, cause: 7, identityToken: "t" };
  t.after(() => Object.keys(polluted).forEach((name) => delete Object.prototype[name]));
  Object.assign(Object.prototype, polluted);
  const session = await signIn();
  assert.equal(called("open")[0].invitationUrl, undefined);
  assert.equal(called("signIn")[0].identityToken, undefined);
  await session.share({ card: "c", connection: "d" });
  assert.equal(called("share")[0].acceptUnverified, undefined);
  assert.ok(!Object.hasOwn(new api.VouchsafeError("offline", "Try again.", {}), "cause"));
});

/** Gives the page these globals for a test. */
const asPage = (t, globals) => {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => delete globalThis[name]);
  }
};

test("links lead to the page by default, without its query", async (t) => {
  asPage(t, { location: { href: "https://app.example/cards?reset=secret#vouchsafe=1.l.x" } });
  await api.Vouchsafe.open(services);
  assert.equal(called("open")[0].invitationUrl, "https://app.example/cards");
});

test("the policy of Trusted Types lets through the worker that starts, and cannot be reached", async (t) => {
  const made = [];
  const started = [];
  const trustedTypes = {
    createPolicy(name, rules) {
      assert.equal(name, "vouchsafe");
      made.push(rules);
      return { createScriptURL: (url) => ({ trusted: rules.createScriptURL(url) }) };
    },
  };
  class Worker {
    constructor(url) {
      started.push(url);
    }
    postMessage() {
      queueMicrotask(() => this.onmessage({ data: { ok: { message: Uint8Array.of(), exportKey: Uint8Array.of() } } }));
    }
    terminate() {}
  }
  const before = Object.getOwnPropertySymbols(globalThis).length;
  const baseURI = "https://app.example/page";
  asPage(t, { trustedTypes, Worker, location: new URL(baseURI), origin: "https://app.example", document: { baseURI } });
  for (const worker of ["/worker.js", new URL("https://app.example/worker.js")]) await signIn("a passphrase", { worker });
  assert.deepEqual(started, Array(2).fill({ trusted: "https://app.example/worker.js" }));
  await assert.rejects(signIn("a passphrase", { worker: "https://evil.example/worker.js" }), code("worker_unavailable"));

  assert.equal(made.length, 1);
  const [{ createScriptURL }] = made;
  for (const url of ["https://app.example/upload.js", "https://app.example/worker.js"]) assert.throws(() => createScriptURL(url), TypeError);
  assert.equal(Object.getOwnPropertySymbols(globalThis).length, before);
});
