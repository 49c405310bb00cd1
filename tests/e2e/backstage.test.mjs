// The servers' side of the page: the steps as they happen, the rows as they are stored, and servers that lie.

import assert from "node:assert/strict";
import { assertAccessible } from "./axe.mjs";
import { test } from "./sample.mjs";
import { twoConnected, twoPeople, useBrowser } from "./support.mjs";

const device = useBrowser();

const PARTS = { Invite: 5, Accept: 6, Share: 7, Read: 6 };
const LINKS = { Link: 5, Open: 4, Revoke: 2 };

const behind = (person) => person.page.getByRole("complementary", { name: "Behind the scenes" });

async function seesParts(person, done, parts = PARTS) {
  for (const [index, [name, steps]] of Object.entries(parts).entries()) {
    await person.sees(behind(person).getByRole("tab", { name: `${name} ${done[index]} of ${steps}`, exact: true }));
  }
}

const openPart = (person, name) => behind(person).getByRole("tab", { name: new RegExp(`^${name} \\d`) }).click();
const openTab = (person, name) => behind(person).getByRole("tab", { name, exact: true }).click();

test("steps light up in both tabs when they happen, and not before", async (t) => {
  const { alice, bob } = await twoPeople(await device(t));
  await alice.createCard("Passport", { Number: "X-1" });
  await seesParts(alice, [0, 0, 0, 0]);
  await seesParts(bob, [0, 0, 0, 0]);

  const link = await alice.inviteByLink(bob);
  await seesParts(bob, [5, 0, 0, 0]);
  await bob.openLink(link);
  await bob.accept(alice);
  await seesParts(alice, [5, 6, 0, 0]);
  await alice.share("Passport", bob);
  await seesParts(bob, [5, 6, 7, 0]);
  await bob.read(alice, "Passport");
  await seesParts(alice, [5, 6, 7, 6]);

  // Each step has its time, and says what is sent.
  const steps = behind(alice).getByRole("list", { name: "Bob reads it" }).getByRole("listitem");
  assert.equal(await steps.count(), 6);
  for (const text of await steps.allInnerTexts()) assert.match(text, /\d+ ms/);
  await alice.button(/Fetch the locked key/).click();
  await alice.sees(behind(alice).getByText("Bob’s copy, which only Bob’s private key opens."));
  await openPart(alice, "Invite");
  await alice.sees(behind(alice).getByRole("heading", { name: "Alice invites Bob" }));
});

test("a tab that joins later is told what has happened", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  const link = await alice.inviteByLink({ name: "Bob" });
  await seesParts(alice, [5, 0, 0, 0]);
  const bob = await opened.person("Bob", link);
  await bob.signUp();
  await seesParts(bob, [5, 0, 0, 0]);
  await bob.sees(behind(bob).getByRole("list", { name: "Alice invites User 2" }));
  await bob.accept(alice);
  for (const person of [alice, bob]) await seesParts(person, [5, 6, 0, 0]);
});

test("what begins anew leaves nothing of the old run behind it", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X-1" });
  await alice.share("Passport", bob);
  await bob.read(alice, "Passport");
  await seesParts(alice, [5, 6, 7, 6]);
  await alice.createCard("Diary", { Entry: "private" });
  await alice.share("Diary", bob);
  for (const person of [alice, bob]) await seesParts(person, [5, 6, 7, 0]);
  await alice.inviteByLink({ name: "Carol" });
  for (const person of [alice, bob]) await seesParts(person, [5, 0, 0, 0]);
});

test("links and revoking have steps that the requests tell of, also those of a window without an account", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Spare key", { Place: "blue pot" });
  const link = await alice.makeCardLink("Spare key", { passphrase: "two words" });
  await seesParts(alice, [5, 0, 0], LINKS);
  const carol = await opened.person("Carol", link);
  await carol.button("Show the card").click();
  await carol.sees(carol.field("Passphrase", carol.page.locator("#shown")));
  await seesParts(alice, [5, 1, 0], LINKS);
  for (const [passphrase, done] of [["three words", 1], ["two words", 4]]) {
    await carol.field("Passphrase", carol.page.locator("#shown")).fill(passphrase);
    await carol.button("Show the card").click();
    await carol.sees(done === 1 ? carol.alert() : carol.page.getByRole("article", { name: "Spare key" }));
    await seesParts(alice, [5, done, 0], LINKS);
  }
  await alice.sees(behind(alice).getByText("Somebody opens it, without an account"));

  await alice.edit("Spare key", "in the shed");
  await seesParts(alice, [3, 0, 0], LINKS);
  await alice.sees(alice.row("Your links", "Spare key").filter({ hasText: "edition 2, up to date" }));
  await alice.pressAndConfirm("Revoke the link to Spare key", "Revoke");
  await seesParts(alice, [3, 0, 2], LINKS);
  await seesParts(alice, [0, 0, 0, 0]);
});

test("steps that lying servers answer light up for the person who is lied to alone", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await seesParts(alice, [5, 6, 0, 0]);
  const read = behind(alice).getByRole("tab", { name: /^Read / });
  await read.evaluate((node) => {
    window.counts = [];
    new MutationObserver(() => window.counts.push(node.textContent)).observe(node, { subtree: true, childList: true, characterData: true });
  });
  await lie(bob, "Forge a share");
  const row = bob.row("Shared with you", "From Alice");
  await bob.button(/^Read/, row).click();
  await seesRefusal(bob, "Reading the share");
  await beHonest(bob);
  // Messages of a tab come in order: with the invitation, all before it have come.
  await bob.inviteByLink({ name: "Carol" });
  await seesParts(alice, [5, 0, 0, 0]);
  assert.deepEqual((await alice.page.evaluate(() => window.counts)).filter((text) => !text.includes("Read 0")), []);
});

test("what moves explains, and stands still for those who asked for that", async (t) => {
  const moves = {};
  for (const reducedMotion of ["no-preference", "reduce"]) {
    const opened = await device(t, { reducedMotion });
    await opened.context.addInitScript(() => {
      window.moves = 0;
      for (const type of ["animationstart", "transitionrun"]) addEventListener(type, () => (window.moves += 1), true);
    });
    const alice = await opened.person("Alice");
    await alice.signUp();
    await alice.inviteByLink({ name: "Bob" });
    await seesParts(alice, [5, 0, 0, 0]);
    moves[reducedMotion] = await alice.page.evaluate(() => window.moves);
  }
  assert.ok(moves["no-preference"] > 5, "arrows are drawn");
  assert.equal(moves.reduce, 0);
});

test("the stored rows show what the services see, and nothing that is secret", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X99 4411 802" });
  await alice.createCard("Locker", { Code: "5521-7" });
  await alice.share("Passport", bob);
  await openTab(alice, "What is stored");
  const tables = behind(alice).getByRole("list", { name: "Vault: cards" });
  await alice.sees(tables.getByText("vs-card").nth(1));
  await assertAccessible(alice.page, "rows");

  const chosen = behind(alice).getByText(/belongs? to/);
  await alice.heading("Passport").hover();
  await alice.sees(chosen.filter({ hasText: "1 row belongs to Passport." }));
  const hits = behind(alice).locator(".stored.hit");
  assert.match(await hits.first().textContent(), /card.*vs-card/s);
  await alice.row("Shared by you", "With Bob").hover();
  await alice.sees(chosen.filter({ hasText: "what you shared with Bob" }));
  const kinds = (await hits.allTextContents()).join("\n");
  for (const kind of ["vs-own", "vs-dek", "vs-share"]) assert.match(kinds, new RegExp(kind), `${kind} is among the rows of a share`);
  await assertAccessible(alice.page, "rows of a share");

  const text = await behind(alice).textContent();
  assert.match(text, new RegExp(alice.email), "the Keystore reads the address, and that is shown");
  for (const secret of ["X99 4411 802", "5521-7", alice.passphrase, alice.recoveryKey]) assert.ok(!text.includes(secret), secret);

  // Without a mouse: a button at each record.
  await openTab(alice, "Steps");
  await alice.button("What is stored of Locker").press("Enter");
  await alice.sees(chosen.filter({ hasText: "1 row belongs to Locker." }));
});

test("the rows of a link are marked, and do not call erased what was never there", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Spare key", { Place: "blue pot" });
  await alice.makeCardLink("Spare key");
  await alice.button("What is stored of the link to Spare key").click();
  const hits = behind(alice).locator(".stored.hit");
  await alice.sees(hits.filter({ hasText: "vs-sent" }));
  assert.match(await hits.filter({ hasText: "vs-link," }).innerText(), /max_reads\s+none/);
  assert.match(await hits.filter({ hasText: "vs-sent" }).innerText(), /recipient\s+none[^]*peer\s+none/);
  await alice.pressAndConfirm("Revoke the link to Spare key", "Revoke");
  await alice.sees(behind(alice).getByRole("list", { name: "Vault: links" }).getByText("erased"));
});

/** The place of an element in the window, once it has come to rest. */
async function restsAt(locator) {
  return locator.evaluate(async (node) => {
    const top = () => node.getBoundingClientRect().top;
    for (let before = NaN, still = 0; still < 10; still = top() === before ? still + 1 : 0) {
      before = top();
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return top();
  });
}

/** The row that is looked at can be seen whole, below the bar that says whose it is. */
async function seesWhole(person) {
  const row = behind(person).locator(".stored.looked-at");
  await restsAt(row);
  const [bar, box] = [await behind(person).locator(".chosen").boundingBox(), await row.boundingBox()];
  assert.ok(box.y >= bar.y + bar.height, `the row begins at ${box.y}, the bar ends at ${bar.y + bar.height}`);
  assert.ok(bar.y >= 0 && box.y + box.height <= person.page.viewportSize().height, "both are in the window");
}

test("the rows of a record are gone through beside the page, which stays where it is", async (t) => {
  const { alice, bob } = await twoConnected(await device(t, { viewport: { width: 1440, height: 900 } }));
  await alice.createCard("Passport", { Number: "X-1" });
  await alice.share("Passport", bob);
  const press = alice.button("What is stored of Bob", alice.row("Connections", "Bob"));
  await press.scrollIntoViewIfNeeded();
  const before = await restsAt(press);
  await press.click();
  const place = behind(alice).getByText(/^\d of \d, /);
  await alice.sees(place.filter({ hasText: /^1 of \d, Keystore: connection_keys$/ }));
  await seesWhole(alice);
  const count = Number(/of (\d)/.exec(await place.textContent())[1]);
  assert.equal(await behind(alice).locator(".stored.hit").count(), count);
  for (let row = 2; row <= count; row += 1) {
    await alice.button("Next marked row").click();
    await alice.sees(place.filter({ hasText: `${row} of ${count}, ` }));
    await seesWhole(alice);
  }
  await alice.button("Next marked row").click();
  await alice.sees(place.filter({ hasText: `1 of ${count}, ` }));
  await alice.button("Previous marked row").click();
  await alice.sees(place.filter({ hasText: `${count} of ${count}, ` }));
  await seesWhole(alice);
  assert.equal(await restsAt(press), before, "what was pressed has not moved");
  assert.equal(await alice.button("Back to Bob").count(), 0, "nobody has left");
  await alice.button("Mark nothing").click();
  await alice.seesNo(behind(alice).locator(".chosen"));
});

test("on a phone, a way leads back from the rows to the record", async (t) => {
  const opened = await device(t, { viewport: { width: 390, height: 844 } });
  const alice = await opened.person("Alice");
  await alice.signUp();
  for (const label of ["Passport", "Locker"]) await alice.createCard(label, { Number: "X-1" });
  const press = alice.button("What is stored of Passport");
  await press.scrollIntoViewIfNeeded();
  const before = await restsAt(press);
  await press.click();
  await alice.sees(behind(alice).locator(".stored.looked-at"));
  await seesWhole(alice);
  await assertAccessible(alice.page, "rows on a phone");
  const back = alice.button("Back to Passport");
  assert.ok(await back.evaluate((node) => node === document.activeElement), "the focus is at the way back");
  await back.click();
  assert.ok(Math.abs((await restsAt(press)) - before) < 2, "where it was");
  assert.ok(await press.evaluate((node) => node === document.activeElement), "with the focus");
});

/** Switches a lie on, as a person does. */
async function lie(person, name) {
  await openTab(person, "Lying servers");
  await behind(person).getByRole("radio", { name, exact: true }).check();
  await person.sees(person.page.getByRole("status", { name: "State of the page" }).getByText("The servers lie to you."));
}

async function beHonest(person) {
  const stop = person.button("Be honest again");
  await stop.click();
  await person.seesNo(stop);
  assert.equal(await person.page.evaluate(() => document.activeElement.value), "", "the focus is at “Honest servers”");
}

const refusals = (person) => behind(person).getByRole("list", { name: "What your browser refused" }).getByRole("listitem");
const seesRefusal = (person, ...texts) =>
  person.sees(texts.reduce((rows, hasText) => rows.filter({ hasText }), refusals(person)));

test("a key that is swapped while two people connect is refused", async (t) => {
  const { alice, bob } = await twoPeople(await device(t));
  const link = await alice.inviteByLink(bob);
  await bob.openLink(link);
  await lie(bob, "Swap a key while you connect");
  await bob.tryAccept(alice);
  assert.match(await bob.problem(), /not the one that your link names/);
  await seesRefusal(bob, "Accepting the invitation", "peer_key_changed", "Refused at step 10");
  await openTab(bob, "Steps");
  const refused = behind(bob).getByRole("list", { name: "Bob accepts" }).getByRole("listitem").filter({ hasText: "refused" });
  assert.match(await refused.innerText(), /Open the invitation/, "the step that was refused is marked");
  await openTab(bob, "Lying servers");
  assert.equal(await bob.rows("Connections").count(), 0);
  await assertAccessible(bob.page, "refused");

  await beHonest(bob);
  await bob.accept(alice);
  await bob.seesTrust(alice, "Verified");
  await openTab(bob, "Steps");
  await seesParts(bob, [5, 6, 0, 0]);
});

test("by mail, a swapped key shows in the safety number", async (t) => {
  const { alice, bob } = await twoPeople(await device(t));
  await alice.createCard("Passport", { Number: "X-1" });
  await alice.inviteByMail(bob);
  await lie(alice, "Swap a key while you connect");
  await bob.openMail();
  await bob.accept(alice);
  await alice.seesTrust(bob, "Unverified");
  const dialog = await alice.prepareShare("Passport", bob);
  await alice.button(/^Share$/, dialog).click();
  assert.match(await alice.problem(dialog), /Nothing was shared/);
  await alice.page.keyboard.press("Escape");
  await seesRefusal(alice, "Sharing the card", "connection_unverified");

  const { number } = await bob.openSafetyNumber(alice);
  const seen = await alice.openSafetyNumber(bob);
  assert.notEqual(seen.number, number);
});

test("a key that is swapped later is seen, and nothing is shared", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X-1" });
  await lie(alice, "Swap a key later");
  await alice.seesTrust(bob, "Keys changed");
  await seesRefusal(alice, "Listing your people", "peer_key_changed");
  await alice.sees(alice.page.getByText("Earlier invitations (1)"));
  const dialog = await alice.prepareShare("Passport", bob);
  await alice.button(/^Share$/, dialog).click();
  assert.match(await alice.problem(dialog), /The keys of this person are not those from before/);
  await alice.page.keyboard.press("Escape");
  await seesRefusal(alice, "Sharing the card", "Refused at step 19–22");
  assert.equal(await alice.rows("Shared by you").count(), 0);
  await bob.seesTrust(alice, "Verified");

  await beHonest(alice);
  await alice.seesTrust(bob, "Verified");
});

test("a share that the servers made up is not shown", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await lie(bob, "Forge a share");
  const row = bob.row("Shared with you", "From Alice");
  await bob.sees(row);
  await bob.button(/^Read/, row).click();
  assert.match(await bob.problem(row), /not what it claims to be/);
  await seesRefusal(bob, "Reading the share", "record_rejected", "Refused at step 43");
  assert.equal(await bob.page.getByRole("article").count(), 0);
  await beHonest(bob);
  await bob.seesNo(row);
  assert.equal(await alice.rows("Shared by you").count(), 0);
});

test("records that are exchanged are refused, each by itself", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Passport", { Number: "X-1" });
  await alice.createCard("Locker", { Code: "5521" });
  await lie(alice, "Swap two records");
  await alice.sees(alice.rows("Your cards").filter({ hasText: "One record cannot be shown." }).nth(1));
  await seesRefusal(alice, "Listing your cards", "record_rejected");
  await beHonest(alice);
  await alice.sees(alice.row("Your cards", "5521"));
  await alice.sees(alice.row("Your cards", "X-1"));
});

test("a card that stands in place of another one’s behind a link is refused", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Passport", { Number: "X-1" });
  await alice.createCard("Locker", { Code: "5521" });
  const link = await alice.makeCardLink("Passport");
  await alice.makeCardLink("Locker");
  await lie(alice, "Swap two records");
  await alice.page.goto(link);
  await alice.button("Show the card").click();
  await alice.sees(alice.alert(alice.page.locator("#shown")));
  await seesRefusal(alice, "Opening the link", "record_rejected", "names the key that must have signed", "Refused at step i");
  await openTab(alice, "Steps");
  const steps = behind(alice).getByRole("list", { name: /^Somebody opens it/ }).getByRole("listitem");
  assert.match(await steps.filter({ hasText: "refused" }).innerText(), /Decrypt the card/, "the step that was refused is marked");
});

test("an old edition of a card is refused by somebody who read the newer one", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Locker", { Code: "5521" });
  await alice.share("Locker", bob);
  await bob.read(alice, "Locker");
  await openTab(bob, "Lying servers");
  await alice.edit("Locker", "7788");
  const article = bob.page.getByRole("article", { name: "Locker" });
  await bob.sees(article.getByText("7788"));
  await lie(bob, "Serve an old edition again");
  assert.match(await bob.problem(bob.row("Shared with you", "From Alice")), /older than what you read before/);
  await seesRefusal(bob, "Reading the share", "record_rejected", "has seen a newer edition", "Refused at step 43");
  await bob.sees(article.getByText("7788"));
  assert.equal(await bob.page.getByText("5521").count(), 0);
  await beHonest(bob);
  await alice.edit("Locker", "9900");
  await bob.sees(article.getByText("9900"));
  assert.equal(await bob.alert(bob.row("Shared with you", "From Alice")).count(), 0);
});

test("whoever says that a link was used has to have had it", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  await lie(alice, "Take over an invitation link");
  await alice.inviteByLink({ name: "Bob" });
  await alice.seesTrust({ name: "Bob" }, "Not proven");
  await alice.sees(alice.row("Your invitations", "Bob").filter({ hasText: "Not proven" }));
  await seesRefusal(alice, "Listing your people: Bob", "cannot prove it", "peer_key_changed");
  assert.equal(await alice.button("Share a card with Bob").count(), 0, "there is nothing to press");
});

const choiceOf = (person, name) => behind(person).getByRole("radio", { name, exact: true });

for (const [width, height] of [[390, 844], [1440, 900]]) {
  test(`at ${width} pixels, the choice of a lie stays under the pointer`, async (t) => {
    const { alice, bob } = await twoConnected(await device(t, { viewport: { width, height } }));
    await openTab(alice, "Lying servers");
    for (const [name, trust] of [["Swap a key later", "Keys changed"], ["Forge a share", "Verified"]]) {
      const choice = choiceOf(alice, name);
      await choice.scrollIntoViewIfNeeded();
      const before = await restsAt(choice);
      await choice.evaluate((node) => node.click());
      await alice.seesTrust(bob, trust);
      assert.ok(Math.abs((await restsAt(choice)) - before) < 2, `${name}: ${before} before`);
    }
  });
}

test("what was refused stays while other lies are tried, and each task leads to its place", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  const panel = behind(alice).getByRole("tabpanel", { name: "Lying servers" });
  const lacks = panel.getByText(/^This needs/);
  await alice.createCard("Passport", { Number: "X-1" });
  await lie(alice, "Swap two records");
  await alice.sees(lacks.filter({ hasText: "two cards" }));
  await alice.button("Add a sample card").click();
  await seesRefusal(alice, "Listing your cards");
  await alice.seesNo(lacks);
  await alice.button("Look at your cards", panel).click();
  assert.ok(await alice.heading("Your cards").evaluate((node) => node === document.activeElement));

  await lie(alice, "Swap a key later");
  await alice.seesTrust(bob, "Keys changed");
  await seesRefusal(alice, "Listing your people");
  await alice.seesNo(lacks);
  await alice.button("Look at your people", panel).click();
  assert.ok(await alice.heading("People").evaluate((node) => node === document.activeElement));
  await alice.button("try to share a card", panel).click();
  assert.ok(await alice.heading("Your cards").evaluate((node) => node === document.activeElement));

  await lie(alice, "Forge a share");
  await alice.button("Read the card that turned up", panel).click();
  assert.ok(await alice.heading("Shared with you").evaluate((node) => node === document.activeElement));
  await beHonest(alice);
  assert.match((await refusals(alice).allInnerTexts()).join("\n"), /Listing your people.*Listing your cards/s, "newest first");
  const outcomes = [["Swap two records", true], ["Swap a key later", true], ["Forge a share", false]];
  for (const [name, refused] of outcomes) {
    const described = await choiceOf(alice, name).getAttribute("aria-describedby");
    assert.equal(described === null ? null : await alice.page.locator(`#${described}`).innerText(), refused ? "refused" : null, name);
  }
  await assertAccessible(alice.page, "several refusals");
});
