// The way from strangers to a revoked share, by an invitation mail.

import assert from "node:assert/strict";
import { test as always } from "node:test";
import { mailTo } from "./people.mjs";
import { test } from "./sample.mjs";
import { useBrowser } from "./support.mjs";

const device = useBrowser();

always("two tabs connect by mail, compare the safety number, share, read and revoke", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  const bob = await person("Bob");

  await alice.signUp();
  await alice.createCard("Travel papers", { Number: "X99 4411 802", Nationality: "Utopian", "Home address": "7 Elm Row" });
  await alice.inviteByMail(bob);

  await bob.openMail();
  assert.doesNotMatch(bob.page.url(), /vouchsafe=/, "the secret stays out of the address bar");
  assert.equal(await bob.button("Accept").count(), 0, "without an account there is nothing to accept with");
  await bob.signUp();
  await bob.sees(bob.heading("You are invited"));
  await bob.accept(alice);
  await bob.seesTrust(alice, "Unverified");
  await alice.sees(alice.news(`${bob.name} accepted: you are connected.`));
  await alice.seesTrust(bob, "Unverified");
  await alice.unfold("Earlier invitations");
  await alice.sees(alice.row("Earlier invitations", bob.name).filter({ hasText: "Accepted" }));

  const dialog = await alice.prepareShare("Travel papers", bob, { fields: ["Number", "Nationality"] });
  await alice.button(/^Share$/, dialog).click();
  assert.match(await alice.problem(dialog), /Nothing was shared\. Bob is not verified yet/);
  assert.equal(await alice.rows("Shared by you").count(), 0);

  // The refusal leads to the comparison, and back to the form as it was filled in.
  await alice.button("Compare the safety number", dialog).click();
  const seenByAlice = alice.dialog("Safety number with Bob");
  const aliceNumber = (await seenByAlice.getByRole("group", { name: "Safety number" }).textContent()).trim();
  const { dialog: seenByBob, number: bobNumber } = await bob.openSafetyNumber(alice);
  assert.match(aliceNumber, /^(\d{5} ){11}\d{5}$/);
  assert.equal(aliceNumber, bobNumber);

  await bob.field("The number that Alice sees", seenByBob).fill(aliceNumber.replace(/\d/g, (digit) => (Number(digit) + 1) % 10));
  await bob.button("Compare", seenByBob).click();
  assert.match(await bob.problem(seenByBob), /The numbers differ/);
  await bob.field("The number that Alice sees", seenByBob).fill(aliceNumber.slice(0, 11));
  await bob.button("Compare", seenByBob).click();
  assert.equal(await bob.problem(seenByBob), "A safety number has 60 digits: check that this one is whole.");
  await bob.field("The number that Alice sees", seenByBob).fill(aliceNumber.replaceAll(" ", ""));
  await bob.button("Compare", seenByBob).click();
  await bob.seesTrust(alice, "Verified: safety number compared");

  await alice.button("They match", seenByAlice).click();
  await alice.seesTrust(bob, "Verified: safety number compared");
  await alice.button(/^Share$/, dialog).click();
  await alice.sees(alice.news("Shared with Bob."));
  await alice.sees(alice.row("Shared by you", "With Bob").filter({ hasText: "Not opened yet" }));

  await bob.sees(bob.news("Alice shared a card with you."));
  await bob.button("Show it").click();
  assert.match(await bob.page.evaluate(() => document.activeElement.textContent), /^Read what Alice shared/);
  const article = await bob.read(alice, "Travel papers");
  const text = await article.innerText();
  assert.match(text, /X99 4411 802/);
  assert.match(text, /Utopian/);
  assert.match(text, /From Alice/);
  assert.match(text, /Verified/);
  assert.doesNotMatch(text, /7 Elm Row|Home address/);
  await alice.seesRead(bob);
  assert.match(await alice.row("Shared by you", "With Bob").innerText(), /Only Number, Nationality, kept up to date/);

  await alice.pressAndConfirm("Revoke what you shared with Bob", /^Revoke$/);
  await alice.sees(alice.news("Revoked: Bob can no longer open Travel papers."));
  await alice.sees(alice.page.getByText("You share nothing."));
  await bob.sees(bob.news("Alice took back a card that was shared with you."));
  const left = bob.row("Shared with you", "took this card back while you had it open");
  await bob.sees(left);
  assert.equal(await bob.page.getByText("X99 4411 802").count(), 0, "what was open is closed");
  await bob.button("Dismiss this", left).click();
  await bob.seesNo(left);
});

test("an unverified share is possible for those who insist, and is marked as such", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  const bob = await person("Bob");
  await alice.signUp();
  await bob.signUp();
  await alice.createCard("Wifi", { Password: "blue kettle" });
  await alice.inviteByMail(bob);
  await bob.openMail();
  await bob.accept(alice);
  await alice.seesTrust(bob, "Unverified");

  const dialog = await alice.prepareShare("Wifi", bob);
  await alice.button(/^Share$/, dialog).click();
  // Another choice of fields is another share, which is refused anew.
  await alice.sees(alice.button("Share anyway", dialog));
  await dialog.getByRole("checkbox", { name: "Password" }).uncheck();
  await dialog.getByRole("checkbox", { name: "Password" }).check();
  await alice.button(/^Share$/, dialog).click();
  await alice.button("Share anyway", dialog).click();
  await alice.sees(alice.news("Shared with Bob."));

  const article = await bob.read(alice, "Wifi");
  const text = await article.innerText();
  assert.match(text, /blue kettle/);
  assert.match(text, /Unverified/);
});

test("a mailed code confirms an address, and from then on mails name it", async (t) => {
  const { person } = await device(t);
  const [alice, bob] = [await person("Alice"), await person("Bob")];
  for (const each of [alice, bob]) await each.signUp();
  await alice.inviteByMail(bob);
  const unnamed = bob.row("Mails", "You are invited to connect");
  await bob.sees(unnamed.filter({ hasText: "Somebody who uses the Vouchsafe demo" }));

  await alice.button("Account").click();
  const dialog = alice.dialog("Your account");
  await dialog.getByText("Confirm email address", { exact: true }).click();
  await alice.button("Mail me a code", dialog).click();
  await alice.sees(dialog.getByText(`A code is on its way to ${alice.email}.`));
  await alice.field("Code from the mail", dialog).fill("00000000");
  await alice.button("Confirm", dialog).click();
  assert.match(await alice.problem(dialog), /This code is wrong or too old/);
  await alice.button("Close", dialog).click();

  const mail = alice.row("Mails", "Your confirmation code");
  await alice.sees(mail);
  const code = await mail.locator("code").textContent();
  await alice.button("Account").click();
  await dialog.getByText("Confirm email address", { exact: true }).click();
  await alice.field("Code from the mail", dialog).fill(` ${code.slice(0, 4)} ${code.slice(4)}`);
  await alice.button("Confirm", dialog).click();
  await alice.sees(dialog.getByText(`${alice.email} is confirmed`));
  await alice.button("Close", dialog).click();

  await alice.inviteByMail({ name: "Bob again", email: bob.email });
  await bob.sees(bob.row("Mails", `${alice.email} invites you to connect`));
});

test("whoever wants no more mails says so on a page, and can take it back", async (t) => {
  const { person } = await device(t);
  const [alice, bob] = [await person("Alice"), await person("Bob")];
  await alice.signUp();
  await alice.inviteByMail(bob);
  const first = await mailTo(bob.email);
  await bob.page.goto(first.refusalLink);
  await bob.sees(bob.page.getByText(`Shall no more mails go from here to ${bob.email}?`));
  await bob.button("Send me no more mails").click();
  await bob.sees(bob.page.getByText(`No more mails go from here to ${bob.email}.`));

  await alice.inviteByMail({ name: "Bob again", email: bob.email });
  const carol = `carol.${Date.now()}@example.test`;
  await alice.inviteByMail({ name: "Carol", email: carol });
  await mailTo(carol);
  assert.equal((await mailTo(bob.email)).id, first.id);

  await bob.button("Allow mails again").click();
  await bob.sees(bob.page.getByText(`Mails may go from here to ${bob.email} again.`));
  await bob.page.goto("about:blank");
  await bob.page.goto(first.refusalLink.slice(0, -3));
  await bob.button("Send me no more mails").click();
  await bob.sees(bob.page.getByText("This link is not whole, or too old."));
});

test("a mail to an address in capitals is one to the same person", async (t) => {
  const { person } = await device(t);
  const [alice, bob] = [await person("Alice"), await person("Bob")];
  for (const each of [alice, bob]) await each.signUp();
  await alice.inviteByMail({ name: "Bob", email: bob.email.replace("bob", "BOB") });
  await bob.sees(bob.row("Mails", /BOB/));
});
