// The demo page in a browser that its driver starts: two windows connect by a link, a card goes over, follows its owner's edits and
// is taken back, and a third window sees it by a link, without an account.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "./driver.mjs";

/** A picture of one point. */
const PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const page = process.env.VOUCHSAFE_DEMO_URL ?? "http://127.0.0.1:8787/";

async function signUp(window, name) {
  await window.fill("Email address", `${name}.${randomBytes(5).toString("hex")}@example.test`);
  await window.fill("Passphrase", `${name} has a long passphrase`);
  await window.press("Create account");
  await window.sees("Your recovery key");
  await window.press("I have written it down");
  await window.sees("Your cards");
}

/** The test of a browser, whose windows `newWindow` opens. */
export function testSharing(newWindow) {
  test("a card goes from one window to another, is kept up to date, is shown by a link, and is taken back", async (t) => {
    const alice = await newWindow(page);
    await signUp(alice, "alice");
    await alice.press("New card");
    await alice.fill("Card title", "Car");
    await alice.fill("Field name", "Plate");
    await alice.fill("Value", "VS 1204");
    await alice.press("Save card");
    await alice.sees("VS 1204");
    await alice.press("Invite somebody");
    await alice.choose("By a link that I hand over");
    await alice.fill("What do you call this person?", "Bob");
    await alice.press("Make invitation link");
    const link = await alice.value("Invitation link for Bob");
    assert.match(link, /#vouchsafe=1\.l\./);
    await alice.press("Done");

    const bob = await newWindow(link);
    await bob.sees("You are invited");
    await signUp(bob, "bob");
    await bob.fill("What do you call the person who invited you?", "Alice");
    await bob.press("Accept");
    await bob.sees("You are connected with Alice.");
    await bob.sees("Verified: invitation link");

    // The news of it may be missed: a window that gets the focus looks by itself.
    await alice.sees("Verified: invitation link");
    await alice.press("Share Car");
    await alice.press("Share", "//dialog");
    await alice.sees("Shared with Bob.");
    await bob.sees("From Alice");
    assert.ok(!(await bob.text()).includes("VS 1204"));
    await bob.press("Read what Alice shared");
    await bob.sees("VS 1204", "article");
    assert.match(await bob.text("article"), /Car\s+Plate\s+VS 1204\s+From Alice\s+Verified/i);
    await alice.sees("Read at ");

    await alice.press("Edit Car");
    await alice.fill("Value", "VS 1307");
    await alice.press("Save card");
    await bob.sees("VS 1307", "article");
    assert.match(await bob.text("article"), /Changed at [^:]+:\d\d[^:]*: Plate\./);

    const folder = await mkdtemp(join(tmpdir(), "vouchsafe-driver-"));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "papers.png"), Buffer.from(PICTURE, "base64"));
    await alice.attach("Add a file", join(folder, "papers.png"));
    await alice.sees("papers.png");
    await bob.sees("papers.png", "article");
    // It is decrypted, and a picture that the browser can draw.
    const drawn = "return [...document.querySelectorAll(arguments[0])].some((image) => image.naturalWidth === 1)";
    for (const [person, selector] of [[alice, "img[alt*='papers.png']"], [bob, "article img[alt*='papers.png']"]]) {
      await eventually("the picture", () => person.run(drawn, selector));
    }

    await alice.press("Link to Car");
    await alice.fill("Your name, as they see it", "Alice");
    await alice.press("Make the link");
    const shown = await alice.value("Link to Car");
    assert.match(shown, /#vouchsafe=1\.s\./);
    await alice.press("Done");
    const carol = await newWindow(shown);
    await carol.sees("Somebody shows you a card");
    await carol.press("Show the card");
    await carol.sees("VS 1307", "article");
    await carol.sees("papers.png", "article");
    assert.match(await carol.text("article"), /says to be Alice/);
    await alice.sees("Opened at ");
    // The steps of links are told by the requests that the browser counts.
    await alice.sees("4 of 4", ".diagram .tabs");
    await alice.press("Revoke the link to Car");
    await alice.press("Revoke", "//dialog");
    await alice.seesNo("By link, to people without an account");

    await alice.press("Revoke what you shared with Bob");
    await alice.press("Revoke", "//dialog");
    await alice.sees("You share nothing.");
    await bob.sees("took this card back while you had it open");
    assert.ok(!(await bob.text()).includes("VS 1204"));
  });
}
