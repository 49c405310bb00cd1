// Services that lie to one person: what the client refuses, at which step, and that nothing else is touched.

import assert from "node:assert/strict";
import { attack, codeOf, connect, mailTo, rowsOf, usePeople } from "./people.mjs";
import { test } from "./sample.mjs";

const newPerson = usePeople();
const card = { label: "Passport", kind: null, data: null, fields: [{ name: "number", label: "Number", value: "X1234567" }], files: [] };
const other = { label: "Diary", fields: [] };

/** Two people, and a card of the first. */
async function twoPeople() {
  const [alice, bob] = await Promise.all([newPerson("alice"), newPerson("bob")]);
  return { alice, bob, cardId: (await alice.session.createCard(card)).id };
}

/** The steps that a call takes, besides what it ends with. */
async function stepsOf(person, call) {
  person.steps.length = 0;
  const outcome = await codeOf(call());
  return [outcome, [...person.steps].sort((one, other) => one - other)];
}

/** Nothing was stored since the rows were looked at: no key, no share. */
async function ensureNothingShared(person, before) {
  const { rows } = await rowsOf(person);
  for (const table of ["keystore.spaces", "vault.spaces", "vault.shares"]) {
    assert.equal(rows[table].length, before.rows[table].length, table);
  }
}

/** A card goes from one to the other, and is read. */
async function ensureShares(from, to, share) {
  const { id } = await from.session.share(share);
  assert.deepEqual((await to.session.readShare(id)).card, card);
}

test("swap-key-before: a link is refused by the invitee, before anything is stored", async () => {
  const { alice, bob, cardId } = await twoPeople();
  const { link, id } = await alice.session.invite({ delivery: "link", name: "Bob" });
  await attack(bob, "swap-key-before");
  const [code, steps] = await stepsOf(bob, () => bob.session.accept({ link }, { name: "Alice" }));
  assert.equal(code, "peer_key_changed");
  assert.ok(steps.includes(10) && steps.every((step) => step === 10 || step === 11), `${steps}`);
  const { rows } = await rowsOf(bob);
  assert.deepEqual([rows["keystore.connection_keys"].length, rows["vault.connections"].length], [0, 0]);

  await attack(bob, null);
  const connection = await bob.session.accept({ link }, { name: "Alice" });
  assert.equal(connection.trust, "verified");
  await ensureShares(alice, bob, { card: cardId, connection: id });
});

test("swap-key-before: an inviter by link sees that the acceptance proves another key", async () => {
  const { alice, bob, cardId } = await twoPeople();
  await attack(alice, "swap-key-before");
  const { id } = await connect(alice, bob);
  const seen = await alice.session.connection(id);
  assert.deepEqual([seen.trust, seen.safetyNumber], ["changed", null]);
  const before = await rowsOf(alice);
  for (const acceptUnverified of [false, true]) {
    assert.equal(await codeOf(alice.session.share({ card: cardId, connection: id, acceptUnverified })), "peer_key_changed");
  }
  await ensureNothingShared(alice, before);
  assert.equal((await bob.session.connection(id)).trust, "verified", "the other person is told the truth");

  await attack(alice, null);
  assert.equal((await alice.session.connection(id)).trust, "verified");
  await ensureShares(alice, bob, { card: cardId, connection: id });
});

test("swap-key-before: by mail the safety numbers differ, and nothing is shared until they are compared", async () => {
  const { alice, bob, cardId } = await twoPeople();
  await attack(alice, "swap-key-before");
  await attack(bob, "swap-key-before");
  const { id } = await alice.session.invite({ delivery: "email", email: bob.email, name: "Bob" });
  const his = await bob.session.accept({ link: (await mailTo(bob.email)).link }, { name: "Alice" });
  const hers = await alice.session.connection(id);
  assert.deepEqual([his.trust, hers.trust], ["unverified", "unverified"]);
  assert.notEqual(his.safetyNumber, hers.safetyNumber);
  // The lie is the same wherever they look, on another device as well.
  const [listed] = (await alice.session.connections()).items;
  assert.equal(listed.safetyNumber, hers.safetyNumber);
  const device = await bob.again();
  assert.equal((await device.session.connection(id)).safetyNumber, his.safetyNumber);

  const before = await rowsOf(alice);
  const [code, steps] = await stepsOf(alice, () => alice.session.share({ card: cardId, connection: id }));
  assert.deepEqual([code, steps.filter((step) => step >= 23)], ["connection_unverified", []]);
  await ensureNothingShared(alice, before);
  assert.equal(await codeOf(alice.session.markVerified(id, his.safetyNumber)), "safety_number_mismatch");
  assert.equal(await codeOf(bob.session.markVerified(id, hers.safetyNumber)), "safety_number_mismatch");

  // The false keys were pinned: with the true ones the connection counts as changed, and a new one is good.
  await Promise.all([attack(alice, null), attack(bob, null)]);
  assert.equal((await alice.session.connection(id)).trust, "changed");
  await alice.session.disconnect(id);
  const { id: anew } = await connect(alice, bob);
  await ensureShares(alice, bob, { card: cardId, connection: anew });
});

test("swap-key-later: everything with this person stops, and goes on when the lie ends", async () => {
  const { alice, bob, cardId } = await twoPeople();
  const { id } = await connect(alice, bob);
  const share = { card: cardId, connection: id };
  await ensureShares(alice, bob, share);

  await attack(alice, "swap-key-later");
  assert.equal((await alice.session.connection(id)).trust, "changed");
  assert.equal((await alice.session.connections()).items[0].trust, "changed");
  const device = await alice.again();
  for (const person of [alice, device]) {
    const before = await rowsOf(person);
    const [code, steps] = await stepsOf(person, () => person.session.share(share));
    assert.deepEqual([code, steps.filter((step) => step >= 23)], ["peer_key_changed", []]);
    await ensureNothingShared(person, before);
  }
  assert.equal((await bob.session.connection(id)).trust, "verified", "the other person is told the truth");

  // A connection that is made meanwhile is good at first sight, and then its keys change.
  const carol = await newPerson("carol");
  const { id: withCarol } = await connect(alice, carol);
  assert.equal((await alice.session.connection(withCarol)).trust, "verified");
  assert.equal((await alice.session.connection(withCarol)).trust, "changed");

  await attack(alice, null);
  for (const connection of [id, withCarol]) {
    assert.equal((await alice.session.connection(connection)).trust, "verified");
  }
  await ensureShares(alice, bob, share);
});

test("forge-share: a share that nobody made is listed and never opened", async () => {
  const { alice, bob, cardId } = await twoPeople();
  await attack(bob, "forge-share");
  assert.deepEqual((await bob.session.incomingShares()).items, [], "from whom?");

  const { id } = await connect(alice, bob);
  const { id: real } = await alice.session.share({ card: cardId, connection: id });
  const { items } = await bob.session.incomingShares();
  assert.deepEqual(items.map((item) => [item.connection, item.from]), Array(2).fill([id, alice.session.account]));
  const forged = items.find((item) => item.id !== real);
  const [code, steps] = await stepsOf(bob, () => bob.session.readShare(forged.id));
  assert.equal(code, "record_rejected");
  // The key opens, the card decrypts: what is missing is the signature.
  assert.ok([33, 39].every((step) => steps.includes(step)) && steps.every((step) => step < 40), `${steps}`);
  const [opened] = await bob.session.readShares([forged.id]);
  assert.equal(opened.error?.code, "record_rejected");
  const { session: device } = await bob.again();
  assert.ok((await device.incomingShares()).items.some(({ id }) => id === forged.id), "the same on another device");
  assert.equal(await codeOf(device.readShare(forged.id)), "record_rejected");

  assert.deepEqual((await bob.session.readShare(real)).card, card, "what Alice did share is read");
  assert.equal((await alice.session.outgoingShares()).items.length, 1);
  assert.ok(!(await rowsOf(bob)).text.includes(forged.id), "nothing was stored");
  await attack(bob, null);
  assert.deepEqual((await bob.session.incomingShares()).items.map((item) => item.id), [real]);
  assert.equal(await codeOf(bob.session.readShare(forged.id)), "not_found");
});

test("swap-records: records in each other's place are refused, others are not", async () => {
  const { alice, bob, cardId } = await twoPeople();
  const { id: diary } = await alice.session.createCard(other);
  const [one, two] = [await connect(alice, bob), cardId];
  const first = await alice.session.share({ card: two, connection: one.id });
  const second = await alice.session.share({ card: diary, connection: one.id });

  await attack(alice, "swap-records");
  const device = await alice.again();
  for (const { session } of [alice, device]) {
    assert.deepEqual((await session.cards()).items.map(({ error }) => error?.code), Array(2).fill("record_rejected"));
    assert.equal(await codeOf(session.card(cardId)), "record_rejected");
  }
  const before = await rowsOf(device);
  const [code] = await stepsOf(device, () => device.session.share({ card: cardId, connection: one.id }));
  assert.equal(code, "record_rejected");
  await ensureNothingShared(device, before);
  assert.deepEqual((await bob.session.readShare(first.id)).card, card, "the other person is told the truth");

  await attack(bob, "swap-records");
  const his = await bob.again();
  const results = await his.session.readShares([first.id, second.id]);
  assert.deepEqual(results.map(({ error }) => error?.code), Array(2).fill("record_rejected"));
  const [rejected, steps] = await stepsOf(his, () => his.session.readShare(second.id));
  assert.equal(rejected, "record_rejected");
  assert.ok(!steps.includes(43), `${steps}`);
  const own = await his.session.createCard(card);
  assert.deepEqual((await his.session.card(own.id)).fields, card.fields, "one card alone has no other's place");

  await Promise.all([attack(alice, null), attack(bob, null)]);
  assert.deepEqual((await device.session.cards()).items.map(({ label }) => label), ["Diary", "Passport"]);
  const { session: fresh } = await bob.again();
  const read = await fresh.readShares([first.id, second.id]);
  assert.deepEqual(read.map(({ received, error }) => received?.card.label ?? error.code), ["Passport", "Diary"]);
});

test("swap-records: a link shows its own card or none", async () => {
  const alice = await newPerson("alice");
  const reader = await alice.open();
  const made = { expiresAt: Date.now() + 3_600_000, name: "Alice" };
  const links = [];
  for (const content of [card, other]) {
    const { id } = await alice.session.createCard(content);
    links.push(await alice.session.shareByLink({ ...made, card: id }));
  }
  await attack(alice, "swap-records");
  for (const { link } of links) assert.equal(await codeOf(reader.openLink(link)), "record_rejected");
  await attack(alice, null);
  for (const [index, { label }] of [card, other].entries()) {
    assert.equal((await reader.openLink(links[index].link)).card.label, label);
  }
});

test("old-edition: whoever read the newer one refuses the older, on that device", async () => {
  const { alice, bob, cardId } = await twoPeople();
  const { id: connection } = await connect(alice, bob);
  const { id } = await alice.session.share({ card: cardId, connection });
  assert.equal((await bob.session.readShare(id)).share.edition, 1);
  await alice.session.updateCard({ id: cardId, version: 1, label: "New passport", fields: [] });
  await attack(bob, "old-edition");
  const { session: device } = await bob.again();
  assert.equal((await device.readShare(id)).card.label, "Passport", "what nobody has seen, nobody misses");

  await attack(bob, null);
  assert.equal((await bob.session.readShare(id)).card.label, "New passport");
  await attack(bob, "old-edition");
  assert.equal((await bob.session.incomingShares()).items[0].edition, 1);
  assert.equal(await codeOf(bob.session.readShare(id)), "record_rejected");
  const [opened] = await bob.session.readShares([id]);
  assert.equal(opened.error?.code, "record_rejected");
  assert.equal((await alice.session.sharesOf(cardId)).items[0].edition, 2, "the other person is told the truth");

  await attack(bob, null);
  assert.equal((await bob.session.readShare(id)).card.label, "New passport");
});

test("swap-files: each file is itself or refused, for whoever is lied to", async () => {
  const [alice, bob] = await Promise.all([newPerson("alice"), newPerson("bob")]);
  const texts = ["under the blue pot", "behind the red door, and nowhere else", "in the well"];
  const files = [];
  for (const text of texts) files.push(await alice.session.addFile(new Blob([text]), { name: "where.txt", type: "text/plain" }));
  const { id: cardId } = await alice.session.createCard({ ...card, files });
  const { id: connection } = await connect(alice, bob);
  const { id } = await alice.session.share({ card: cardId, connection });
  const read = async ({ session }, ref) => new TextDecoder().decode(await (await session.file(ref)).bytes());
  const readAll = (person, refs) => Promise.all(refs.map((ref) => read(person, ref).catch(({ code }) => code)));
  const rejected = texts.map(() => "record_rejected");

  await attack(alice, "swap-files");
  assert.deepEqual(await readAll(alice, files), rejected);
  const received = (await bob.session.readShare(id)).card.files;
  assert.deepEqual(await readAll(bob, received), texts, "the other person is told the truth");
  await attack(bob, "swap-files");
  assert.deepEqual(await readAll(bob, received), rejected);
  assert.deepEqual((await alice.session.cards()).items.map(({ label }) => label), ["Passport"], "records stay what they are");

  await Promise.all([attack(alice, null), attack(bob, null)]);
  for (const person of [alice, bob]) assert.deepEqual(await readAll(person, files), texts);
});

test("take-over-link: an acceptance by the Vault counts for nothing, and the link still works", async () => {
  const { alice, bob, cardId } = await twoPeople();
  const { link, id } = await alice.session.invite({ delivery: "link", name: "Bob" });
  await attack(alice, "take-over-link");
  const [invitation] = (await alice.session.invitations()).items;
  assert.deepEqual([invitation.id, invitation.state], [id, "accepted"]);
  const [listed] = (await alice.session.connections()).items;
  assert.deepEqual([listed.id, listed.state, listed.trust, listed.safetyNumber], [id, "active", "changed", null]);
  assert.equal((await alice.session.connection(id)).trust, "changed");
  const before = await rowsOf(alice);
  for (const acceptUnverified of [false, true]) {
    const share = { card: cardId, connection: id, acceptUnverified };
    const [code, steps] = await stepsOf(alice, () => alice.session.share(share));
    assert.deepEqual([code, steps.filter((step) => step >= 23)], ["peer_key_changed", []]);
    const [{ error }] = await alice.session.shareWithMany({ card: cardId, connections: [id], acceptUnverified });
    assert.equal(error?.code, "peer_key_changed");
  }
  assert.equal(await codeOf(alice.session.markVerified(id, "0".repeat(60))), "peer_key_changed");
  await ensureNothingShared(alice, before);

  // The made-up connection can be ended like a true one.
  const { id: left } = await alice.session.invite({ delivery: "link", name: "Carol" });
  await alice.session.disconnect(left);
  assert.equal((await alice.session.connection(left)).state, "ended");

  // Bob has the link, and nobody lies to him.
  assert.equal((await bob.session.accept({ link }, { name: "Alice" })).trust, "verified");
  await attack(alice, null);
  const connection = await alice.session.connection(id);
  assert.deepEqual([connection.trust, connection.account], ["verified", bob.session.account]);
  await ensureShares(alice, bob, { card: cardId, connection: id });
});
