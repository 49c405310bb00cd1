/** The stand-in for tests of apps, as an app's tests use it. */

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { posix } from "node:path";
import { afterEach, test } from "node:test";
import { Session, Vouchsafe, VouchsafeError, isVouchsafeError, standIn } from "../testing.js";
import { everyCall } from "./every-call.mjs";

const options = { vault: "https://example.com/vault", keystore: "https://example.com/keystore", invitationUrl: "https://app.example/" };
const passphrase = "correct horse battery";
const code = (wanted) => (error) => isVouchsafeError(error, wanted);
const read = (file) => readFile(new URL(`../${file}`, import.meta.url), "utf8");

afterEach(() => standIn.reset());

async function person(name, more = {}) {
  const app = await Vouchsafe.open({ ...options, ...more });
  const { session } = await app.signUp({ email: `${name}@example.com`, passphrase });
  return { app, session };
}

/** Two people who are connected by a link. */
async function friends() {
  const [{ session: alice }, { session: bob }] = [await person("alice"), await person("bob")];
  const { link } = await alice.invite({ delivery: "link", name: "Bob" });
  const { id } = await bob.accept({ link }, { name: "Alice" });
  const card = await alice.createCard({ label: "Wi-Fi", fields: [{ name: "key", label: "Key", value: "sesame" }] });
  return { alice, bob, id, card };
}

/** The methods that a class of the types has. */
async function methodsOf(name) {
  const [, body] = new RegExp(`export class ${name} \\{(.+?)^\\}`, "ms").exec(await read("index.d.ts"));
  return new Set([...body.matchAll(/^  (?:static )?(\w+)\(/gm)].map(([, method]) => method).filter((method) => method !== "constructor"));
}

test("it has every method of the types, and answers each", async () => {
  const mail = (address) => standIn.mails.find(({ to }) => to === address);
  const { account, calls } = await everyCall({ Vouchsafe, isVouchsafeError }, options, "people", mail);
  assert.deepEqual(account.filter(([, outcome]) => outcome === "did not fail"), []);
  const named = new Set([...(await methodsOf("Vouchsafe")), ...(await methodsOf("Session"))]);
  assert.ok(named.size > 35);
  // The first has been called to come this far; the second needs a browser in the package, and has a test of its own here.
  for (const other of ["open", "persist"]) named.delete(other);
  assert.deepEqual([...named].filter((method) => !calls.has(method)), []);
});

test("it has the exports, the codes and the sentences of the package", async () => {
  const exports = async (file) => [...(await read(file)).matchAll(/^export (?:const (\w+)|\{ (.+?) \})/gm)].flatMap(([, name, names]) => name ?? names.split(", "));
  const own = await exports("testing.js");
  for (const name of await exports("index.js")) assert.ok(own.includes(name), name);
  const [, union] = /export type ErrorCode =([^;]+);/.exec(await read("index.d.ts"));
  const rust = await read("../src/error.rs");
  const display = rust.slice(rust.indexOf("impl fmt::Display for Error"));
  const { session } = await person("alice");
  for (const [, wanted] of union.matchAll(/"(\w+)"/g)) {
    standIn.failNext("cards", wanted);
    const error = await session.cards().catch((caught) => caught);
    assert.ok(error instanceof VouchsafeError && error.code === wanted, wanted);
    const variant = wanted.replace(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase());
    const [, sentence] = new RegExp(`Self::${variant} => (?:\\{\\s+)?"([^"]+)"`).exec(display) ?? [];
    if (sentence) assert.equal(error.message, sentence);
  }
});

test("any call fails on demand, as often as it is told", async () => {
  const { app, session } = await person("alice");
  const cause = new TypeError("Failed to fetch");
  standIn.failNext("createCard", "offline", { cause, times: 2 });
  standIn.failNext("createCard", "quota_exceeded", { quota: "cards", message: "Enough." });
  const content = { label: "L", fields: [] };
  for (let time = 0; time < 2; time += 1) {
    await assert.rejects(session.createCard(content), (error) => code("offline")(error) && error.cause === cause && error.retryable);
  }
  await assert.rejects(session.createCard(content), (error) => error.quota === "cards" && error.message === "Enough.");
  await session.createCard(content);
  assert.equal((await session.cards()).items.length, 1);

  const calls = new Set([...(await methodsOf("Vouchsafe")), ...(await methodsOf("Session"))]);
  for (const call of ["on", "lockAfter", "readLink", "exportAccount"]) {
    calls.delete(call);
    assert.throws(() => standIn.failNext(call, "offline"), TypeError);
  }
  const given = {
    open: () => Vouchsafe.open(options),
    signUp: () => app.signUp({ email: "b@example.com", passphrase }),
    signIn: () => app.signIn({ email: "alice@example.com", passphrase }),
    recover: () => app.recover({ email: "alice@example.com", recoveryKey: "A", passphrase }),
    persist: () => session.persist({ scope: "tab" }),
    createCard: () => session.createCard(content),
    updateCard: () => session.updateCard({ ...content, kind: null, data: null, files: [], id: "a", version: 1 }),
    invite: () => session.invite({ delivery: "link", name: "Bob" }),
    accept: () => session.accept({ link: "l" }, { name: "Bob" }),
    declineInvitation: () => session.declineInvitation({ link: "l" }),
    previewInvitation: () => app.previewInvitation({ link: "l" }),
    importCards: () => session.importCards(JSON.stringify({ type: "card", id: "a", ...content })),
    renameConnection: () => session.renameConnection("a", "Bob"),
    markVerified: () => session.markVerified("a", "1"),
    share: () => session.share({ card: "a", connection: "b" }),
    shareWithMany: () => session.shareWithMany({ card: "a", connections: ["b"] }),
    readShares: () => session.readShares(["a"]),
    shareByLink: () => session.shareByLink({ card: "a", expiresAt: 1, name: "A" }),
    changePassphrase: () => session.changePassphrase({ passphrase, newPassphrase: passphrase }),
  };
  // Ends the session, though it fails.
  calls.delete("signOut");
  for (const call of [...calls, "signOut"]) {
    const listed = /^(cards|invitations|connections|outgoingShares|incomingShares|linkShares|emailStatus|sendEmailCode|signOut|kept|resume|check|lock)$/.test(call);
    const proven = ["unlock", "makeRecoveryKey", "deleteAccount"].includes(call);
    const target = session[call] ? session : app;
    standIn.failNext(call, "rate_limited");
    const made = given[call]?.() ?? (listed ? target[call]() : target[call](proven ? { passphrase } : "a"));
    await assert.rejects(made, code("rate_limited"), call);
  }
  assert.throws(() => standIn.failNext("createCards", "offline"), TypeError);
  assert.throws(() => standIn.failNext("createCard", "off"), TypeError);
});

test("a call waits while it is held, and can be aborted", async () => {
  const { session } = await person("alice");
  const release = standIn.hold("createCard");
  let done = false;
  const call = session.createCard({ label: "L", fields: [] }).then(() => (done = true));
  await session.cards();
  assert.equal(done, false);
  release();
  await call;
  standIn.hold("deleteCard");
  const controller = new AbortController();
  const [card] = (await session.cards()).items;
  const deleting = session.deleteCard(card.id, { signal: controller.signal });
  controller.abort("gone");
  await assert.rejects(deleting, (error) => code("aborted")(error) && error.cause === "gone");
  assert.equal((await session.card(card.id)).label, "L");
  // What nobody holds can be aborted as long as it is in the same turn.
  const soon = new AbortController();
  const creating = session.createCard({ label: "M", fields: [] }, { signal: soon.signal });
  soon.abort();
  await assert.rejects(creating, code("aborted"));
  assert.equal((await session.cards()).items.length, 1);
  // Nobody waits for ever.
  standIn.hold("cards");
  const waiting = session.cards();
  standIn.reset();
  await assert.rejects(waiting, code("session_expired"));
});

test("a kept session comes back, and is one with the page's", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const { app, session } = await person("alice");
  assert.equal(await app.resume(), null);
  await session.persist({ scope: "browser" });
  const again = await Vouchsafe.open(options);
  const resumed = await again.resume();
  assert.ok(resumed instanceof Session && !resumed.locked);
  assert.deepEqual([resumed.account, resumed.email], [session.account, "alice@example.com"]);
  const heard = [];
  for (const kind of ["locked", "unlocked", "ended"]) session.on(kind, (event) => heard.push(event.kind));
  await resumed.lock();
  await assert.rejects(session.cards(), code("locked"));
  assert.equal((await again.resume()).locked, true);
  await resumed.unlock({ passphrase });
  await session.createCard({ label: "L", fields: [] });
  resumed.lockAfter(1000);
  const unused = new Promise((resolve) => session.on("locked", resolve));
  t.mock.timers.tick(1000);
  await unused;
  await resumed.unlock({ passphrase });
  await resumed.signOut();
  await assert.rejects(session.cards(), code("session_expired"));
  assert.deepEqual(heard, ["locked", "unlocked", "locked", "unlocked", "ended"]);
  assert.equal(await again.resume(), null);

  // Without its keys it comes back locked.
  const { session: bob } = await person("bob");
  await bob.persist({ scope: "tab", locked: true });
  const back = await (await Vouchsafe.open(options)).resume();
  assert.equal(back.locked, true);
  await back.unlock({ passphrase });
  assert.deepEqual(await back.cards(), { items: [], next: null, cut: false });
  // Nor if it was not used for its time, while there was no page.
  const { session: carol } = await person("carol");
  await carol.persist({ scope: "browser" });
  t.mock.timers.tick(500);
  assert.equal((await (await Vouchsafe.open({ ...options, lockAfter: 501 })).resume()).locked, false);
  assert.equal((await (await Vouchsafe.open({ ...options, lockAfter: 500 })).resume()).locked, true);
  // Of other services there is none.
  assert.equal(await (await Vouchsafe.open({ ...options, vault: "https://other.example" })).resume(), null);
});

test("several accounts are kept, each by its name", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const { app, session: alice } = await person("alice");
  const { session: work } = await person("work");
  await alice.persist({ scope: "browser", account: "private" });
  t.mock.timers.tick(1);
  await work.persist({ scope: "browser", account: "work", locked: true });
  assert.deepEqual(await app.kept(), [
    { account: "work", scope: "browser", locked: true, usedAt: 1_000_001 },
    { account: "private", scope: "browser", locked: false, usedAt: 1_000_000 },
  ]);
  assert.equal((await app.resume({ account: "private" })).account, alice.account);
  assert.equal((await app.resume()).account, work.account, "the last one that was used");
  assert.equal(await app.resume({ account: "nobody's" }), null);
  const { session: other } = await person("other");
  await other.persist({ scope: "browser", account: "work" });
  await assert.rejects(work.cards(), code("session_expired"), "replaced by another of its name");
  await alice.signOut();
  assert.deepEqual((await app.kept()).map(({ account }) => account), ["work"]);
  await assert.rejects(app.resume({ account: 5 }), code("bad_input"));
});

/** The lines of an export. */
async function exported(session) {
  const lines = [];
  for await (const line of session.exportAccount()) lines.push(line);
  return lines;
}

test("what is exported says everything, and its cards are taken elsewhere", async () => {
  const { alice, bob, id, card } = await friends();
  await alice.share({ card: card.id, connection: id });
  const damaged = await bob.createCard({ label: "Wi-Fi 🦊", fields: [] });
  const cards = await Promise.all(["é", "ü🦊"].map((label) => bob.createCard({ label, fields: [{ name: "n", label: "N", value: label }] })));
  standIn.damage(damaged.id);
  const lines = await exported(bob);
  assert.ok(lines.every((line) => line.indexOf("\n") === line.length - 1));
  const records = lines.map((line) => JSON.parse(line));
  const types = records.map(({ type }) => type);
  assert.deepEqual(types, ["account", "card", "card", "card", "connection", "receivedShare"]);
  assert.deepEqual([records[0].account, records[0].format], [bob.account, 1]);
  assert.deepEqual(records.find(({ id }) => id === damaged.id).error.code, "record_rejected");
  assert.equal(records.at(-1).card.label, card.label);
  assert.deepEqual((await exported(alice)).map((line) => JSON.parse(line).type), ["account", "card", "connection", "invitation", "sentShare"]);

  const file = new Blob(lines);
  const pieces = lines.join("").match(/.{1,7}/gsu);
  const sources = [lines.join(""), lines, bob.exportAccount(), file, file.stream(), pieces, new File(lines, "cards.jsonl")];
  for (const [index, source] of sources.entries()) {
    const { session } = await person(`next.${index}`);
    const { made, kept, failed } = await session.importCards(source);
    assert.deepEqual([made, kept, failed.map(({ error }) => error.code)], [2, 0, ["record_rejected"]], `source ${index}`);
    assert.ok(failed[0].line > 1 && failed[0].line < 5);
    const { items } = await session.cards();
    assert.deepEqual(new Set(items.map(({ id, label }) => `${id} ${label}`)), new Set(cards.map(({ id, label }) => `${id} ${label}`)));
  }
});

test("an import that was cut is repeated, and what comes later ends it", async () => {
  const { session } = await person("alice");
  for (const label of ["A", "B", "C"]) await session.createCard({ label, fields: [] });
  const file = (await exported(session)).join("");
  const { session: other } = await person("bob");
  standIn.failNext("importCards", "offline");
  await assert.rejects(other.importCards(file), code("offline"));
  await other.importCards(file.slice(0, file.indexOf("\n", file.indexOf('"card"'))));
  assert.deepEqual(await other.importCards(file), { made: 2, kept: 1, withoutFiles: [], failed: [] });
  const { items } = await other.cards();
  await other.deleteCard(items[0].id);
  assert.deepEqual(await other.importCards(file), { made: 1, kept: 2, withoutFiles: [], failed: [] }, "what was deleted comes back");
  assert.deepEqual(await other.importCards(file), { made: 0, kept: 3, withoutFiles: [], failed: [] }, "and once");
  assert.deepEqual((await other.cards()).items.map(({ label }) => label).sort(), ["A", "B", "C"]);
  await assert.rejects(other.importCards(file.replace('"format":1', '"format":2')), code("update_needed"));
  await assert.rejects(other.importCards(file, { signal: AbortSignal.abort() }), code("aborted"));
  for (const wrong of [undefined, null, 7, {}]) await assert.rejects(other.importCards(wrong), (error) => code("bad_input")(error) && error.argument === "source");
  standIn.failNext("connections", "offline");
  await assert.rejects(exported(other), code("offline"));
});

test("an import takes a file as editors and programs leave it", async () => {
  const { session } = await person("alice");
  for (const label of ["A", "B"]) await session.createCard({ label, fields: [] });
  const file = (await exported(session)).join("");
  const bytes = new TextEncoder().encode(file);
  const sources = [`\ufeff${file}`, new TextEncoder().encode(`\ufeff${file}`), file.replaceAll("\n", "\r\n"), `\n \n${file}\r\n\r\n`, bytes, bytes.buffer, Buffer.from(file), file.split("")];
  for (const [index, source] of sources.entries()) {
    const { session: other } = await person(`next.${index}`);
    assert.deepEqual(await other.importCards(source), { made: 2, kept: 0, withoutFiles: [], failed: [] }, `source ${index}`);
  }
  for (const empty of ["", "\ufeff", "\r\n", [], new Uint8Array(), new Blob([])]) {
    assert.deepEqual(await session.importCards(empty), { made: 0, kept: 0, withoutFiles: [], failed: [] });
  }
  // Pieces of bytes may end within a letter.
  for (const wrong of [[bytes], [1, 2], new Uint16Array(2), [null]]) {
    await assert.rejects(session.importCards(wrong), (error) => code("bad_input")(error) && error.argument === "source", String(wrong));
  }
});

test("a session that was signed out is over here, though the Keystore was not told", async () => {
  const { app, session } = await person("alice");
  await session.persist({ scope: "browser" });
  const heard = [];
  for (const kind of ["locked", "ended"]) session.on(kind, (event) => heard.push(event.kind));
  standIn.failNext("signOut", "offline");
  await assert.rejects(session.signOut(), code("offline"));
  assert.deepEqual([await app.kept(), await app.resume(), session.locked, heard], [[], null, true, ["ended"]]);
  await assert.rejects(session.cards(), code("session_expired"));
  await assert.rejects(session.unlock({ passphrase }), code("session_expired"));
  await session.signOut();
});

test("an invitation is of no use once its connection has ended", async () => {
  for (const ends of ["alice", "bob"]) {
    const { session: alice } = await person("alice");
    const { session: bob } = await person("bob");
    const { link } = await alice.invite({ delivery: "link", name: "Bob" });
    const { id } = await bob.accept({ link }, { name: "Alice" });
    assert.equal((await bob.accept({ link }, { name: "Alice" })).id, id);
    await (ends === "alice" ? alice : bob).disconnect(id);
    await assert.rejects(bob.accept({ link }, { name: "Alice" }), code("invitation_used"), ends);
    standIn.reset();
  }
});

test("names are plain text where the module has them so", async () => {
  const { plain, hidden } = JSON.parse(await read("../tests/vectors/plain-text.json"));
  const { session } = await person("alice");
  for (const label of plain) await session.createCard({ label, fields: [] });
  for (const label of hidden) await assert.rejects(session.createCard({ label, fields: [] }), (error) => error.argument === "label", JSON.stringify(label));
});

test("an error on demand has what one of the package has", async () => {
  const { session } = await person("alice");
  standIn.failNext("cards", "rate_limited", { retryAfter: 5000 });
  await assert.rejects(session.cards(), (error) => code("rate_limited")(error) && error.retryAfter === 5000 && !("argument" in error));
  standIn.failNext("card", "bad_input", { argument: "id" });
  await assert.rejects(session.card("x"), (error) => error.argument === "id");
});

test("what a service could show of others, an app can try", async () => {
  const { alice, bob, id, card } = await friends();
  const share = await alice.share({ card: card.id, connection: id });
  standIn.damage(share.id);
  await assert.rejects(bob.readShare(share.id), code("record_rejected"));
  standIn.damage(card.id);
  const { items } = await alice.cards();
  assert.ok(items.length === 1 && items[0].id === card.id && code("record_rejected")(items[0].error));
  standIn.changeKeys(alice.account);
  const { trust, verifiedBy } = await bob.connection(id);
  assert.deepEqual([trust, verifiedBy], ["changed", null]);
  assert.equal((await alice.connection(id)).trust, "verified");
  await assert.rejects(alice.markVerified(id, "12345 67890"), code("bad_input"));
  await assert.rejects(alice.markVerified(id, "0".repeat(60)), code("safety_number_mismatch"));
  const own = await bob.createCard({ label: "L", fields: [] });
  await assert.rejects(bob.share({ card: own.id, connection: id }), code("peer_key_changed"));
  assert.throws(() => standIn.changeKeys("nobody"), TypeError);
});

test("time is that of the test's clock", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const { alice, bob, id, card } = await friends();
  const share = await alice.share({ card: card.id, connection: id, expiresAt: 1_000_010 });
  const { link } = await alice.invite({ delivery: "link", name: "Carol", expiresAt: 1_000_010 });
  assert.equal((await bob.incomingShares()).items.length, 1);
  t.mock.timers.setTime(1_000_010);
  assert.equal((await bob.incomingShares()).items.length, 0);
  await assert.rejects(bob.readShare(share.id), code("share_expired"));
  await assert.rejects(bob.accept({ link }, { name: "Alice" }), code("invitation_expired"));
  assert.equal((await alice.invitations()).items[0].state, "expired");
});

test("somebody comes with an identity token", async () => {
  const app = await Vouchsafe.open(options);
  const claims = (more) => `h.${Buffer.from(JSON.stringify({ iss: "https://issuer.example", sub: "7", ...more })).toString("base64url")}.s`;
  let made = 0;
  const identityToken = () => claims({ jti: (made += 1), email: "ida@example.com", email_verified: true });
  const { session } = await app.signUp({ identityToken, passphrase });
  assert.equal(session.email, null);
  assert.deepEqual(await session.emailStatus(), { email: "ida@example.com", confirmed: true });
  await assert.rejects(app.signUp({ identityToken: claims({}), passphrase }), code("email_taken"));
  await assert.rejects(app.signIn({ identityToken: claims({ exp: 1 }), passphrase }), code("identity_rejected"));
  await session.lock();
  await session.unlock({ passphrase });
  assert.equal(made, 2);
  await app.signUp({ identityToken: "another person's", passphrase });
  await app.signUp({ identityToken: "a third one's", passphrase });
  await assert.rejects(session.unlock({ passphrase, identityToken: "another person's" }), code("wrong_credentials"));
});

test("nothing of before is there after a reset", async () => {
  const { alice, bob, id, card } = await friends();
  await alice.invite({ delivery: "email", email: "carol@example.com", name: "Carol" });
  await alice.persist({ scope: "browser" });
  standIn.failNext("open", "offline");
  let heard = 0;
  bob.on("share", () => (heard += 1));
  standIn.reset();
  await assert.rejects(alice.share({ card: card.id, connection: id }), code("session_expired"));
  const { app, session } = await person("alice");
  assert.equal(await app.resume(), null);
  assert.deepEqual([await session.cards(), standIn.mails, heard], [{ items: [], next: null, cut: false }, [], 0]);
});

test("no file of it loads the module, or reaches a network", async () => {
  const files = new Set(["testing.js"]);
  for (const file of files) {
    const text = await read(file);
    for (const [, other] of text.matchAll(/^(?:import|export) .*?from "(\.\S+?)";$/gms)) files.add(posix.join(posix.dirname(file), other));
  }
  assert.ok(files.has("session.js") && files.has("testing/world.js"));
  for (const file of files) assert.ok(!/glue|inside|load/.test(file), file);
  const all = ["testing.js", ...(await readdir(new URL("../testing", import.meta.url))).map((file) => `testing/${file}`)];
  for (const file of all) {
    assert.ok(files.has(file), `${file} is of no use`);
    assert.doesNotMatch(await read(file), /WebAssembly\.compile|\bfetch\(|XMLHttpRequest|setTimeout|setInterval/);
  }
});

test("files are read where a page's Blob is another one than that of answers", async (t) => {
  const { session } = await person("alice");
  const { Blob: real } = globalThis;
  t.after(() => (globalThis.Blob = real));
  globalThis.Blob = class Blob {
    #bytes;
    constructor([bytes]) {
      this.#bytes = bytes;
    }
    async arrayBuffer() {
      return this.#bytes.slice().buffer;
    }
  };
  const ref = await session.addFile(new Uint8Array([1, 2, 3]), { name: "a" });
  assert.deepEqual([...(await (await session.file(ref)).bytes())], [1, 2, 3]);
});

test("a held upload ends when it is aborted", async () => {
  const { session } = await person("alice");
  const controller = new AbortController();
  standIn.hold("addFile");
  const upload = session.addFile(new Uint8Array(3), { name: "a", signal: controller.signal });
  controller.abort("reason");
  await assert.rejects(upload, (error) => code("aborted")(error) && error.cause === "reason");
});
