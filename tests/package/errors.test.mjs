// The codes of errors: the types, the Rust client, the document, the demo page and the package agree.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { setting } from "./support.mjs";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const all = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1));

/** Codes that only the package's JavaScript gives. */
const OF_JAVASCRIPT = ["storage_unavailable"];

/** Codes whose message names what to do: the demo page shows it as it is. */
const WITH_THEIR_OWN_WORDS = ["bad_input"];

const types = await read("pkg-template/index.d.ts");
const union = (name) => all(new RegExp(`export type ${name} =([^;]+);`).exec(types)[1], /"(\w+)"/g).flat().sort();
const rows = all(await read("docs/errors.md"), /^\| `(\w+)` \| (.+?) \| (yes|no) \| (.+?) \|$/gm);

test("the types name the codes of the Rust client, and those of the package", async () => {
  const rust = all(await read("src/error.rs"), /=> "(\w+)",/g).flat();
  assert.ok(rust.length > 20);
  assert.deepEqual(union("ErrorCode"), [...new Set([...rust, ...OF_JAVASCRIPT])].sort());
});

test("docs/errors.md explains each code, once", () => {
  assert.deepEqual(rows.map(([code]) => code).sort(), union("ErrorCode"));
  for (const [code, when, , tell] of rows) assert.ok(when.length > 10 && tell.length > 10, code);
});

test("the demo page has words for each code, and for no other", async () => {
  const sentences = /^const SENTENCES = \{$(.+?)^\};$/ms.exec(await read("www/errors.js"))[1];
  const codes = all(sentences, /^  (\w+):/gm).flat();
  assert.deepEqual(codes.sort(), union("ErrorCode").filter((code) => !WITH_THEIR_OWN_WORDS.includes(code)));
});

test("what docs/errors.md and the types call retryable is retryable", async () => {
  const { VouchsafeError } = await import(pathToFileURL(`${setting("PACKAGE")}/index.js`).href);
  for (const [code, , retryable] of rows) {
    assert.equal(new VouchsafeError(code, "").retryable, retryable === "yes", code);
    assert.equal(union("RetryableCode").includes(code), retryable === "yes", code);
  }
});
