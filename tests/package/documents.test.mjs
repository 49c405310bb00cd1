// The documents: their lines fit a window, and what their tables name is there.

import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);

/** Characters of a line of prose. Tables and code stay as they are, and so does a line that is one long word. */
const WIDTH = 100;

/** The folders that hold documents. */
const FOLDERS = ["docs", "examples", "pkg-template", "server", "src", "tests", "xtask"];

async function documents() {
  const found = (await readdir(root)).filter((name) => name.endsWith(".md"));
  for (const folder of FOLDERS) {
    const names = await readdir(new URL(folder, root), { recursive: true });
    found.push(...names.filter((name) => name.endsWith(".md") && !name.includes("node_modules")).map((name) => `${folder}/${name}`));
  }
  assert.ok(found.includes("README.md") && found.includes("docs/protocol.md"));
  return found;
}

const read = (path) => readFile(new URL(path, root), "utf8");

/** The lines of a document that are prose, each with its number. */
function prose(text) {
  let isCode = false;
  return text.split("\n").flatMap((line, index) => {
    if (/^\s*```/.test(line)) isCode = !isCode;
    const isTableOrMarkup = /^\s*[|<]/.test(line);
    return isCode || isTableOrMarkup ? [] : [{ line, number: index + 1 }];
  });
}

test("documents are wrapped", async () => {
  const tooLong = [];
  for (const path of await documents()) {
    for (const { line, number } of prose(await read(path))) {
      const couldBreak = /\S \S/.test(line.replace(/^\s*(- |\d+\. |#+ )/, ""));
      if (line.length > WIDTH && couldBreak) tooLong.push(`${path}:${number}`);
    }
  }
  assert.deepEqual(tooLong, []);
});
