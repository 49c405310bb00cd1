// The demo's view of both services' tables: every action leaves the rows that it should, and no text in them that can be read.

import assert from "node:assert/strict";
import { test as always } from "node:test";
import { codeOf, connect, mailTo, rowsOf, usePeople } from "./people.mjs";
import { test } from "./sample.mjs";

const newPerson = usePeople();

const SECRETS = ["Treasure map", "Where it lies", "under the old oak", "Robert the dear", "correct horse battery"];
const card = { label: SECRETS[0], fields: [{ name: "place", label: SECRETS[1], value: SECRETS[2] }] };

/** Nothing that people wrote can be read, however it may be spelled. */
function ensureUnreadable(text) {
  for (const secret of SECRETS) {
    const bytes = Buffer.from(secret);
    for (const spelling of [secret, JSON.stringify(secret).slice(1, -1), bytes.toString("hex"), encodeURIComponent(secret)]) {
      assert.ok(!text.includes(spelling), spelling);
    }
    // In base64 the same bytes look in three ways, by where they begin; the letters at both ends depend on what is beside them.
    for (const before of [0, 1, 2]) {
      const base64 = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64url").slice(before ? before + 1 : 0, -3);
      assert.ok(!text.includes(base64), base64);
    }
  }
}

const only = (rows) => {
  assert.equal(rows.length, 1);
  return rows[0];
};

always("each action leaves its rows, and no text of a card", async () => {
  const [alice, bob] = await Promise.all([newPerson("alice"), newPerson("bob")]);
  const look = async (person = alice) => {
    const { text, rows } = await rowsOf(person);
    ensureUnreadable(text);
    return rows;
  };

  let rows = await look();
  const account = only(rows["keystore.accounts"]);
  assert.deepEqual(account.login, { name: "login", kind: "plain", value: alice.email });
  assert.deepEqual(account.ids, [alice.session.account]);
  const kek = account.kek_passphrase;
  assert.equal(kek.kind, "ciphertext");
  assert.equal(kek.header.typ, "vs-kek");
  assert.equal(kek.header.ctx, `${alice.session.account}/passphrase/1`);
  assert.equal(kek.start, Buffer.from(JSON.stringify(kek.header)).toString("base64url").slice(0, 24));
  assert.equal(kek.end.length, 8);
  assert.equal(account.recovery_verifier.kind, "hash");
  assert.equal(only(rows["keystore.sessions"]).hash.length, 43);
  assert.equal(rows["vault.cards"].length, 0);

  const { id: cardId } = await alice.session.createCard(card);
  rows = await look();
  const stored = only(rows["vault.cards"]);
  assert.deepEqual(stored.ids, [cardId]);
  assert.deepEqual([stored.card.kind, stored.card.header.typ], ["ciphertext", "vs-card.2"]);
  assert.ok(stored.card.length > 512, "the length of the whole");
  assert.deepEqual([stored.version.value, stored.created_at.kind], [1, "time"]);

  const { link, id } = await alice.session.invite({ delivery: "link", name: SECRETS[3] });
  rows = await look();
  const invitation = only(rows["vault.invitations"]);
  assert.deepEqual([invitation.state.value, invitation.delivery.value, invitation.email.value], ["pending", "link", null]);
  assert.equal(invitation.token_hash.kind, "hash");
  const published = only(rows["vault.public_keys"]);
  assert.deepEqual(published.ids, [invitation.public_key_id.value, id], "a public key names its connection");
  assert.equal(published.statement.kind, "public");
  assert.deepEqual(only(rows["keystore.connection_keys"]).ids, [id]);
  assert.equal(only(rows["keystore.connection_keys"]).note.header.typ, "vs-note.2");

  await bob.session.accept({ link }, { name: "Alice" });
  await alice.session.connection(id);
  rows = await look();
  assert.equal(only(rows["vault.invitations"]).state.value, "accepted");
  const connection = only(rows["vault.connections"]);
  assert.deepEqual([connection.inviter.value, connection.invitee.value], [alice.session.account, bob.session.account]);
  assert.equal(rows["vault.public_keys"].length, 2);
  assert.ok(rows["vault.public_keys"].every(({ ids }) => ids.includes(id)));
  assert.equal(rows["keystore.accounts"].length, 2, "a peer's account, too");
  assert.equal(rows["keystore.connection_keys"].length, 1, "but not a peer's keys");
  assert.equal(only(rows["keystore.connection_keys"]).version.value, 2, "with the pins");

  const share = await alice.session.share({ card: cardId, connection: id });
  for (const person of [alice, bob]) {
    rows = await look(person);
    const sent = only(rows["vault.shares"]);
    assert.ok([share.id, share.connection, sent.space_id.value].every((id) => sent.ids.includes(id)));
    assert.deepEqual([sent.share.kind, sent.share.header.typ, sent.share.header.alg], ["ciphertext", "vs-share.2", "dir"]);
    const space = only(rows["keystore.spaces"]);
    assert.deepEqual(space.ids, [sent.space_id.value, id, share.id], "a space names its share");
    assert.deepEqual(only(rows["vault.spaces"]).ids, space.ids);
    assert.deepEqual([space.own.header.typ, space.peer.header.alg], ["vs-own", "HPKE-9"]);
    assert.deepEqual(space.claim, { name: "claim", kind: "ciphertext", value: null });
  }
  assert.equal(rows["vault.cards"].length, 0, "nothing says which card it was");

  await bob.session.readShare(share.id);
  while (only((await look(bob))["keystore.spaces"]).claim.value === null);
  assert.equal(only((await look())["keystore.spaces"]).claim.header.typ, "vs-claim");

  await alice.session.revokeShare(share.id);
  rows = await look(bob);
  const erased = { kind: "ciphertext", start: "", end: "", length: 0 };
  const revoked = only(rows["vault.shares"]);
  assert.deepEqual(revoked.share, { name: "share", ...erased });
  assert.ok(revoked.deleted_at.value > 0);
  const space = only(rows["keystore.spaces"]);
  assert.deepEqual([space.own, space.peer, space.claim.value], [{ name: "own", ...erased }, { name: "peer", ...erased }, null]);
  assert.equal(await codeOf(bob.session.readShare(share.id)), "not_found");

  await alice.session.deleteCard(cardId);
  assert.equal((await look())["vault.cards"].length, 0);
});

test("files leave rows of their size and parts, ciphertext, and nothing of their names", async () => {
  const [grace, heidi] = await Promise.all([newPerson("grace"), newPerson("heidi")]);
  const text = `${SECRETS[2]} `.repeat(70_000);
  const ref = await grace.session.addFile(new Blob([text]), { name: SECRETS[0], type: "text/plain" });
  const { id: cardId } = await grace.session.createCard({ ...card, files: [ref] });
  const { id: connection } = await connect(grace, heidi);
  const share = await grace.session.share({ card: cardId, connection });
  for (const person of [grace, heidi]) {
    const { text: answer, rows } = await rowsOf(person);
    ensureUnreadable(answer);
    const file = only(rows["vault.files"]);
    assert.deepEqual([file.id.value, file.digest.kind, file.parts.value], [ref.id, "hash", 2]);
    assert.ok(file.size.value > text.length);
    assert.ok([ref.id, cardId, share.id].every((id) => file.ids.includes(id)), "a file names its records");
  }
  const { rows } = await rowsOf(grace);
  assert.deepEqual(rows["vault.listings"].map(({ kind }) => kind.value).sort(), ["card", "share"]);
  assert.ok(rows["vault.listings"].some(({ ids }) => ids.includes(cardId)) && rows["vault.listings"].some(({ ids }) => ids.includes(share.id)));
  assert.deepEqual(rows["vault.parts"].map(({ part, octets }) => [part.value, octets.kind, octets.start.length, octets.end.length]), [
    [1, "ciphertext", 24, 8],
    [0, "ciphertext", 24, 8],
  ]);
  for (const { ids, size, octets } of rows["vault.parts"]) {
    assert.deepEqual([ids, octets.bytes], [[ref.id, cardId], size.value]);
  }
  const [last, first] = rows["vault.parts"];
  assert.notEqual(first.octets.start, Buffer.from(text).subarray(0, 18).toString("base64url"));
  assert.notEqual(last.octets.end, Buffer.from(text).subarray(-6).toString("base64url"));
});

test("an invitation by mail shows the address and the account that has it, and no mail once it is sent", async () => {
  const [carol, dave] = await Promise.all([newPerson("carol"), newPerson("dave")]);
  const { id } = await carol.session.invite({ delivery: "email", email: dave.email, name: "Dave" });
  await mailTo(dave.email);
  let rows;
  do ({ rows } = await rowsOf(carol));
  while (rows["vault.outbox"].length > 0);
  assert.deepEqual(only(rows["vault.invitations"]).ids[0], id);
  assert.equal(only(rows["vault.invitations"]).email.value, dave.email);
  assert.deepEqual(rows["keystore.accounts"].map(({ login }) => login.value).sort(), [carol.email, dave.email]);
  assert.equal((await rowsOf(dave)).rows["vault.invitations"].length, 0, "whose mail it is, the Vault does not know");
});

test("rows concern an account alone, and many cost little", async () => {
  const [erin, frank] = await Promise.all([newPerson("erin"), newPerson("frank")]);
  const value = "x".repeat(1_000_000);
  await erin.session.createCard({ label: "Large", fields: [{ name: "all", label: "All", value }] });
  for (let made = 1; made < 55; made += 1) await erin.session.createCard({ label: `Card ${made}`, fields: [] });
  const { text, rows } = await rowsOf(erin);
  assert.deepEqual([rows["vault.cards"].length, rows["vault.cards"].more], [50, 5]);
  assert.ok(text.length < 60_000, `${text.length} characters`);
  const times = rows["vault.cards"].map(({ created_at }) => created_at.value);
  assert.deepEqual(times, times.toSorted((one, other) => other - one), "newest first");

  const others = await rowsOf(frank);
  assert.equal(others.rows["vault.cards"].length, 0);
  assert.ok(!others.text.includes(erin.email) && !others.text.includes(erin.session.account));
  await connect(erin, frank);
  assert.ok((await rowsOf(frank)).text.includes(erin.email));
});
