// Connections by link: the person who hands the link over vouches for the other, so that nobody has to compare numbers.

import assert from "node:assert/strict";
import { test as always } from "node:test";
import { test } from "./sample.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

always("a link connects two people who are sure of each other, and a whole card goes over", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  const bob = await person("Bob");
  await alice.signUp();
  await alice.createCard("Car", { Plate: "VS 1204", Colour: "dark green" });
  const link = await alice.inviteByLink(bob);
  assert.match(link, /#vouchsafe=1\.l\.[0-9a-f-]{36}\.[\w-]{43}\.[\w-]{22}$/);

  await bob.openLink(link);
  await bob.signUp();
  await bob.accept(alice);
  await bob.seesTrust(alice, "Verified: invitation link");
  await alice.seesTrust(bob, "Verified: invitation link");

  await alice.share("Car", bob, { until: "For a day" });
  const row = alice.row("Shared by you", "With Bob");
  assert.match(await row.innerText(), /can be read until \d/);
  assert.match(await bob.row("Shared with you", "From Alice").innerText(), /can be read until \d/);
  const text = await (await bob.read(alice, "Car")).innerText();
  assert.match(text, /VS 1204/);
  assert.match(text, /dark green/);
  await alice.seesRead(bob);

  // News that names people goes with the rest when the tab is locked.
  await alice.edit("Car", "VS 1205");
  await alice.sees(alice.news("Bob has read Car."));
  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.sees(alice.heading("Locked"));
  assert.equal(await alice.page.getByText(/\bBob\b/).count(), 0);
});

test("disconnecting ends what was shared, on both sides", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Locker", { Code: "5521" });
  await alice.share("Locker", bob);
  await bob.sees(bob.row("Shared with you", "From Alice"));

  await bob.pressAndConfirm("Disconnect from Alice", /^Disconnect$/);
  await bob.unfold("Ended connections");
  await bob.sees(bob.row("Ended connections", "Alice"));
  await alice.sees(alice.news("The connection with Bob has ended."));
  await alice.unfold("Ended connections");
  await alice.sees(alice.row("Ended connections", "Bob"));
  assert.equal(await alice.rows("Connections").count(), 0);
  await bob.sees(bob.page.getByText("Nobody has shared anything with you yet."));
  await alice.sees(alice.page.getByText("You share nothing."));
});

test("older shares come on demand", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Note", { Text: "one of many" });
  for (let count = 0; count < 11; count += 1) {
    const dialog = await alice.prepareShare("Note", bob, { live: false });
    await alice.button(/^Share$/, dialog).click();
    await alice.seesNo(dialog);
    await alice.sees(alice.rows("Shared by you").nth(count));
  }
  await bob.sees(bob.rows("Shared with you").nth(10));
  await bob.button("Sign out").click();
  await bob.signIn();
  const more = bob.button("Load more Shared with you");
  await bob.sees(more);
  assert.equal(await bob.rows("Shared with you").count(), 10);
  await more.click();
  await bob.sees(bob.rows("Shared with you").nth(10));
  await bob.seesNo(more);
  assert.equal(await bob.rows("Shared with you").count(), 11);
});
