// Losing a passphrase, changing it, replacing the recovery key, and leaving for good.

import assert from "node:assert/strict";
import { test } from "./sample.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

const shownKey = (person) => person.page.getByRole("group", { name: "Recovery key" });

/** Opens one part of the account dialog. */
async function openPart(person, title) {
  await person.page.getByRole("button", { name: "Account", exact: true }).click();
  const dialog = person.dialog("Your account");
  await dialog.getByText(title, { exact: true }).first().click();
  return dialog;
}

async function fillRecovery(person, { recoveryKey, passphrase }) {
  const link = person.button("Use your recovery key");
  await person.sees(link);
  await link.click();
  await person.sees(person.heading("Recover your account"));
  await person.field("Email address").fill(person.email);
  await person.field("Recovery key").fill(recoveryKey);
  await person.field("New passphrase").fill(passphrase);
  await person.button("Recover account").click();
}

async function showSignIn(person) {
  const other = person.button("Sign in instead");
  await person.sees(person.heading("Sign in").or(other));
  if (await other.isVisible()) await other.click();
}

test("a lost passphrase costs nothing but the old recovery key", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.createCard("Diary", { Entry: "rain again" });

  const elsewhere = await device(t);
  const again = await elsewhere.person("Alice");
  again.email = alice.email;
  await showSignIn(again);
  const mistyped = alice.recoveryKey.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  await fillRecovery(again, { recoveryKey: mistyped, passphrase: "a new passphrase" });
  assert.match(await again.problem(), /not a recovery key/);

  await again.field("Recovery key").fill(alice.recoveryKey.toLowerCase().replaceAll("-", " "));
  await again.button("Recover account").click();
  await again.sees(again.heading("Your recovery key"), 60_000);
  const newKey = (await shownKey(again).innerText()).trim();
  assert.notEqual(newKey, alice.recoveryKey);
  await again.button("I have written it down").click();
  await again.sees(again.row("Your cards", "rain again"));

  // The device of before is signed out, and what was lost stays lost.
  await alice.button("Add a sample card").or(alice.button("New card")).first().waitFor();
  await alice.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await alice.trySignIn();
  assert.match(await alice.problem(), /email address or the passphrase is wrong/);
  await fillRecovery(alice, { recoveryKey: alice.recoveryKey, passphrase: "yet another one" });
  assert.match(await alice.problem(), /do not belong together/);
  await alice.button("Sign in instead").click();
  await alice.signIn({ passphrase: "a new passphrase" });
  await alice.sees(alice.row("Your cards", "rain again"));
});

test("a passphrase is changed, and other devices are signed out", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  const elsewhere = await device(t);
  const other = await elsewhere.person("Alice");
  await other.signIn({ email: alice.email, passphrase: alice.passphrase });

  const dialog = await openPart(alice, "Change passphrase");
  await alice.field("Passphrase now", dialog).fill("not the passphrase");
  await alice.field("New passphrase", dialog).fill("better words than before");
  await dialog.getByRole("button", { name: "Change passphrase", exact: true }).click();
  assert.match(await alice.problem(dialog), /passphrase is wrong/);
  await alice.field("Passphrase now", dialog).fill(alice.passphrase);
  await dialog.getByRole("button", { name: "Change passphrase", exact: true }).click();
  await alice.sees(alice.news("Your passphrase is changed."), 60_000);
  await alice.createCard("Still here", { Note: "same keys" });

  const diary = await openPart(other, "New recovery key");
  await other.field("Passphrase", diary).filter({ visible: true }).fill(alice.passphrase);
  await other.button("Make a new recovery key", diary).click();
  assert.match(await other.problem(diary), /passphrase is wrong/);
  await other.button("Close", diary).click();
  await other.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await other.signIn({ email: alice.email, passphrase: "better words than before" });
  await other.sees(other.row("Your cards", "Still here"));
});

test("a new recovery key replaces the old one", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  const dialog = await openPart(alice, "New recovery key");
  await alice.field("Passphrase", dialog).filter({ visible: true }).fill(alice.passphrase);
  await alice.button("Make a new recovery key", dialog).click();
  await alice.sees(shownKey(alice), 60_000);
  const newKey = (await shownKey(alice).innerText()).trim();
  assert.doesNotMatch(await dialog.innerText(), /null|undefined/, "nothing but the key is shown");
  await alice.button("I have written it down").click();
  await alice.page.getByRole("button", { name: "Sign out", exact: true }).click();

  await showSignIn(alice);
  await fillRecovery(alice, { recoveryKey: alice.recoveryKey, passphrase: "words and words" });
  assert.match(await alice.problem(), /do not belong together/);
  await alice.field("Recovery key").fill(newKey);
  await alice.button("Recover account").click();
  await alice.sees(alice.heading("Your recovery key"), 60_000);
});

test("a deleted account is gone, and the other person sees it", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Plan", { What: "leave" });
  await alice.share("Plan", bob);
  await bob.read(alice, "Plan");

  const dialog = await openPart(alice, "Delete account");
  await alice.field("Passphrase", dialog).filter({ visible: true }).fill(alice.passphrase);
  await dialog.getByRole("checkbox", { name: "Delete everything, for good" }).check();
  await dialog.getByRole("button", { name: "Delete account", exact: true }).click();
  await alice.sees(alice.news("Your account is deleted."), 60_000);

  await bob.sees(bob.news("The connection with Alice has ended."));
  await bob.seesNo(bob.row("Shared with you", "From Alice"));
  await alice.trySignIn();
  assert.match(await alice.problem(), /email address or the passphrase is wrong/);
  await alice.signUp();
  await alice.sees(alice.page.getByText("No cards yet."));
});
