// How people make sure of each other: the safety number by eye, by camera and by paste, and the invitation link that is handed
// over. A foreign reader judges the codes.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { pixels, readCode } from "./codes.mjs";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const CAMERA = { width: 640, height: 480 };
const NUMBER_CODE = "QR code of the safety number";

const folder = await mkdtemp(path.join(tmpdir(), "vouchsafe-camera-"));
after(() => rm(folder, { recursive: true }));
/** The film that the browser takes for its camera, opened anew at each start. */
const film = path.join(folder, "film.y4m");
await record(Buffer.alloc(CAMERA.width * CAMERA.height, 128));
const device = useBrowser({ args: ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`] });

/** Holds `code`, as it is on the screen of `page`, before the camera. */
async function holdUp(page, code) {
  const { data } = await pixels(page, await code.screenshot(), CAMERA);
  await record(Buffer.from(data.filter((byte, index) => index % 4 === 0)));
}

/** Makes a film of one still picture, given by how light its pixels are. */
async function record(light) {
  const head = `YUV4MPEG2 W${CAMERA.width} H${CAMERA.height} F10:1 Ip A1:1 C420jpeg\n`;
  const frame = [Buffer.from("FRAME\n"), light, Buffer.alloc(light.length / 2, 128)];
  await writeFile(film, Buffer.concat([Buffer.from(head), ...frame, ...frame]));
}

/** A code that holds `text`, shown in `dialog`. */
async function showCode(dialog, text) {
  await dialog.evaluate(async (root, text) => {
    const { qrCode } = await import(new URL("qr-code.js", document.baseURI).href);
    const place = document.createElement("p");
    place.append(qrCode(text, text));
    root.append(place);
  }, text);
  return dialog.getByRole("img", { name: text, exact: true });
}

/** Remembers what a page uses of the camera. */
const rememberTracks = (context) =>
  context.addInitScript(() => {
    window.tracks = [];
    const devices = navigator.mediaDevices;
    if (devices === undefined) return;
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
  });

const cameraIsOn = (page) => page.waitForFunction(() => window.tracks.some((track) => track.readyState === "live"));
const cameraIsOff = (page) => page.waitForFunction(() => window.tracks.every((track) => track.readyState === "ended"));

/** Two people whom only the server has introduced to each other. */
async function strangers(person) {
  const alice = await person("Alice");
  const bob = await person("Bob");
  await alice.signUp();
  await bob.signUp();
  await alice.inviteByMail(bob);
  await bob.openMail();
  await bob.accept(alice);
  await alice.seesTrust(bob, "Unverified");
  return { alice, bob };
}

test("one person's camera checks the code that the other one shows", async (t) => {
  const { person, context } = await device(t);
  await rememberTracks(context);
  await context.grantPermissions(["camera"]);
  const { alice, bob } = await strangers(person);

  const { dialog: shown, number } = await bob.openSafetyNumber(alice);
  const code = shown.getByRole("img", { name: NUMBER_CODE });
  const { dialog, number: ours } = await alice.openSafetyNumber(bob);
  assert.equal(number, ours);
  assert.equal(await readCode(bob.page, code), ours.replaceAll(" ", ""));
  await alice.sees(dialog.getByText("Nobody has checked yet that these keys are Bob's."));

  const camera = dialog.getByText("Check with the camera");
  await holdUp(bob.page, await showCode(shown, "a ticket for the tram"));
  await camera.click();
  assert.match(await alice.problem(dialog), /This code is no safety number\./);
  await cameraIsOn(alice.page);
  await assertAccessible(alice.page, "the camera");
  await camera.click();
  await cameraIsOff(alice.page);

  await holdUp(bob.page, await showCode(shown, ours.replace(/\d/g, (digit) => (Number(digit) + 1) % 10).replaceAll(" ", "")));
  await camera.click();
  await alice.sees(dialog.getByText(/The numbers differ\..*do not share/));
  await cameraIsOff(alice.page);
  await alice.seesTrust(bob, "Unverified");

  await holdUp(bob.page, code);
  await alice.button("Start the camera", dialog).click();
  await alice.sees(alice.news("Bob is verified."));
  await alice.seesNo(dialog);
  await alice.seesTrust(bob, "Verified: safety number compared");
  await cameraIsOff(alice.page);

  // The other person still needs the number, so it stays to be seen.
  const again = await alice.openSafetyNumber(bob);
  assert.equal(await readCode(alice.page, again.dialog.getByRole("img", { name: NUMBER_CODE })), ours.replaceAll(" ", ""));
  await alice.sees(again.dialog.getByText("These keys are Bob's: you compared the safety number."));
  assert.equal(await alice.button("They match", again.dialog).count(), 0);
});

test("the camera says why it shows nothing, and goes off when nobody looks", async (t) => {
  const { person, context } = await device(t);
  await rememberTracks(context);
  const { alice, bob } = await strangers(person);
  const { dialog } = await alice.openSafetyNumber(bob);
  const start = alice.button("Start the camera", dialog);

  await context.grantPermissions([]);
  await dialog.getByText("Check with the camera").click();
  assert.match(await alice.problem(dialog), /This page may not use the camera\. Allow it in the browser's settings/);

  for (const [name, told] of [
    ["NotFoundError", /There is no camera here/],
    ["NotReadableError", /The camera is busy\. Close what else uses it/],
  ]) {
    await alice.page.evaluate((name) => {
      const devices = navigator.mediaDevices;
      const open = devices.getUserMedia;
      devices.getUserMedia = async () => {
        devices.getUserMedia = open;
        throw new DOMException("no picture", name);
      };
    }, name);
    await start.click();
    await alice.sees(alice.alert(dialog).getByText(told));
  }

  await alice.page.evaluate(() => Object.defineProperty(window, "isSecureContext", { value: false, configurable: true }));
  await start.click();
  await alice.sees(alice.alert(dialog).getByText(/only on a page that was loaded securely/));
  await alice.page.evaluate(() => Object.defineProperty(window, "isSecureContext", { value: true }));

  await context.grantPermissions(["camera"]);
  await holdUp(alice.page, await showCode(dialog, "a ticket for the tram"));
  const looking = alice.alert(dialog).getByText(/This code is no safety number/);
  await start.click();
  await alice.sees(looking);
  await cameraIsOn(alice.page);
  await alice.page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    delete document.hidden;
  });
  await cameraIsOff(alice.page);
  await start.click();
  await alice.sees(looking);
  await cameraIsOn(alice.page);
  await alice.button("Close", dialog).click();
  await cameraIsOff(alice.page);
});

test("a browser that reads codes itself is asked first", async (t) => {
  const { person, context } = await device(t);
  await context.grantPermissions(["camera"]);
  await context.addInitScript(() => {
    window.BarcodeDetector = class {
      static getSupportedFormats = async () => ["aztec", "qr_code"];
      detect = async () => [{ rawValue: "its own reading" }];
    };
  });
  const { alice, bob } = await strangers(person);
  const { dialog } = await alice.openSafetyNumber(bob);
  await dialog.getByText("Check with the camera").click();
  assert.match(await alice.problem(dialog), /This code is no safety number/);
});

test("those who see other digits are told what to do", async (t) => {
  const { person } = await device(t);
  const { alice, bob } = await strangers(person);
  const { dialog } = await alice.openSafetyNumber(bob);
  await alice.button("They differ", dialog).click();
  assert.match(await alice.problem(dialog), /somebody may stand between you\. Do not share with Bob\..*choose Disconnect, and connect anew by a link/s);
  await alice.button("Close", dialog).click();
  await alice.seesTrust(bob, "Unverified");
});

test("an invitation link is handed over whole, in each of the ways", async (t) => {
  const { person, context } = await device(t);
  await context.addInitScript(() => {
    window.shared = [];
    navigator.share = async (what) => void window.shared.push(what);
  });
  const alice = await person("Alice");
  await alice.signUp();
  const link = await alice.inviteByLink({ name: "Bob" });
  assert.ok(link.startsWith(`${DEMO_URL}#vouchsafe=`), link);

  await alice.button("Show link for Bob").click();
  const dialog = alice.dialog("Invitation for Bob");
  const mail = new URL(await dialog.getByRole("link", { name: "Write a mail" }).getAttribute("href"));
  assert.equal(mail.protocol, "mailto:");
  assert.equal(mail.pathname, "", "who gets the mail is for the mail program");
  assert.equal(mail.searchParams.get("subject"), "Invitation to Vouchsafe");
  const lines = mail.searchParams.get("body").split("\r\n");
  assert.ok(lines.includes(link), "the link stands on a line of its own");
  assert.match(lines.join(" "), /The link is secret/);

  await alice.button("Share…", dialog).click();
  assert.deepEqual(await alice.page.evaluate(() => window.shared), [{ title: "Invitation to Vouchsafe", url: link }]);

  await dialog.getByText("Show as QR code").click();
  await alice.sees(dialog.getByText("Whoever photographs this code can accept the invitation. Show it to Bob alone."));
  assert.equal(await readCode(alice.page, dialog.getByRole("img", { name: "QR code of the invitation link for Bob" })), link);

  await assertAccessible(alice.page, "the link");

  const opened = context.waitForEvent("page");
  await dialog.getByRole("link", { name: "Open in another tab" }).click();
  const tab = await opened;
  await tab.getByRole("heading", { name: "You are invited", exact: true }).waitFor();
  assert.equal(await tab.evaluate(() => window.opener), null);
});
