// QR codes as a foreign reader sees them on the screen.

import assert from "node:assert/strict";
import jsQR from "jsqr";

/** The pixels of a picture, four bytes each; for the camera, of the picture in the middle of a grey one. */
export async function pixels(page, png, camera) {
  const { base64, ...size } = await page.evaluate(
    async ({ base64, camera }) => {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes]));
      const { width, height } = camera ?? image;
      const scale = camera ? (0.7 * height) / image.height : 1;
      const context = new OffscreenCanvas(width, height).getContext("2d");
      context.fillStyle = "grey";
      context.fillRect(0, 0, width, height);
      context.translate(width / 2, height / 2);
      context.scale(scale, scale);
      context.drawImage(image, -image.width / 2, -image.height / 2);
      let text = "";
      for (const byte of context.getImageData(0, 0, width, height).data) text += String.fromCharCode(byte);
      return { width, height, base64: btoa(text) };
    },
    { base64: png.toString("base64"), camera },
  );
  return { ...size, data: new Uint8ClampedArray(Buffer.from(base64, "base64")) };
}

/** The text that a foreign reader reads where `code` is on the screen, with as much white around it as readers need. */
export async function readCode(page, code) {
  const picture = await pixels(page, await code.screenshot());
  const read = jsQR(picture.data, picture.width, picture.height);
  assert.ok(isFramed(picture, read), "four modules around the code are white");
  return read.data;
}

/** Whether there is white around a code: four modules, says ISO/IEC 18004. A pixel may be lost where the browser rounds. */
function isFramed({ data, width, height }, { version, location: { topLeftCorner, bottomRightCorner } }) {
  const module = (bottomRightCorner.x - topLeftCorner.x) / (17 + 4 * version);
  const around = 4 * module - 1;
  const isLight = (x, y) => x >= 0 && y >= 0 && x < width && y < height && data[4 * (y * width + x)] > 128;
  const isIn = (at, corner, by) => at > topLeftCorner[corner] - by && at < bottomRightCorner[corner] + by;
  for (let y = Math.floor(topLeftCorner.y - around) + 1; isIn(y, "y", around); y += 1) {
    for (let x = Math.floor(topLeftCorner.x - around) + 1; isIn(x, "x", around); x += 1) {
      if (!(isIn(x, "x", 1) && isIn(y, "y", 1)) && !isLight(x, y)) return false;
    }
  }
  return true;
}
