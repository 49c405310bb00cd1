// Findings of package linters in the tarball. Each accepted finding has its reason here.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { run, setting, tools } from "./support.mjs";

/** Files that apps name by address, and nobody imports: classic scripts, which every browser starts as a worker, and the module. */
const BY_ADDRESS = ["vouchsafe-worker.js", "vouchsafe-full-worker.js", "vouchsafe_bg.wasm"];

test("publint", async () => {
  const { publint } = await import(pathToFileURL(join(tools(), "node_modules/publint/src/index-node.js")).href);
  const { messages } = await publint({ pkgDir: setting("PACKAGE"), strict: true, pack: "npm" });
  const accepted = ({ code, path }) => code === "FILE_INVALID_FORMAT" && BY_ADDRESS.includes(path.at(-1).slice(2));
  assert.deepEqual(messages.filter((message) => !accepted(message)), []);
});

test("are the types wrong", async () => {
  // There is no CommonJS: `require` of a module is what Node.js 22 and bundlers can, and TypeScript has `import()`.
  const options = ["--profile", "esm-only", "--format", "ascii", "--no-color", "--no-emoji", "--exclude-entrypoints", ...BY_ADDRESS];
  await run(join(tools(), "node_modules/.bin/attw"), [setting("TARBALL"), ...options], tools());
});
