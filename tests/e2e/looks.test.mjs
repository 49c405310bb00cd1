// Pictures of the main states, for people to look at, and what a picture does not tell: nothing sticks out sideways,
// everything that can be used has a name.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { PICTURE, addFiles, fileRow, holdParts, seesPicture } from "./files.mjs";
import { sample } from "./sample.mjs";
import { still, useBrowser } from "./support.mjs";

const FOLDER = process.env.VOUCHSAFE_E2E_PICTURES ?? path.resolve(import.meta.dirname, "../../target/e2e");
const LONG_NAME = `Dr. ${"Wolfeschlegelsteinhausenbergerdorff".repeat(3)}`;

const device = useBrowser();

const sizes = [
  { name: "narrow", viewport: { width: 390, height: 844 } },
  { name: "middle", viewport: { width: 820, height: 1180 } },
  { name: "wide", viewport: { width: 1440, height: 900 } },
];

async function assertNothingSticksOut(page, where) {
  const { scroll, client } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    client: document.documentElement.clientWidth,
  }));
  assert.ok(scroll <= client, `${where}: the page is ${scroll} wide in a window of ${client}`);
}

/** The roles of what can be used, as the browser tells them to assistive technology. */
const USABLE = /^\s*- (button|link|textbox|combobox|checkbox|radio|dialog|list|article|region|progressbar)\b(.*)$/;

/** The tree of names as one text: all of it is there at once, so that news coming in cannot disturb the look at it. */
async function assertEverythingHasAName(page, where) {
  const tree = await page.locator("body").ariaSnapshot();
  const usable = tree.split("\n").map((line) => USABLE.exec(line)).filter((match) => match !== null);
  assert.ok(usable.length > 2, `${where}: the tree is empty`);
  for (const [line, , rest] of usable) assert.match(rest, /^ ("(?:[^"\\]|\\.)+"|\/.+\/)/, `${where}: no name in “${line.trim()}”`);
}

const looks = sizes.flatMap((size) => ["light", "dark"].map((colorScheme) => ({ ...size, colorScheme })));

for (const { name: size, viewport, colorScheme } of sample(looks, 1)) {
  test(`the page at ${viewport.width} pixels, ${colorScheme}`, async (t) => {
    await mkdir(FOLDER, { recursive: true });
    const opened = await device(t, { viewport, colorScheme, breaks: true });
    const { person } = opened;
    const alice = await person("Alice");
    const bob = await person("Bob");
    const look = async (who, state) => {
      await assertNothingSticksOut(who.page, state);
      await assertEverythingHasAName(who.page, state);
      await assertAccessible(who.page, state);
      await still(who.page);
      // A dialog belongs to the window, not to the length of the page.
      const fullPage = (await who.page.getByRole("dialog").count()) === 0;
      await who.page.screenshot({ path: path.join(FOLDER, `${state}-${size}-${colorScheme}.png`), fullPage });
    };

    await alice.sees(alice.heading("Create an account"));
    await look(alice, "01-sign-up");
    await alice.fillAccount("Create an account");
    await alice.button("Create account").click();
    await alice.sees(alice.heading("Your recovery key"), 60_000);
    await look(alice, "02-recovery-key");
    await alice.button("I have written it down").click();
    await alice.sees(alice.page.getByText("No cards yet."));
    await look(alice, "03-empty");
    await alice.button("Add a sample card").click();
    await alice.sees(alice.row("Your cards", "Passport"));
    const passport = alice.row("Your cards", "Passport");
    await addFiles(alice, "Passport", PICTURE);
    await seesPicture(alice, passport);
    const release = await holdParts(alice, 1);
    const film = { name: `${"holidays-at-the-sea-".repeat(4)}.mp4`, mimeType: "video/mp4", buffer: Buffer.alloc(3_000_000) };
    await addFiles(alice, "Passport", film);
    await alice.sees(fileRow(passport, film.name).getByText(/ of 3 MB/));
    await look(alice, "25-uploading");
    release();
    await alice.sees(alice.button(`Download ${film.name}`));
    await look(alice, "26-files");
    await alice.button("New card").click();
    await look(alice, "04-new-card");
    await alice.button("Discard").click();
    await alice.inviteByLink({ name: LONG_NAME });
    await alice.inviteByMail(bob);
    await look(alice, "05-invited");

    await bob.openMail();
    await look(bob, "06-invited-without-account");
    await bob.signUp();
    await bob.sees(bob.heading("You are invited"));
    await look(bob, "07-invitation");
    await bob.accept(alice);
    await alice.seesTrust(bob, "Unverified");

    const dialog = await alice.prepareShare("Passport", bob, { fields: ["Number", "Full name", PICTURE.name] });
    await look(alice, "08-share");
    await alice.button(/^Share$/, dialog).click();
    await alice.problem(dialog);
    await look(alice, "09-unverified");
    await alice.button("Compare the safety number", dialog).click();
    await look(alice, "10-safety-number");
    await alice.button("They match").click();
    await alice.button(/^Share$/, dialog).click();
    await alice.sees(alice.news("Shared with Bob."));

    await seesPicture(bob, await bob.read(alice, "Passport"));
    await look(bob, "11-read");
    await alice.seesRead(bob);
    await look(alice, "12-claimed");
    const behind = alice.page.getByRole("complementary", { name: "Behind the scenes" });
    await behind.getByRole("tab", { name: "What is stored" }).click();
    await alice.sees(behind.getByText("vs-share").first());
    await look(alice, "16-stored");
    await behind.getByRole("tab", { name: "Lying servers" }).click();
    await behind.getByRole("radio", { name: "Swap a key later" }).check();
    await alice.seesTrust(bob, "Keys changed");
    await look(alice, "17-lying");
    await alice.button("Be honest again").click();
    await alice.seesTrust(bob, "Verified");
    await alice.pressAndConfirm("Revoke what you shared with Bob", /^Revoke$/);
    await bob.sees(bob.page.getByText("No longer shared"));
    await look(bob, "18-taken-back");
    await alice.button(`Show link for ${LONG_NAME}`).click();
    await alice.page.getByText("Show as QR code").click();
    await alice.sees(alice.page.getByRole("img", { name: /^QR code/ }));
    await look(alice, "19-link");
    await alice.page.keyboard.press("Escape");
    await alice.button("Link to Passport").click();
    await look(alice, "21-card-link");
    await alice.page.keyboard.press("Escape");
    const carol = await person("Carol", await alice.makeCardLink("Passport", { passphrase: "two words" }));
    await carol.button("Show the card").click();
    await carol.field("Passphrase", carol.page.locator("#shown")).fill("two words");
    await look(carol, "22-passphrase");
    await carol.button("Show the card").click();
    await seesPicture(carol, carol.page.getByRole("article", { name: "Passport" }));
    await look(carol, "23-card-behind-link");
    await alice.sees(alice.row("Your links", /Opened at/));
    await look(alice, "24-links");
    await opened.context.setOffline(true);
    await alice.sees(alice.page.getByText(/This device is offline/));
    await look(alice, "20-offline");
    await opened.context.setOffline(false);
    await alice.seesNo(alice.page.getByText(/This device is offline/), 30_000);
    await alice.page.getByRole("button", { name: "Account", exact: true }).click();
    await alice.dialog("Your account").getByText("Change passphrase", { exact: true }).first().click();
    await look(alice, "14-account");
    await alice.button("Close", alice.dialog("Your account")).click();
    await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
    await alice.sees(alice.heading("Locked"));
    await look(alice, "13-locked");
    await alice.button("Sign out instead").click();
    await alice.button("Use your recovery key").click();
    await look(alice, "15-recover");
  });
}
