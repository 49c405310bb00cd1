// What changed while a person was looking at something else, and answers that come when nobody waits for them any more: nothing
// is lost, nothing is said that is not so, and nobody is chosen in another one's place.

import assert from "node:assert/strict";
import { test } from "./sample.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

/** Holds back the answers to requests that `match`; `asked` is when the first of them was sent. */
async function holdBack(page, match) {
  let open;
  let sent;
  const gate = new Promise((resolve) => (open = resolve));
  const asked = new Promise((resolve) => (sent = resolve));
  await page.route("**/v1/**", async (route) => {
    const request = route.request();
    if (!match(request.method(), new URL(request.url()).pathname)) return route.fallback();
    const response = await route.fetch();
    sent();
    await gate;
    // Nobody may want it any more.
    await route.fulfill({ response }).catch(() => {});
  });
  return { asked, open };
}

/** The same person on a device of their own. */
async function again(t, person) {
  const other = await (await device(t)).person(person.name);
  return other.signIn(person);
}

const focusIs = ({ page }, text) => page.waitForFunction((text) => document.activeElement.textContent === text, text);
const chosen = (person, label) => person.field(label, person.dialog("Share a card")).evaluate((select) => select.selectedOptions[0].textContent);

test("a new recovery key is shown, however a person tries to leave", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.button("Account").click();
  const dialog = alice.dialog("Your account");
  const held = await holdBack(alice.page, (method, path) => method === "PUT" && path.endsWith("/credentials"));
  await dialog.getByText("New recovery key", { exact: true }).click();
  await dialog.locator("details[open]").getByLabel("Passphrase", { exact: true }).fill(alice.passphrase);
  await alice.button("Make a new recovery key", dialog).click();
  await held.asked;
  for (let presses = 0; presses < 3; presses += 1) await alice.page.keyboard.press("Escape");
  await alice.button("Close", dialog).click();
  held.open();
  const key = dialog.getByRole("group", { name: "Recovery key" });
  await alice.sees(key);
  for (let presses = 0; presses < 3; presses += 1) await alice.page.keyboard.press("Escape");
  assert.match(await key.innerText(), /^([0-9A-Z]{4}-?){14}$/);
  await alice.button("I have written it down", dialog).click();
  await alice.seesNo(dialog);
});

test("a card or a person that is gone is not replaced by another one", async (t) => {
  const opened = await device(t);
  const { alice, bob } = await twoConnected(opened);
  await alice.createCard("Diary", { Entry: "private" });
  await alice.createCard("Recipe", { Dish: "soup" });
  const elsewhere = await again(t, alice);
  // The dialog asks for the cards when it is opened: the answer comes after the card is gone.
  const held = await holdBack(alice.page, (method, path) => method === "GET" && path.endsWith("/vault/v1/connections"));
  await alice.button("Share Recipe").click();
  await held.asked;
  await elsewhere.pressAndConfirm("Delete Recipe", "Delete the card");
  await alice.seesNo(alice.row("Your cards", "Recipe"));
  held.open();
  const dialog = alice.dialog("Share a card");
  await alice.button(/^Share$/, dialog).click();
  assert.equal(await alice.problem(dialog), "This is no longer there. Refresh the list.");
  await alice.button("Close", dialog).click();

  const carol = await opened.person("Carol");
  await carol.signUp();
  const { dialog: invitation, link } = await alice.makeLink(carol);
  await carol.openLink(link);
  await carol.accept(alice);
  await alice.sees(invitation.getByText("Carol accepted: you are connected."));
  await carol.pressAndConfirm("Disconnect from Alice", "Disconnect");
  await alice.sees(alice.news("The connection with Carol has ended."));
  await alice.button("Share a card with Carol", invitation).click();
  await alice.sees(dialog.getByText("You are no longer connected with this person."));
  assert.equal(await alice.button(/^Share$/, dialog).count(), 0);
  await alice.button("Close", dialog).click();

  await alice.button("Share a card", alice.row("Connections", "Bob")).click();
  assert.equal(await chosen(alice, "With"), bob.name);
});

test("what was shared keeps its name when the form is changed meanwhile", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("First", { Number: "1" });
  await alice.createCard("Second", { Number: "2" });
  const dialog = await alice.prepareShare("First", bob);
  const held = await holdBack(alice.page, (method, path) => method === "POST" && path.endsWith("/vault/v1/shares"));
  await alice.button(/^Share$/, dialog).click();
  await held.asked;
  await alice.field("Card", dialog).selectOption({ label: "Second" });
  held.open();
  await alice.sees(alice.row("Shared by you", "First"));
  await bob.read(alice, "First");
});

test("whoever signs out is gone at once, and nothing of theirs comes back", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.createCard("Passport", { Number: "X-1" });
  const held = await holdBack(alice.page, (method, path) => path.endsWith("/keystore/v1/sign-out"));
  await alice.button("Sign out").click();
  await alice.sees(alice.heading("Sign in"));
  assert.equal(await alice.page.getByText("X-1").count(), 0);
  assert.equal(await alice.page.title(), "Vouchsafe demo");
  await held.asked;
  held.open();
  await alice.signIn();
  await alice.sees(alice.row("Your cards", "X-1"));
});

test("nobody comes in by two forms at once", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.fillAccount("Create an account");
  const held = await holdBack(alice.page, (method, path) => path.endsWith("/keystore/v1/sign-up/start"));
  await alice.button("Create account").click();
  await held.asked;
  await alice.button("Sign in instead").click();
  assert.equal(await alice.heading("Sign in").count(), 0);
  held.open();
  await alice.sees(alice.heading("Your recovery key"), 60_000);
});

test("signing out while the lists are fetched ends there", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.fillAccount("Create an account");
  await alice.button("Create account").click();
  await alice.sees(alice.heading("Your recovery key"), 60_000);
  const lists = await holdBack(alice.page, (method, path) => path.endsWith("/vault/v1/cards"));
  const out = await holdBack(alice.page, (method, path) => path.endsWith("/keystore/v1/sign-out"));
  await alice.button("I have written it down").click();
  await lists.asked;
  await alice.button("Sign out").click();
  await out.asked;
  const drawn = alice.page.waitForResponse((response) => response.url().includes("/vault/v1/cards"));
  lists.open();
  await drawn;
  out.open();
  await alice.sees(alice.heading("Sign in"));
  assert.equal(await alice.page.getByText(`Signed in as ${alice.email}`).count(), 0);
  await alice.signIn();
  await alice.sees(alice.page.getByText(`Signed in as ${alice.email}`));
  assert.equal(await alice.heading("Your cards").count(), 1);
});

test("a card that was changed elsewhere is not lost, nor in the way", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.createCard("Bicycle", { Lock: "4402" });
  const other = await again(t, alice);
  await alice.button("Edit Bicycle").click();
  const dialog = alice.dialog("Edit Bicycle");
  await alice.field("Value", dialog).fill("9033");
  await other.edit("Bicycle", "7711");
  await alice.button("Save card", dialog).click();
  assert.match(await alice.problem(dialog), /changed elsewhere in the meantime\. Save once more/);
  await alice.sees(alice.row("Your cards", "7711"));
  await alice.button("Save card", dialog).click();
  await alice.seesNo(dialog);
  await alice.sees(alice.row("Your cards", "9033"));
  await focusIs(alice, "Your cards");

  await other.sees(other.row("Your cards", "9033"));
});

test("a second invitation waits while the first is answered", async (t) => {
  const { person } = await device(t);
  const [alice, bob, carol] = [await person("Alice"), await person("Bob"), await person("Carol")];
  for (const each of [alice, bob, carol]) await each.signUp();
  const [first, second] = [await alice.inviteByLink(bob), await carol.inviteByLink(bob)];
  await bob.openLink(first);
  const held = await holdBack(bob.page, (method, path) => method === "POST" && path.endsWith("/vault/v1/connections"));
  await bob.tryAccept(alice);
  await held.asked;
  await bob.page.evaluate((link) => void (location.href = link), second);
  await bob.page.waitForFunction(() => location.hash === "");
  held.open();
  await bob.sees(bob.heading("You are connected"));
  await bob.button("Go on").click();
  await bob.sees(bob.heading("You are invited"));
  await bob.accept(carol);
  await bob.sees(bob.row("Connections", "Alice"));
});

test("what a form does not show cannot stop it", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  const invitation = await alice.openInvite();
  await invitation.getByRole("radio", { name: "By mail" }).check();
  await alice.field("Their email address", invitation).fill("dora at home");
  await invitation.getByRole("radio", { name: /By a link/ }).check();
  await alice.field("What do you call this person?", invitation).fill("   ");
  await alice.button("Make invitation link", invitation).click();
  assert.ok(await alice.field("What do you call this person?", invitation).evaluate((input) => input.validity.patternMismatch), "blanks are no name");
  await alice.field("What do you call this person?", invitation).fill("Dora");
  await alice.button("Make invitation link", invitation).click();
  await alice.sees(alice.field("Invitation link for Dora", invitation));
  await alice.button("Done", invitation).click();

  await alice.createCard("Note", { Text: "a word" });
  const dialog = await alice.prepareShare("Note", bob, { until: "Until a time that I choose" });
  await alice.button(/^Share$/, dialog).click();
  assert.ok(await alice.field("Reading ends", dialog).evaluate((input) => input.validity.valueMissing));
  await alice.field("How long can it be read?", dialog).selectOption({ label: "For a day" });
  await alice.button(/^Share$/, dialog).click();
  await alice.sees(alice.row("Shared by you", "Note"));
});

test("a share whose time runs out goes by itself", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Ticket", { Seat: "12 A" });
  const dialog = await alice.prepareShare("Ticket", bob, { until: "For an hour" });
  // An hour is fifteen seconds here, in which a slow machine reads it too.
  await alice.field("How long can it be read?", dialog).evaluate((select) => (select.selectedOptions[0].value = "15000"));
  await alice.button(/^Share$/, dialog).click();
  await bob.read(alice, "Ticket");
  await bob.sees(bob.row("Shared with you", "The time for which Alice shared this card ran out while you had it open."));
  assert.equal(await bob.page.getByText("12 A").count(), 0);
  await alice.sees(alice.row("Shared by you", "Time ran out"));
  await bob.button("Dismiss this").click();
  await focusIs(bob, "Shared with you");
});

test("the panel of a new connection says what was compared since", async (t) => {
  const { person } = await device(t);
  const [alice, bob] = [await person("Alice"), await person("Bob")];
  for (const each of [alice, bob]) await each.signUp();
  await alice.inviteByMail(bob);
  await bob.openMail();
  await bob.accept(alice);
  const panel = bob.page.getByRole("region", { name: "You are connected" });
  await bob.button("Compare the safety number", panel).click();
  await bob.button("They match").click();
  await bob.sees(panel.getByText("Verified: safety number compared"));
  assert.equal(await bob.button("Compare the safety number", panel).count(), 0);
  await bob.button("Go on", panel).click();
  await bob.page.waitForFunction(() => document.activeElement.tagName === "H2");
});

test("whoever cannot show to have had the link is no news of a connection", async (t) => {
  const { person } = await device(t);
  const [alice, bob] = [await person("Alice"), await person("Bob")];
  for (const each of [alice, bob]) await each.signUp();
  await alice.page.getByRole("tab", { name: "Lying servers" }).click();
  await alice.page.getByRole("radio", { name: "Swap a key while you connect" }).check();
  await alice.sees(alice.page.getByText("The servers lie to you."));
  const { dialog: invitation, link } = await alice.makeLink(bob);
  await bob.openLink(link);
  await bob.accept(alice);
  await alice.sees(alice.news("The server says that Bob accepted, but whoever it was cannot show to have had your link."));
  assert.equal(await alice.page.getByText("Bob accepted: you are connected.").count(), 0);
  await alice.button("Done", invitation).click();

  // Refusals are told again to a person who comes back.
  const refusals = alice.list("What your browser refused");
  await alice.sees(refusals.getByText("Listing your people"));
  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.field("Passphrase").fill(alice.passphrase);
  await alice.button("Unlock").click();
  await alice.sees(alice.heading("Your cards"));
  await alice.page.getByRole("tab", { name: "Lying servers" }).click();
  await alice.sees(refusals.getByText("Listing your people"));
});

test("a lie that was chosen and taken back at once is over", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.page.getByRole("tab", { name: "Lying servers" }).click();
  let open;
  const gate = new Promise((resolve) => (open = resolve));
  let asked = 0;
  let answers = 0;
  alice.page.on("response", (response) => (answers += response.request().method() === "PUT" && response.url().endsWith("/demo/attacks") ? 1 : 0));
  await alice.page.route("**/demo/attacks", async (route) => {
    if (route.request().method() !== "PUT") return route.fallback();
    asked += 1;
    if (asked === 1) await gate;
    await route.continue();
  });
  await alice.page.getByRole("radio", { name: "Swap two records" }).check();
  await alice.page.getByRole("radio", { name: "Honest servers" }).check();
  open();
  const end = Date.now() + 60_000;
  while (answers < 2) {
    assert.ok(Date.now() < end, "both switches were answered");
    await alice.page.evaluate(() => new Promise(requestAnimationFrame));
  }
  // What the switch says, and what the servers say to somebody who has just come.
  assert.ok(await alice.page.getByRole("radio", { name: "Honest servers" }).isChecked());
  await alice.seesNo(alice.page.getByText("The servers lie to you."));
  await alice.page.reload();
  const looked = alice.page.waitForResponse((response) => response.url().includes("/demo/attacks?"));
  await alice.signIn();
  assert.deepEqual(await (await looked).json(), { attack: null });
});
