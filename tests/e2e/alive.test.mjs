// A share that follows its card: what the owner changes is seen by the other person while they look, and only what was chosen.

import assert from "node:assert/strict";
import { test as always } from "node:test";
import { test } from "./sample.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

always("an edit is seen in the other tab while it happens, and both know what was read", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X-1", Nationality: "Utopian", Allergies: "Penicillin" });
  await alice.sees(alice.row("Your cards", "Only you have it"));
  await alice.share("Passport", bob, { fields: ["Number", "Nationality"] });
  const article = await bob.read(alice, "Passport");
  await alice.seesRead(bob);
  await alice.sees(alice.news("Bob has read Passport."));

  await bob.page.evaluate(() => document.activeElement.setAttribute("data-had-the-focus", ""));
  await alice.edit("Passport", "X-2");
  await bob.sees(article.getByText("X-2"));
  assert.match(await article.getByRole("status").innerText(), /^Changed at \d\d:\d\d: Number\.$/);
  assert.ok(await bob.page.evaluate(() => document.activeElement.hasAttribute("data-had-the-focus")), "the focus stays");
  assert.equal(await article.getByText("X-1").count(), 0);

  // The dialog begins with what is shared now, and shows what will be seen.
  await alice.button(/^Shared with Bob/).click();
  const who = alice.dialog("Who has Passport");
  await alice.sees(who.getByText("Only Number, Nationality, kept up to date"));
  await alice.sees(who.getByText(/^Read at/));
  await alice.button("Change what Bob sees", who).click();
  const dialog = alice.dialog("Share a card");
  await alice.sees(dialog.getByText("Bob has this card. What you change here changes what they see."));
  const box = (name) => dialog.getByRole("checkbox", { name, exact: true });
  for (const [name, value, chosen] of [["Number", "X-2", true], ["Nationality", "Utopian", true], ["Allergies", "Penicillin", false]]) {
    assert.equal(await box(name).isChecked(), chosen, name);
    await alice.sees(dialog.getByText(value, { exact: true }));
  }
  await box("Number").uncheck();
  await box("Allergies").check();
  await alice.field("How long can it be read?", dialog).selectOption({ label: "For a day" });
  await alice.button("Save changes", dialog).click();
  await alice.sees(alice.news("Changed what Bob sees."));
  await bob.sees(article.getByText("Penicillin"));
  assert.match(await article.getByRole("status").innerText(), /: Allergies\. No longer shared: Number\.$/);
  assert.equal(await bob.rows("Shared with you").count(), 1, "it is the same share");
  assert.equal(await alice.rows("Shared by you").count(), 1);

  // An end that is not touched stays.
  await alice.changeShare("Passport", bob, { fields: ["Nationality"] });
  await alice.sees(alice.row("Shared by you", /can be read until \d/));
  await alice.edit("Passport", "X-3");
  await bob.sees(article.getByText("No longer shared: Allergies."));
  assert.equal(await bob.page.getByText("X-3").count(), 0, "what was not chosen is not seen");
});

test("deleting a card asks what becomes of its shares", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  for (const label of ["Recipe", "Diary"]) {
    await alice.createCard(label, { Text: `of the ${label}` });
    const dialog = await alice.prepareShare(label, bob);
    await alice.button(/^Share$/, dialog).click();
    await alice.sees(alice.row("Your cards", label).filter({ hasText: "Shared with Bob" }));
    await bob.read(alice, label);
  }
  await alice.button("Delete Recipe").click();
  await alice.button("Delete mine alone", alice.dialog("Delete Recipe?")).click();
  await alice.seesNo(alice.row("Your cards", "Recipe"));
  await alice.button("Delete Diary").click();
  await alice.sees(alice.dialog("Delete Diary?").getByText("Shared with Bob"));
  await alice.button("Delete for everybody", alice.dialog("Delete Diary?")).click();
  await alice.seesNo(alice.row("Your cards", "Diary"));
  await bob.sees(bob.row("Shared with you", "took this card back while you had it open"));
  await bob.sees(bob.page.getByText("of the Recipe"));
  assert.equal(await bob.page.getByText("of the Diary").count(), 0);
});

test("what another device of one's own does is seen here", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Bicycle", { Lock: "4402" });
  const other = await (await device(t)).person("Alice");
  await other.signIn(alice);
  await other.edit("Bicycle", "7711");
  await alice.sees(alice.row("Your cards", "7711"));
  await other.share("Bicycle", bob);
  await bob.read(alice, "Bicycle");
  for (const each of [alice, other]) await each.seesRead(bob);
  await alice.sees(alice.row("Your cards", "Shared with Bob"));
});

for (const [width, height] of [[390, 844], [1440, 900]]) {
  test(`at ${width} pixels, news cover nothing for good`, async (t) => {
    const { alice, bob } = await twoConnected(await device(t, { viewport: { width, height } }));
    await alice.createCard("Note", { Text: "a word" });
    await alice.share("Note", bob);
    await bob.read(alice, "Note");
    await alice.sees(alice.news("Bob has read Note."));
    assert.ok((await alice.button("Dismiss").count()) <= 2, "two at a time");
    const [end, news] = await alice.page.evaluate(() => {
      scrollTo(0, document.documentElement.scrollHeight);
      const { bottom } = document.querySelector("footer p").getBoundingClientRect();
      return [bottom, document.getElementById("notices").getBoundingClientRect().top];
    });
    assert.ok(end <= news, `the page ends at ${end}, news begin at ${news}`);
  });
}
