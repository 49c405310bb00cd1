import { el } from "./dom.js";
import { encodeQR } from "./qr/index.js";

/** Light modules around a code, as many as its readers need. */
const QUIET = 4;

/**
 * A picture of `text` as a QR code, black on white in either theme: many readers know no other. A pixel of it is a module, which the
 * style enlarges as it is. A path of vectors has its modules run together where one is not a number of whole pixels.
 */
export function qrCode(text, label) {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: QUIET });
  const size = rows.length;
  const code = el("canvas", { class: "qr", role: "img", "aria-label": label, width: size, height: size });
  const context = code.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  context.fillStyle = "#000";
  for (const [y, row] of rows.entries()) for (const [x, isDark] of row.entries()) if (isDark) context.fillRect(x, y, 1, 1);
  return code;
}
