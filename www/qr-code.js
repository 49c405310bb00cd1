import { encodeQR } from "./qr/index.js";

/** Light modules around a code, as many as its readers need. */
const QUIET = 4;

function svg(tag, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A picture of `text` as a QR code, black on white in either theme: many readers know no other. */
export function qrCode(text, label) {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: QUIET });
  const size = rows.length;
  let dark = "";
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < size; x += 1) {
      if (!row[x]) continue;
      const start = x;
      while (row[x]) x += 1;
      dark += `M${start} ${y}h${x - start}v1H${start}z`;
    }
  }
  return svg(
    "svg",
    { class: "qr", role: "img", "aria-label": label, viewBox: `0 0 ${size} ${size}`, "shape-rendering": "crispEdges" },
    svg("rect", { width: size, height: size, fill: "#fff" }),
    svg("path", { d: dark, fill: "#000" }),
  );
}
