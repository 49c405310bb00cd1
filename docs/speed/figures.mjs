// Prints what docs/speed.md quotes, block by block, from the last measurement (speed.json, which `cargo xtask bench --record` writes);
// `--write` puts it into the page, and draws the pictures that the page shows.

import { readFile, writeFile } from "node:fs/promises";
import { plot } from "../../benches/speed/plot.mjs";
import { curveTable, table, watchedTable } from "../../benches/speed/table.mjs";

const document = new URL("../speed.md", import.meta.url);
const speed = JSON.parse(await readFile(new URL("speed.json", import.meta.url), "utf8"));

/** A text in lines of at most 100 characters, as the documents have them. */
const wrapped = (text) => text.match(/.{1,100}(?= |$)/g).map((line) => line.trim());

/** The lines of each block. */
export const blocks = {
  machine: wrapped(`${speed.date}, commit ${speed.commit}, ${speed.browser}, ${speed.machine}, a load of ${speed.load.map((load) => load.toFixed(1)).join(" before and ")} after; ${speed.rounds} rounds.`),
  table: table(speed),
  ...Object.fromEntries(speed.curves.map((curve) => [curve.id, curveTable(curve)])),
  many: watchedTable(speed.watched),
  firefox: [`${speed.firefox.browser}, ${speed.firefox.rounds} rounds.`],
  firefoxTable: table(speed.firefox),
  firefoxMany: watchedTable(speed.firefox.watched),
};

/** The pictures beside this file, by name. */
export const pictures = Object.fromEntries(speed.curves.map((curve) => [`${curve.id}.svg`, plot(curve)]));

/** The document with the blocks in the places that are marked for them. */
export function withBlocks(text) {
  return text.replace(/(<!-- figures: (\w+) -->\n)[^]*?(<!-- end -->)/g, (_, before, name, after) => `${before}\n${blocks[name].join("\n")}\n\n${after}`);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  if (process.argv.includes("--write")) {
    await writeFile(document, withBlocks(await readFile(document, "utf8")));
    for (const [name, picture] of Object.entries(pictures)) await writeFile(new URL(name, import.meta.url), picture);
  } else console.log(Object.values(blocks).flat().join("\n"));
}
