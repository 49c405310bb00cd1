// Two people who have no mouse, from nothing to a card that was read and taken back.

import assert from "node:assert/strict";
import { test } from "./sample.mjs";
import { useBrowser } from "./support.mjs";

const device = useBrowser();

/** The element with the focus, as the person would call it. */
const focused = (page) =>
  page.evaluate(() => {
    const node = document.activeElement;
    return (node.getAttribute("aria-label") ?? node.labels?.[0]?.textContent ?? node.textContent).trim();
  });

/** Goes on with Tab until `name` has the focus, which has to be seen, then presses `key`. */
async function reach({ page }, name, key = "Enter") {
  const passed = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    passed.push(await focused(page));
    if (passed.at(-1) !== name) continue;
    const ring = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
    });
    assert.ok(ring, `“${name}” shows that it has the focus`);
    if (key !== null) await page.keyboard.press(key);
    return;
  }
  assert.fail(`“${name}” is not reached with the keyboard: ${passed.join(" | ")}`);
}

async function becomeSomebody(person) {
  await person.sees(person.heading("Create an account"));
  await reach(person, "Be an example person");
  await person.sees(person.heading("Your recovery key"), 60_000);
  await reach(person, "I have written it down");
  await person.sees(person.heading("Your cards"));
}

test("two people share and take back with the keyboard alone", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await becomeSomebody(alice);
  await reach(alice, "Start with a sample");
  await alice.sees(alice.row("Your cards", "Passport"));
  await reach(alice, "Invite somebody");
  await alice.sees(alice.dialog("Invite somebody"));
  await alice.page.keyboard.type("Bob");
  await alice.page.keyboard.press("Enter");
  const box = alice.field("Invitation link for Bob");
  await alice.sees(box);
  const link = await box.inputValue();
  await alice.page.keyboard.press("Escape");
  await alice.seesNo(alice.dialog("Invite somebody"));
  assert.equal(await focused(alice.page), "Invite somebody", "the focus is back where the dialog was opened");

  const bob = await opened.person("Bob");
  await bob.openLink(link);
  await becomeSomebody(bob);
  await reach(bob, "What do you call the person who invited you?", null);
  await bob.page.keyboard.type("Alice");
  await bob.page.keyboard.press("Enter");
  await bob.sees(bob.row("Connections", "Alice"));
  assert.equal(await focused(bob.page), "You are connected", "the focus is at what is new");

  await alice.sees(alice.row("Connections", "Bob"));
  await reach(alice, "Share a card with Bob");
  await alice.sees(alice.dialog("Share a card").getByLabel("Card", { exact: true }));
  await reach(alice, "Share");
  await alice.sees(alice.row("Shared by you", "With Bob"));

  await bob.sees(bob.news("Alice shared a card with you."));
  await reach(bob, "Read what Alice shared");
  await bob.sees(bob.page.getByRole("article", { name: "Passport" }));
  assert.equal(await focused(bob.page), "Passport", "the focus is at what was opened");

  // The servers' side: tabs by arrow keys, and each step tells what it sends.
  await reach(bob, "Steps", "ArrowRight");
  assert.equal(await focused(bob.page), "What is stored");
  await bob.page.keyboard.press("ArrowLeft");
  assert.equal(await focused(bob.page), "Steps");
  assert.equal(await bob.page.getByRole("tab", { name: "Steps" }).getAttribute("aria-selected"), "true");

  await reach(alice, "Revoke what you shared with Bob");
  await reach(alice, "Revoke");
  await alice.sees(alice.page.getByText("You share nothing."));
  await bob.sees(bob.row("Shared with you", "took this card back"));
});
