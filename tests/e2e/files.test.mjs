// Files on cards: what both people see of them, what is told while they are on their way, and what the servers have of them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test as always } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { test } from "./sample.mjs";
import { PICTURE, addFiles, fileRow, holdParts, seesPicture } from "./files.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

const NOTE = { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("The key lies under the blue pot.\n") };
/** Several parts, none like another. */
const LARGE = { name: "film.bin", mimeType: "application/octet-stream", buffer: randomBytes(5_000_000) };

/** Lets files be dropped on a card, as from a folder of the desktop. */
async function drop(person, card, { name, mimeType, buffer }) {
  const given = { name, type: mimeType, text: buffer.toString("latin1") };
  const dataTransfer = await person.page.evaluateHandle(({ name, type, text }) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], name, { type }));
    return transfer;
  }, given);
  const row = person.row("Your cards", card);
  await row.dispatchEvent("dragover", { dataTransfer });
  assert.match(await row.getAttribute("class"), /dropping/);
  await row.dispatchEvent("drop", { dataTransfer });
  assert.doesNotMatch(await row.getAttribute("class"), /dropping/);
}

/** Whether files that are dropped on an element take the place of the page: they would, if nobody took the event. */
const leavesPage = (locator) =>
  locator.evaluate((node) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["text"], "dropped.txt"));
    return node.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });

/** Downloads a file; its name and its bytes. */
async function download(person, name, root) {
  const [kept] = await Promise.all([person.page.waitForEvent("download"), person.button(`Download ${name}`, root).click()]);
  return { name: kept.suggestedFilename(), bytes: Buffer.concat(await (await kept.createReadStream()).toArray()) };
}

const progressOf = (person, name) => person.page.getByRole("progressbar", { name });
/** Waits until a file is underway, and neither at its beginning nor at its end. */
async function seesHalfWay(person, name) {
  const bar = progressOf(person, name);
  await person.sees(bar);
  await person.page.waitForFunction((node) => node.position > 0 && node.position < 1, await bar.elementHandle());
}

const behind = (person) => person.page.getByRole("complementary", { name: "Behind the scenes" });
const openTab = (person, name) => behind(person).getByRole("tab", { name, exact: true }).click();
const storedRows = (person, table) => behind(person).getByRole("list", { name: `Vault: ${table}` }).getByRole("listitem");

always("a file on a card is seen by both people, and follows the card", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X-1" });
  await addFiles(alice, "Passport", PICTURE);
  await seesPicture(alice, alice.row("Your cards", "Passport"));
  await alice.share("Passport", bob);
  const article = await bob.read(alice, "Passport");
  await seesPicture(bob, article);
  const kept = await download(bob, PICTURE.name, article);
  assert.deepEqual([kept.name, kept.bytes.equals(PICTURE.buffer)], [PICTURE.name, true]);
  assert.equal(await bob.button(/^Remove/).count(), 0, "it is another person's");
  assert.equal(await bob.page.getByLabel(/^Add a file/).count(), 0);
  await assertAccessible(bob.page, "a file of a share");

  assert.equal(await leavesPage(alice.heading("Your cards")), false, "what is dropped beside a card");
  await drop(alice, "Passport", NOTE);
  await alice.sees(fileRow(alice.row("Your cards", "Passport"), NOTE.name));
  await assertAccessible(alice.page, "files of a card");
  await bob.sees(article.getByRole("status").getByText(`: ${NOTE.name}.`));
  assert.equal((await download(bob, NOTE.name, article)).bytes.toString(), NOTE.buffer.toString());
  await seesPicture(bob, article);

  await alice.pressAndConfirm(`Remove ${PICTURE.name}`, "Remove the file");
  await alice.seesNo(fileRow(alice.row("Your cards", "Passport"), PICTURE.name));
  await bob.sees(article.getByRole("status").getByText(`No longer shared: ${PICTURE.name}.`));
  await bob.seesNo(article.getByRole("img"));
  await bob.sees(fileRow(article, NOTE.name));
});

test("an upload says how far it is, and leaves nothing when it is cancelled", async (t) => {
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await alice.createCard("Film", { Year: "1998" });
  const release = await holdParts(alice, 2);
  await addFiles(alice, "Film", LARGE);
  await seesHalfWay(alice, `Uploading ${LARGE.name}`);
  assert.match(await fileRow(alice.page, LARGE.name).innerText(), /\d(\.\d+)? MB of 5 MB/);
  await assertAccessible(alice.page, "a file on its way");
  // The card stays the same one for whoever edits it meanwhile.
  await alice.edit("Film", "1999");
  await alice.sees(alice.row("Your cards", "1999"));
  await alice.sees(progressOf(alice, `Uploading ${LARGE.name}`));
  await alice.button(`Cancel uploading ${LARGE.name}`).focus();
  await alice.page.keyboard.press("Enter");
  await alice.seesNo(fileRow(alice.page, LARGE.name));
  const ring = await alice.page.evaluate(() => {
    const { type, labels } = document.activeElement;
    return [type, getComputedStyle(labels[0]).outlineStyle];
  });
  assert.deepEqual(ring, ["file", "solid"], "the focus is at the next thing to do, and is seen");
  release();
  await openTab(alice, "What is stored");
  await alice.sees(storedRows(alice, "cards"));
  await alice.seesNo(storedRows(alice, "files"));
});

test("an upload that was cut goes on with the same file, or is given up", async (t) => {
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await alice.createCard("Film", { Year: "1998" });
  let release = await holdParts(alice, 2);
  await addFiles(alice, "Film", LARGE);
  await seesHalfWay(alice, `Uploading ${LARGE.name}`);
  await alice.page.reload();
  release();
  await alice.page.unrouteAll({ behavior: "ignoreErrors" });
  await alice.signIn();
  const cut = alice.row("Uploads that were cut", LARGE.name);
  await alice.sees(cut.filter({ hasText: / of 5 MB sent/ }));
  await assertAccessible(alice.page, "an upload that was cut");

  const goOn = async (file) => {
    await alice.button(`Go on with ${LARGE.name}`).click();
    const dialog = alice.dialog(`Go on with ${LARGE.name}`);
    await alice.field("The same file again", dialog).setInputFiles(file);
    await alice.button("Go on", dialog).click();
    return dialog;
  };
  const dialog = await goOn(NOTE);
  assert.match(await alice.problem(dialog), /another file: it has 33 bytes, and the upload began with 5 MB/);
  await assertAccessible(alice.page, "another file for an upload");
  await alice.button("Close", dialog).click();
  const sent = [];
  alice.page.on("request", (request) => request.method() === "PUT" && /\/files\//.test(request.url()) && sent.push(request.headers()["content-range"]));
  // Bytes of the same number are refused once they differ, and nothing is made of them.
  const other = Buffer.from(LARGE.buffer);
  other[3] ^= 1;
  await alice.seesNo(await goOn({ ...LARGE, buffer: other }));
  await alice.sees(alice.page.getByText(/not the file that the upload began with/));
  await alice.button(`Dismiss ${LARGE.name}`).click();
  assert.deepEqual(sent, []);
  // It may have another name by now.
  await alice.seesNo(await goOn({ ...LARGE, name: "renamed.bin" }));
  const row = fileRow(alice.row("Your cards", "Film"), LARGE.name);
  await alice.sees(alice.button(`Download ${LARGE.name}`, row));
  await alice.seesNo(cut);
  assert.ok(sent.length > 0 && !sent.some((range) => range.startsWith("bytes 0-")), `no part goes twice: ${sent}`);
  assert.ok((await download(alice, LARGE.name, row)).bytes.equals(LARGE.buffer));

  release = await holdParts(alice, 1);
  await addFiles(alice, "Film", { ...LARGE, name: "other.bin" });
  await seesHalfWay(alice, "Uploading other.bin");
  await alice.page.reload();
  release();
  await alice.page.unrouteAll({ behavior: "ignoreErrors" });
  await alice.signIn();
  await alice.button("Discard other.bin").click();
  await alice.seesNo(alice.row("Uploads that were cut", "other.bin"));
  assert.equal(await fileRow(alice.row("Your cards", "Film"), "other.bin").count(), 0);
});

test("an upload that is refused says why, and can be tried again", async (t) => {
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await alice.createCard("Passport", { Number: "X-1" });
  const error = { code: "quota_exceeded", message: "Delete files.", quota: "file_bytes" };
  await alice.page.route("**/vault/v1/files", (route) => route.fulfill({ status: 403, json: { error } }));
  await addFiles(alice, "Passport", NOTE);
  assert.match(await alice.problem(fileRow(alice.page, NOTE.name)), /as many files, or as large ones, as it may have/);
  await assertAccessible(alice.page, "a file that was refused");
  await alice.page.unrouteAll();
  await alice.button(`Try again to upload ${NOTE.name}`).click();
  await alice.sees(alice.button(`Download ${NOTE.name}`));
  assert.equal(await alice.row("Your cards", "Passport").getByRole("list", { name: "Files of Passport" }).getByRole("listitem").count(), 1);
});

test("who shares chooses fields and files apart", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X-1", Name: "Alice A." });
  await addFiles(alice, "Passport", PICTURE, NOTE);
  await alice.sees(alice.button(`Download ${NOTE.name}`));
  await alice.sees(alice.button(`Download ${PICTURE.name}`));
  await alice.share("Passport", bob, { fields: ["Number", NOTE.name] });
  await alice.sees(alice.row("Shared by you", `Only Number, ${NOTE.name}`));
  const article = await bob.read(alice, "Passport");
  await bob.sees(fileRow(article, NOTE.name));
  const text = await article.innerText();
  assert.ok(text.includes("X-1") && !text.includes("Alice A.") && !text.includes(PICTURE.name), text);

  const dialog = await alice.prepareShare("Passport", bob);
  assert.deepEqual(
    await Promise.all(["Number", "Name", PICTURE.name, NOTE.name].map((name) => dialog.getByRole("checkbox", { name, exact: true }).isChecked())),
    [true, false, false, true],
    "it begins with what they see now",
  );
  await alice.button("Close", dialog).click();
  await alice.changeShare("Passport", bob, { fields: [PICTURE.name] });
  await seesPicture(bob, article);
  await bob.seesNo(fileRow(article, NOTE.name));
  await bob.seesNo(article.getByText("X-1"));

  // Some fields come without the files that nobody chose, and all of everything with what is added later.
  await alice.changeShare("Passport", bob, { fields: ["Name"] });
  await bob.sees(article.getByText("Alice A."));
  await bob.seesNo(article.getByRole("img"));
  await alice.changeShare("Passport", bob, { fields: ["Number", "Name", PICTURE.name, NOTE.name] });
  await alice.sees(alice.row("Shared by you", "Everything"));
  await addFiles(alice, "Passport", { ...NOTE, name: "later.txt" });
  await bob.sees(fileRow(article, "later.txt"));
});

test("a link shows files to somebody without an account, until it is revoked", async (t) => {
  const opened = await device(t, { viewport: { width: 390, height: 844 } });
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Spare key", { Place: "under the blue pot" });
  await addFiles(alice, "Spare key", PICTURE, NOTE);
  await alice.sees(alice.button(`Download ${NOTE.name}`));
  await alice.sees(alice.button(`Download ${PICTURE.name}`));
  await alice.button("Link to Spare key").click();
  const dialog = alice.dialog("Make a link to Spare key");
  await dialog.getByRole("checkbox", { name: "Place", exact: true }).uncheck();
  await alice.field("Your name, as they see it", dialog).fill("Alice");
  await alice.button("Make the link", dialog).click();
  const link = await alice.field("Link to Spare key", dialog).inputValue();
  await alice.button("Done", dialog).click();

  const carol = await opened.person("Carol", link);
  await carol.button("Show the card").click();
  const article = carol.page.getByRole("article", { name: "Spare key" });
  await seesPicture(carol, article);
  assert.equal(await article.getByText("under the blue pot").count(), 0);
  assert.equal((await download(carol, NOTE.name, article)).bytes.toString(), NOTE.buffer.toString());
  await assertAccessible(carol.page, "files behind a link");

  await alice.pressAndConfirm("Revoke the link to Spare key", "Revoke");
  await alice.sees(alice.page.getByText("You share nothing."));
  await carol.button(`Download ${NOTE.name}`, article).click();
  assert.match(await carol.problem(article), /the link was revoked/);
  const shown = await article.getByRole("img").getAttribute("src");
  await carol.page.evaluate(() => {
    const { revokeObjectURL } = URL;
    globalThis.revoked = [];
    URL.revokeObjectURL = (url) => (globalThis.revoked.push(url), revokeObjectURL.call(URL, url));
  });
  await carol.button("Close", carol.page.locator("#shown")).click();
  await carol.seesNo(article);
  assert.ok((await carol.page.evaluate(() => globalThis.revoked)).includes(shown), "no decrypted picture is left");
});

test("a download ends when it is cancelled", async (t) => {
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await alice.createCard("Film", { Year: "1998" });
  await addFiles(alice, "Film", LARGE);
  const get = alice.button(`Download ${LARGE.name}`);
  await alice.sees(get);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await alice.page.route(/\/vault\/v1\/files\/[0-9a-f-]{36}\/digests$/, async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  await get.click();
  await alice.sees(progressOf(alice, `Reading ${LARGE.name}`));
  await alice.button(`Cancel reading ${LARGE.name}`).click();
  await alice.seesNo(progressOf(alice, `Reading ${LARGE.name}`));
  assert.equal(await alice.alert(alice.row("Your cards", "Film")).count(), 0, "what somebody wanted is no error");
  assert.ok(await get.evaluate((node) => node === document.activeElement && !node.disabled));
  release();
});

test("the servers have files as ciphertext", async (t) => {
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await alice.createCard("Spare key", { Place: "under the blue pot" });
  await addFiles(alice, "Spare key", NOTE);
  await alice.sees(alice.button(`Download ${NOTE.name}`));
  await openTab(alice, "What is stored");
  const part = storedRows(alice, "parts").first();
  await alice.sees(part.getByText("octets"));
  const octets = part.locator(".cell.ciphertext");
  assert.match(await octets.innerText(), /^[\w-]{8}…[\w-]{8} [\d.]+ kB$/);
  // What is shown is the beginning of neither the file nor anything like it.
  assert.ok(!(await octets.innerText()).startsWith(NOTE.buffer.toString("base64url").slice(0, 8)));
  assert.equal(await storedRows(alice, "files").count(), 1);
  const all = await behind(alice).innerText();
  assert.ok(!all.includes(NOTE.name) && !all.includes("blue pot"), "its name stands in the card alone");
  await assertAccessible(alice.page, "stored parts of a file");
  await alice.row("Your cards", "Spare key").hover();
  await alice.sees(behind(alice).locator(".stored.hit").filter({ has: alice.page.getByText("octets") }));
});

test("two files that are swapped are refused, and nothing of them is shown", async (t) => {
  const { alice, bob } = await twoConnected(await device(t));
  await alice.createCard("Passport", { Number: "X-1" });
  await addFiles(alice, "Passport", PICTURE, NOTE);
  await alice.sees(alice.button(`Download ${NOTE.name}`));
  await alice.sees(alice.button(`Download ${PICTURE.name}`));
  await alice.share("Passport", bob);
  for (const person of [alice, bob]) {
    await openTab(person, "Lying servers");
    await behind(person).getByRole("radio", { name: "Swap two files", exact: true }).check();
    await person.sees(person.page.getByText("The servers lie to you. They hand out one file in place of another."));
  }
  const row = alice.row("Your cards", "Passport");
  await alice.button(`Download ${NOTE.name}`, row).click();
  assert.match(await alice.problem(row), /not the file that the card names/);
  const refused = (person) => behind(person).getByRole("list", { name: "What your browser refused" }).getByRole("listitem");
  await alice.sees(refused(alice).filter({ hasText: `Reading a file: ${NOTE.name}` }).filter({ hasText: "record_rejected" }));
  await alice.sees(behind(alice).getByRole("radio", { name: "Swap two files", description: "refused" }));

  const article = await bob.read(alice, "Passport");
  assert.match(await bob.problem(article), /not the file that the card names/);
  await bob.sees(refused(bob).filter({ hasText: `Reading a file: ${PICTURE.name}` }));
  assert.equal(await article.getByRole("img").count(), 0);
  await assertAccessible(bob.page, "a file that was refused");

  for (const person of [alice, bob]) await person.button("Be honest again").click();
  assert.equal((await download(alice, NOTE.name, row)).bytes.toString(), NOTE.buffer.toString());
  await bob.button(`Show the picture ${PICTURE.name}`, article).click();
  await seesPicture(bob, article);
});
