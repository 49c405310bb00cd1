/** The calls of the package, what they hand to its module, and what they make of the answers. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { api, asPage, called, code, emptyModule, folder, raw, services, signIn } from "./common.js";

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

test("the page of links is an address without a fragment, as the URL Standard writes it", async () => {
  const opened = async (invitationUrl) => (await api.Vouchsafe.open({ ...services, invitationUrl }), called("open")[0].invitationUrl);
  assert.equal(await opened(" HTTPS://App.example"), "https://app.example/");
  assert.equal(await opened("http://localhost:5173/invited?lang=de"), "http://localhost:5173/invited?lang=de");
  const wrong = ["", "/invited", "app.example", "//app.example/", "https://", "javascript:alert(1)", "file:///app/index.html", "https://app.example/#", "https://app.example/#/invited", 7, new URL("https://app.example/")];
  for (const other of wrong) {
    await assert.rejects(opened(other), (error) => code("bad_input")(error) && error.argument === "invitationUrl", String(other));
  }
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

test("a page says that it was cut, and the last one that it was not", async () => {
  const session = await signIn();
  const cut = async (next, options) => {
    raw.pages.next = next;
    return (await session.cards(options)).cut;
  };
  assert.deepEqual([await cut("c"), await cut("c", { limit: 3 }), await cut("c", { limit: 2 }), await cut(null)], [true, true, false, false]);
});

test("the module gets plain objects, and times as numbers", async () => {
  const session = await signIn();
  await session.share({ card: "c", connection: "d", fields: ["number"], expiresAt: new Date(5) });
  const expected = { card: "c", connection: "d", fields: ["number"], files: undefined, live: undefined, expiresAt: 5, acceptUnverified: undefined };
  assert.deepEqual(called("share"), [expected]);
  await session.outgoingShares({ connection: "d" });
  assert.deepEqual(called("outgoingShares"), [{ cursor: undefined, limit: undefined, connection: "d" }]);
});

test("a listener can be ended, and its own errors are reported as those of events are", async (t) => {
  const session = await signIn();
  const own = new Error("the app's own");
  const failing = () => {
    throw own;
  };
  const logged = t.mock.method(console, "error", () => {});
  const end = session.on("share", failing);
  assert.deepEqual(logged.mock.calls.map((call) => call.arguments), [[own]], "Node.js goes on");
  end();
  assert.deepEqual(called("cancel"), ["share"]);

  const reported = [];
  asPage(t, { reportError: (error) => reported.push(error) });
  session.on("share", failing);
  await signIn("a passphrase", { onStep: failing });
  assert.deepEqual([reported, logged.mock.callCount()], [[own, own], 1]);
});

test("a listener that throws keeps no other from hearing", async (t) => {
  t.mock.method(console, "error", () => {});
  const { prototype } = raw.RawSession;
  const { watch } = prototype;
  t.after(() => (prototype.watch = watch));
  let watcher;
  prototype.watch = (given) => (watcher = given);
  const session = await signIn();
  const heard = [];
  session.on("missed", () => {
    throw new Error("the app's own");
  });
  session.on("missed", ({ kind }) => heard.push(kind));
  watcher("missed");
  watcher("missed");
  assert.deepEqual(heard, ["missed", "missed"]);
});

test("what is left out of an update of a card stays", async (t) => {
  const { prototype } = raw.RawSession;
  const { card } = prototype;
  t.after(() => (prototype.card = card));
  const session = await signIn();
  const file = { id: "f", name: "a.txt", type: "text/plain", size: 5, key: "k", digest: "d" };
  const before = { id: "c", kind: "login", data: '{"icon":"key"}', files: [file] };
  prototype.card = async (id) => (raw.calls.push(["card", id]), before);
  const update = { id: "c", version: 2, label: "L", fields: [] };
  const written = async (more) => {
    const asked = raw.calls.length;
    await session.updateCard({ ...update, ...more });
    const { kind, data, files } = called("updateCard")[0].content;
    return [kind, data, files, raw.calls.slice(asked).filter(([name]) => name === "card").length];
  };
  assert.deepEqual(await written({}), ["login", before.data, [file], 1]);
  assert.deepEqual(await written({ kind: undefined, data: { icon: "lock" }, files: [] }), ["login", '{"icon":"lock"}', [], 1]);
  assert.deepEqual(await written({ kind: "key" }), ["key", before.data, [file], 1]);
  assert.deepEqual(await written({ kind: null, data: null, files: [] }), [undefined, undefined, [], 0], "null takes it away, and nothing is read");
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
  const logged = t.mock.method(console, "error", () => {});
  const own = new Error("the app's own");
  const failing = () => {
    throw own;
  };
  assert.deepEqual(await session.cards({ onProgress: failing }), { items: [], next: null, cut: false });
  assert.equal(logged.mock.calls[0].arguments[0], own);
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

test("shares are brought up to date when the module says that they may lag", async (t) => {
  const { watch } = raw.RawSession.prototype;
  t.after(() => (raw.RawSession.prototype.watch = watch));
  let tell;
  raw.RawSession.prototype.watch = (watcher) => (tell = watcher);
  const session = await signIn();
  const count = () => raw.calls.filter(([name]) => name === "catchUpShares").length;
  const before = count();
  tell("missed");
  assert.equal(count(), before);
  tell("lagging");
  await new Promise(setImmediate);
  assert.equal(count(), before + 1);
  assert.equal(session.locked, false);
});
