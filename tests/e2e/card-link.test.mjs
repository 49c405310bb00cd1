// A link that shows one card to somebody without an account.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { readCode } from "./codes.mjs";
import { useBrowser } from "./support.mjs";

const device = useBrowser();

test("a card goes by a link to somebody without an account, and is taken back", async (t) => {
  const opened = await device(t, { viewport: { width: 390, height: 844 } });
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Spare key", { Place: "under the blue pot", Alarm: "4711" });
  await alice.button("Link to Spare key").click();
  const dialog = alice.dialog("Make a link to Spare key");
  await dialog.getByRole("checkbox", { name: "Alarm", exact: true }).uncheck();
  await alice.field("Your name, as they see it", dialog).fill("Alice");
  await alice.field("A passphrase, if you want one", dialog).fill("blue pot");
  await alice.button("Make the link", dialog).click();
  const link = await alice.field("Link to Spare key", dialog).inputValue();
  await dialog.getByText("Show as QR code").click();
  assert.equal(await readCode(alice.page, dialog.getByRole("img", { name: "QR code of the link to Spare key" })), link);
  await assertAccessible(alice.page, "a link to a card");
  await alice.button("Done", dialog).click();
  const row = alice.row("Your links", "Spare key");
  await alice.sees(row.filter({ hasText: "Not opened yet" }).filter({ hasText: "edition 1, up to date" }));
  await alice.sees(alice.page.getByText("Nothing with people you are connected with."));
  await alice.edit("Spare key", "under the red pot");
  await alice.sees(row.filter({ hasText: "edition 2, up to date" }));

  const carol = await opened.person("Carol", link);
  await carol.sees(carol.heading("Somebody shows you a card"));
  assert.equal(new URL(carol.page.url()).hash, "", "the secret stays out of the address bar");
  await carol.button("Show the card").click();
  for (const [passphrase, sees] of [["red pot", /not the passphrase/], ["blue pot", null]]) {
    await carol.field("Passphrase", carol.page.locator("#shown")).fill(passphrase);
    await carol.button("Show the card").click();
    if (sees !== null) assert.match(await carol.problem(), sees);
  }
  const article = carol.page.getByRole("article", { name: "Spare key" });
  await carol.sees(article.getByText("under the red pot"));
  await carol.sees(article.getByText("Whoever made the link says to be Alice. Nobody has checked that."));
  assert.equal(await article.getByText("4711").count(), 0);
  await assertAccessible(carol.page, "a card behind a link");
  await alice.sees(row.filter({ hasText: /Opened at \d\d:\d\d/ }));

  await alice.pressAndConfirm("Revoke the link to Spare key", "Revoke");
  await alice.seesNo(row);
  await alice.sees(alice.page.getByText("You share nothing."));
  const again = await opened.person("Carol", link);
  await again.button("Show the card").click();
  assert.match(await again.problem(), /nothing behind this link any more/);
});
