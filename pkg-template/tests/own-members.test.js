/** What scripts have put into `Object.prototype`, and the globals of the page, reach no call. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { api, asPage, called, code, emptyModule, folder, services, signIn } from "./common.js";
import { Vault } from "./files-common.js";

/** A call of every method of a session, with no option that may be left out. */
const everyCall = {
  persist: (session) => session.persist({ scope: "tab" }),
  lockAfter: (session) => session.lockAfter(null),
  createCard: (session) => session.createCard({ label: "L", fields: [{ name: "n", label: "N", value: "v" }] }),
  cards: (session) => session.cards({}),
  card: (session) => session.card("a", {}),
  updateCard: (session) => session.updateCard({ id: "a", version: 1, label: "L", fields: [] }, {}),
  deleteCard: (session) => session.deleteCard("a", {}),
  addFile: (session) => Promise.all([new Blob(["a"]), Uint8Array.of(1)].map((source) => session.addFile(source, { name: "a" }))),
  file: async (session) => (await session.file(await session.addFile(new Blob(["a"]), { name: "a" }))).blob({}),
  pendingUploads: (session) => session.pendingUploads(),
  resumeUpload: (session) => session.resumeUpload("a", new Blob([]), {}).catch(() => {}),
  discardUpload: (session) => session.discardUpload("a").catch(() => {}),
  exportAccount: (session) => session.exportAccount({}).next(),
  importCards: (session) => session.importCards('{"type":"card","id":"a","label":"L","fields":[]}'),
  invite: (session) => session.invite({ delivery: "link", name: "Bob" }),
  invitations: (session) => session.invitations({}),
  cancelInvitation: (session) => session.cancelInvitation("a", {}),
  declineInvitation: (session) => session.declineInvitation({ id: "a", token: "t" }, {}),
  accept: (session) => session.accept({ link: "l" }, { name: "Alice" }),
  connections: (session) => session.connections({}),
  connection: (session) => session.connection("a", {}),
  markVerified: (session) => session.markVerified("a", "0", {}),
  renameConnection: (session) => session.renameConnection("a", "Bob", {}),
  disconnect: (session) => session.disconnect("a", {}),
  share: (session) => session.share({ card: "c", connection: "a" }),
  shareWithMany: (session) => session.shareWithMany({ card: "c", connections: ["a"] }),
  outgoingShares: (session) => session.outgoingShares({}),
  sharesOf: (session) => session.sharesOf("c", {}),
  revokeShare: (session) => session.revokeShare("a", {}),
  shareByLink: (session) => session.shareByLink({ card: "c", expiresAt: 1, name: "Alice" }),
  linkShares: (session) => session.linkShares({}),
  revokeLink: (session) => session.revokeLink("a", {}),
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
  kept: (app) => app.kept(),
  resume: (app) => app.resume({}),
  previewInvitation: (app) => app.previewInvitation({ link: "l" }),
  openLink: (app) => app.openLink("l", {}),
  readLink: async (app) => app.readLink("https://app.example/"),
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
    const { fetch, requests } = new Vault();
    const options = { ...services, fetch };
    const app = await Vouchsafe.open(options).catch(() => Vouchsafe.open({ ...options, wasm: emptyModule }));
    assert.deepEqual(methodsOf(Session).filter((name) => !(name in everyCall)), []);
    assert.deepEqual(methodsOf(Vouchsafe).filter((name) => !(name in everyEntry)), []);
    for (const call of Object.values(everyEntry)) await call(app).catch(() => {});
    const session = await app.signIn({ email: "a@example.com", passphrase: "p" });
    for (const call of Object.values(everyCall)) {
      await Promise.resolve().then(() => call(session)).catch(() => {});
    }
    assert.deepEqual(requests.slice(-2).map(({ method, range }) => `${method} ${range}`), ["GET undefined", "GET bytes=0-4151"]);
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
