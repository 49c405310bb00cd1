// The codes of errors: the types, the Rust client, the page that explains them and the package agree.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { setting } from "./support.mjs";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const all = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1));

/** Codes that only the package's JavaScript gives. */
const OF_JAVASCRIPT = ["storage_unavailable"];

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

test("what docs/errors.md and the types call retryable is retryable", async () => {
  const { VouchsafeError } = await import(pathToFileURL(`${setting("PACKAGE")}/index.js`).href);
  for (const [code, , retryable] of rows) {
    assert.equal(new VouchsafeError(code, "").retryable, retryable === "yes", code);
    assert.equal(union("RetryableCode").includes(code), retryable === "yes", code);
  }
});
