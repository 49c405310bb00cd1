// Accounts: what opens them, what does not, and the cards that are there again on another device.

import assert from "node:assert/strict";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const device = useBrowser();

test("a wrong passphrase and an unknown address sound the same", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.button("Sign out").click();

  await alice.trySignIn({ passphrase: "not the passphrase" });
  const wrong = await alice.problem();

  // After a reload the address is still there, and nothing else.
  await alice.page.reload();
  await alice.sees(alice.heading("Sign in"));
  assert.equal(await alice.field("Email address").inputValue(), alice.email);
  assert.equal(await alice.field("Passphrase").inputValue(), "");
  await alice.trySignIn({ email: `nobody.${alice.email}`, passphrase: "not the passphrase" });
  const unknown = await alice.problem();
  assert.equal(wrong, unknown);
  assert.match(wrong, /email address or the passphrase is wrong/);

  await alice.signIn();
  await alice.sees(alice.page.getByText(`Signed in as ${alice.email}`));
});

test("an address that is taken is told, and leads to signing in", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  const other = await person("Other");
  await other.fillAccount("Create an account", { email: alice.email });
  await other.button("Create account").click();
  assert.match(await other.problem(), /There is an account with this email address already/);
});

test("locking hides everything until the passphrase is back", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.createCard("Diary", { Entry: "rain again" });

  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.sees(alice.heading("Locked"));
  assert.equal(await alice.page.getByText("rain again").count(), 0);
  await alice.field("Passphrase").fill("not the passphrase");
  await alice.button("Unlock").click();
  assert.match(await alice.problem(), /passphrase is wrong/);
  await alice.field("Passphrase").fill(alice.passphrase);
  await alice.button("Unlock").click();
  await alice.sees(alice.row("Your cards", "rain again"));
});

test("another device has the same cards, and sees what was changed", async (t) => {
  const first = await device(t);
  const alice = await first.person("Alice");
  await alice.signUp();
  await alice.createCard("Bank", { "Account number": "1200 3400", Branch: "Harbour" });
  await alice.button("Edit Bank").click();
  const dialog = alice.dialog("Edit Bank");
  const branch = dialog.getByRole("group", { name: "Field 2", exact: true });
  await alice.field("Value", branch).fill("Market square");
  await alice.button("Save card", dialog).click();
  await alice.sees(alice.row("Your cards", "Market square"));

  const second = await device(t);
  const again = await second.person("Alice");
  await again.signIn({ email: alice.email, passphrase: alice.passphrase });
  await again.sees(again.row("Your cards", "Bank"));
  const text = await again.row("Your cards", "Bank").innerText();
  assert.match(text, /1200 3400/);
  assert.match(text, /Market square/);
  assert.doesNotMatch(text, /Harbour/);

  // The first device edits version 2 while the second writes version 3.
  await alice.button("Edit Bank").click();
  await again.button("Edit Bank").click();
  await again.field("Card title", again.dialog("Edit Bank")).fill("Old bank");
  await again.button("Save card", again.dialog("Edit Bank")).click();
  await again.sees(again.row("Your cards", "Old bank"));
  await alice.button("Save card", alice.dialog("Edit Bank")).click();
  assert.match(await alice.problem(alice.dialog("Edit Bank")), /changed elsewhere/);
  await alice.button("Discard", alice.dialog("Edit Bank")).click();

  await again.pressAndConfirm("Delete Old bank", "Delete the card");
  await again.sees(again.page.getByText("No cards yet."));
});

test("everything up to the first card works with the keyboard alone", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  const { keyboard } = alice.page;
  await alice.sees(alice.heading("Create an account"));
  await alice.field("Email address").focus();
  await keyboard.type(alice.email);
  await keyboard.press("Tab");
  await keyboard.type(alice.passphrase);
  await keyboard.press("Enter");
  await alice.sees(alice.heading("Your recovery key"), 60_000);

  // The focus follows: from the heading to the second button below it.
  await keyboard.press("Tab");
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  await alice.sees(alice.heading("Your cards"));
  const focused = () => alice.page.evaluate(() => document.activeElement.textContent);
  assert.equal(await focused(), "Share something in a minute", "the focus is where the reading goes on");
  for (let presses = 0; presses < 6 && (await focused()) !== "New card"; presses += 1) await keyboard.press("Tab");
  await keyboard.press("Enter");
  await alice.sees(alice.dialog("New card"));
  await keyboard.type("Shoe size");
  await keyboard.press("Tab");
  await keyboard.type("Left");
  await keyboard.press("Tab");
  await keyboard.type("42");
  // The text that was written goes only if that was meant.
  await keyboard.press("Escape");
  await alice.sees(alice.dialog("Discard what you wrote?"));
  assert.equal(await focused(), "Go on writing");
  await keyboard.press("Enter");
  assert.equal(await alice.dialog("New card").getByLabel("Value", { exact: true }).inputValue(), "42");
  await keyboard.press("Escape");
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  await alice.seesNo(alice.dialog("New card"));
  // The focus is back where the dialog was opened.
  await alice.page.waitForFunction(() => document.activeElement.textContent === "New card");
});

test("a double click on the copy button does not take the recovery key away", async (t) => {
  const { context, person } = await device(t);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const alice = await person("Alice");
  await alice.button("Be an example person").click();
  await alice.sees(alice.heading("Your recovery key"), 60_000);
  const key = alice.page.getByRole("group", { name: "Recovery key" });
  const copy = alice.button("Copy the recovery key");
  const before = await copy.boundingBox();
  const end = [before.x + before.width - 8, before.y + before.height / 2];
  await alice.page.mouse.click(...end);
  const copied = alice.button("Copied");
  await alice.sees(copied);
  const after = await copied.boundingBox();
  await alice.page.mouse.click(...end);
  await alice.sees(copy);
  assert.equal((await key.innerText()).trim(), await alice.page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(after, before, "the button stays where it is and as wide as it is");
  const confirm = await alice.button("I have written it down").boundingBox();
  assert.ok(confirm.y > before.y + before.height, "what goes on does not stand beside it");
});

test("an example person gets back in after locking and signing out, and a new one is a click away", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  const passphrase = await alice.becomeExample();
  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.button("Fill in the example’s passphrase").click();
  assert.equal(await alice.field("Passphrase").inputValue(), passphrase);
  await alice.button("Unlock").click();
  await alice.sees(alice.heading("Your cards"), 60_000);

  await alice.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await alice.button("Fill in the example’s passphrase").click();
  await alice.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await alice.sees(alice.heading("Your cards"), 60_000);

  // The tab's memory alone has it.
  await alice.page.reload();
  await alice.sees(alice.heading("Sign in"));
  const stored = await alice.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  for (const word of passphrase.split(" ")) assert.ok(!stored.includes(word), "the passphrase is in no storage");
  assert.equal(await alice.button("Fill in the example’s passphrase").count(), 0);
  assert.notEqual(await alice.becomeExample(), passphrase);
});

test("a passphrase that the person chose is not kept, and the recovery key opens a locked account", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.sees(alice.heading("Locked"));
  assert.equal(await alice.button("Fill in the example’s passphrase").count(), 0);
  await alice.button("Use your recovery key").click();
  await alice.sees(alice.heading("Recover your account"));
  assert.equal(await alice.field("Email address").inputValue(), alice.email);
  await alice.field("Recovery key").fill(alice.recoveryKey);
  await alice.field("New passphrase").fill("another set of words");
  await alice.button("Recover account").click();
  await alice.sees(alice.heading("Your recovery key"), 60_000);
});

test("the example people of one browser have different names", async (t) => {
  const { person } = await device(t);
  const tabs = [await person("One"), await person("Other")];
  const names = [];
  for (let draws = 0; draws < 5; draws += 1) {
    for (const tab of tabs) {
      await tab.page.goto(DEMO_URL);
      await tab.button("Be an example person").click();
      names.push((await tab.field("Email address").inputValue()).split(".")[0]);
    }
  }
  assert.equal(new Set(names).size, 10, `the names are ${names}`);
});
