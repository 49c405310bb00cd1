// Files for cards, and what people do with them.

import assert from "node:assert/strict";
import { crc32, deflateSync } from "node:zlib";

/** A chunk of a PNG. */
function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type), data]);
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, sum]);
}

/** A PNG whose pixels `colour` gives. */
function png(width, height, colour) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const lines = Array.from({ length: height }, (_, y) => [0, ...Array.from({ length: width }, (_, x) => colour(x / width, y / height)).flat()]);
  const parts = [chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.from(lines.flat()))), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}

const WIDTH = 320;

/** A picture of a hill before an evening sky. */
export const PICTURE = {
  name: "page 2.png",
  mimeType: "image/png",
  buffer: png(WIDTH, 200, (x, y) => {
    const isHill = y > 0.75 - 0.25 * Math.sin(Math.PI * x);
    return isHill ? [11, 106, 92] : [252 - 60 * y, 239 - 90 * y, 211 - 120 * y].map(Math.round);
  }),
};

/** The row of a file in `root`. */
export const fileRow = (root, name) => root.locator(".file").filter({ hasText: name });

/** Chooses files for a card, as with the browser's own dialog. */
export const addFiles = (person, card, ...files) => person.page.getByLabel(`Add a file to ${card}`).setInputFiles(files);

/** Waits until the picture in `root` is decoded; none is read before it is in sight. */
export async function seesPicture(person, root) {
  await root.locator(".file-picture").scrollIntoViewIfNeeded();
  const picture = root.getByRole("img", { name: PICTURE.name, exact: true });
  await person.sees(picture);
  assert.equal(await picture.evaluate(async (node) => (await node.decode(), node.naturalWidth)), WIDTH);
}

/** Holds requests to the Vault that write parts of files behind the first `count`. `release` lets all through. */
export async function holdParts(person, count) {
  const PARTS = /\/vault\/v1\/files\/[0-9a-f-]{36}$/;
  let seen = 0;
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await person.page.route(PARTS, async (route) => {
    if (route.request().method() === "PUT" && ++seen > count) await held;
    // The page may have given up meanwhile.
    await route.continue().catch(() => {});
  });
  return release;
}
