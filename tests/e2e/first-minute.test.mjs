// The first minute of somebody who reads nothing but the page: what it offers next is pressed, and nothing else.

import assert from "node:assert/strict";
import { test as always } from "node:test";
import { test } from "./sample.mjs";
import { Person, useBrowser } from "./support.mjs";

const device = useBrowser();

always("the page leads from nothing to a card that was shared", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  const passphrase = await alice.becomeExample();
  await alice.button("Start with a sample").click();
  await alice.sees(alice.row("Your cards", "Passport"));
  await alice.button("Invite somebody by a link").click();
  const dialog = alice.dialog("Invite somebody");
  await alice.field("What do you call this person?", dialog).fill("Bob");
  await alice.button("Make invitation link", dialog).click();

  const tab = opened.context.waitForEvent("page");
  await dialog.getByRole("link", { name: "Open in another tab" }).click();
  const bob = new Person(await tab, "Bob");
  await bob.sees(bob.heading("You are invited"));
  await bob.becomeExample();
  await bob.accept(alice);

  // The dialog that was left open says so, and leads on.
  await alice.page.bringToFront();
  await alice.sees(dialog.getByText("Bob accepted: you are connected."));
  await alice.button("Share a card with Bob", dialog).click();
  await alice.button(/^Share$/, alice.dialog("Share a card")).click();
  await alice.sees(alice.page.getByText("That was it."));
  await bob.page.bringToFront();
  await bob.read(alice, "Passport");

  // A person who did not choose the passphrase was told it.
  await alice.page.bringToFront();
  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.field("Passphrase").fill(passphrase);
  await alice.button("Unlock").click();
  await alice.sees(alice.row("Shared by you", "With Bob"), 60_000);

  // Done steps stay done.
  await alice.pressAndConfirm("Revoke what you shared with Bob", /^Revoke$/);
  await alice.sees(alice.page.getByText("You share nothing."));
  assert.ok(await alice.page.getByText("That was it.").isVisible());
  assert.equal(await alice.list("First steps").count(), 0, "one line is left of the first steps");
  await alice.button("What is stored", alice.page.getByRole("region", { name: "Share something in a minute" })).click();
  await alice.sees(alice.page.getByRole("tabpanel", { name: "What is stored" }));
});

test("whoever is invited is asked for an answer, not for an invitation", async (t) => {
  const opened = await device(t, { viewport: { width: 390, height: 844 } });
  const alice = await opened.person("Alice");
  await alice.signUp();
  const link = await alice.inviteByLink({ name: "Bob" });
  const bob = await opened.person("Bob");
  const hero = bob.heading("Share a card. Only they can read it.");
  await bob.sees(hero);
  await bob.openLink(link);
  await bob.seesNo(hero);
  await bob.button("Not now").click();
  await bob.sees(hero);
  assert.equal(await bob.heading("You are invited").count(), 0);
});

test("the way in is on the first screen, and nothing jumps when it comes, or the mailbox", async (t) => {
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await alice.inviteByMail({ name: "Bob", email: "bob@example.test" });
  for (const viewport of [{ width: 390, height: 844 }, { width: 820, height: 1180 }, { width: 1440, height: 900 }]) {
    const opened = await device(t, { viewport });
    await opened.context.addInitScript(() => {
      globalThis.shifts = [];
      const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({ value }) => value)));
      observer.observe({ type: "layout-shift", buffered: true });
    });
    // The page is seen before its script is there.
    await opened.context.route("**/app.js", async (route) => {
      await route.request().frame().waitForFunction(() => performance.getEntriesByType("paint").length > 0);
      await route.continue();
    });
    const bob = await opened.person("Bob");
    await bob.sees(bob.list("How to try it"));
    await bob.sees(bob.heading("Mailbox"));
    const { y, height } = await bob.button("Be an example person").boundingBox();
    assert.ok(y + height < viewport.height, `${viewport.width}: the button ends at ${y + height}`);
    // The browser reports shifts of a frame after it.
    const frame = () => bob.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
    await frame();
    await frame();
    assert.deepEqual(await bob.page.evaluate(() => shifts), [], `${viewport.width}: something jumped`);
  }
});
