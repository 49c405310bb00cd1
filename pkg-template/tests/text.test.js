/** Arguments: of the wrong kind, half letters, and what people type and paste. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { api, called, code, raw, services, signIn } from "./common.js";

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

test("an error names the argument, and one that is not known", async () => {
  const app = await api.Vouchsafe.open(services);
  const session = await signIn();
  const field = { name: "n", label: "N", value: "v" };
  const wrong = [
    [() => session.card(7), "id"],
    [() => session.createCard({ label: "L", fields: [field, field, { ...field, label: 1 }] }), "fields[2].label"],
    [() => session.createCard({ label: "L", fields: [field, 5] }), "fields[1]"],
    [() => session.createCard(5), "content"],
    [() => session.updateCard(5), "card"],
    [() => session.createCard({ label: "L", fields: [] }, 5), "options"],
    [() => session.createCard({ label: "L", data: () => {}, fields: [] }), "data"],
    [() => session.cards({ limit: -1 }), "limit"],
    [() => session.cards(5), "options"],
    [() => session.share("c"), "options"],
    [() => session.shareByLink([]), "options"],
    [() => session.shareByLink({ card: "c", expiresAt: 5, name: "A", maxReads: -1 }), "maxReads"],
    [() => session.invite(), "options"],
    [() => session.accept("a link", { name: "Bob" }), "ticket"],
    [() => session.accept({ link: "l" }), "options"],
    [() => session.accept({}, { name: "Bob" }), "id"],
    [() => session.unlock(), "options"],
    [() => session.unlock({ passphrase: "p", identityToken: () => 5 }), "identityToken"],
    [() => session.importCards(5), "source"],
    [() => session.importCards([5]), "source"],
    [async () => session.on([], () => {}), "kind"],
    [async () => session.on(["share", "weather"], () => {}), "kind[1]"],
    [async () => session.lockAfter(-1), "milliseconds"],
    [() => api.Vouchsafe.open({ ...services, worker: 5 }), "worker"],
    [() => app.signIn(), "credentials"],
    [() => app.openLink("l", { passphrase: 5 }), "passphrase"],
    [() => session.share({ card: "c", connection: "x", expireAt: 1 }), "expireAt"],
    [() => session.invite({ delivery: "email", name: "Bob", email: "bob" }), "email"],
    [() => session.readShares(["a", 1]), "ids[1]"],
    [() => session.card("a", { signal: 5 }), "signal"],
  ];
  for (const [call, argument] of wrong) {
    await assert.rejects(call(), (error) => code("bad_input")(error) && error.argument === argument, String(call));
  }
  await assert.rejects(app.signIn({ email: "a@example.com", identityToken: "t", passphrase: "p" }), (error) => !("argument" in error));
});

test("data is what JSON gives back as it was, and nothing else", async () => {
  const session = await signIn();
  const write = (data) => session.createCard({ label: "L", data, fields: [] });
  const bare = Object.assign(Object.create(null), { a: [{ b: null }] });
  for (const data of [null, true, 0, -1.5, "", "\u{1f600}", [], {}, { a: [1, { b: "c" }] }, bare, runInNewContext("({ a: [{}] })")]) {
    await write(data);
    assert.equal(called("createCard")[0].data, data === null ? undefined : JSON.stringify(data));
  }
  const [ring, shared] = [{}, new (class Card {})()];
  ring.ring = ring;
  const others = [NaN, Infinity, 5n, Symbol("s"), () => {}, new Date(0), new Map([["a", 1]]), new Set(), new Uint8Array(2), /a/, new Number(5), ring, shared];
  others.push({ toJSON: () => 5 }, new (class { toJSON = () => 5; })(), runInNewContext("new Date(0)"));
  const within = [...others, undefined].flatMap((other) => [{ a: other }, [other], [{ b: [other] }]]);
  for (const data of [...others, ...within, Array(2)]) {
    await assert.rejects(write(data), (error) => code("bad_input")(error) && error.argument === "data", inspect(data));
  }
});

test("a link is told apart without a request", async () => {
  const app = await api.Vouchsafe.open(services);
  const link = "https://app.example/invited?a#vouchsafe=1.l.an-id";
  const found = { kind: "invitation", delivery: "link", id: "an-id", ticket: { link } };
  for (const location of [link, new URL(link), { href: link }]) assert.deepEqual(app.readLink(location), found);
  const card = link.replace("1.l.", "1.s.");
  assert.deepEqual(app.readLink(` ${card}`), { kind: "card", id: "a-card", link: card });
  assert.deepEqual(app.readLink(link.replace("1.l.", "2.l.")), { kind: "broken" });
  // As some programs write what stands behind a #, and others all letters.
  assert.equal(app.readLink(link.replace("=", "%3D")).kind, "invitation");
  assert.deepEqual(app.readLink(link.replace("=", "%3d").replace("1.l.", "2.l.")), { kind: "broken" });
  assert.deepEqual(app.readLink(link.toUpperCase()), { kind: "broken" });
  // What servers see is nobody's secret.
  for (const other of ["https://app.example/#top", "https://app.example/vouchsafe=1.l.", link.replace("#", "&"), link.replace("?a#", "?"), ""]) assert.equal(app.readLink(other), null);
  for (const wrong of [undefined, null, 5, {}]) assert.throws(() => app.readLink(wrong), code("bad_input"));
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
  () => session.renameConnection("a", text),
  () => session.renameConnection(text, "Bob"),
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
