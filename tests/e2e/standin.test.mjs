// The stand-in of `vouchsafe/testing` does what the package does against the services.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const page = process.env.VOUCHSAFE_DEMO_URL;
const tarball = process.env.VOUCHSAFE_TARBALL;

test("every call ends as in the package", async (t) => {
  assert.ok(page && tarball, "Run `cargo xtask test --only e2e`: it names the demo and the tarball.");
  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-stand-in-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--no-audit", "--no-fund", "--offline", tarball], { cwd: folder });
  for (const file of ["standin.mjs", "../../pkg-template/tests/every-call.mjs"]) {
    await copyFile(fileURLToPath(new URL(file, import.meta.url)), join(folder, basename(file)));
  }
  await run("node", ["standin.mjs", page], { cwd: folder });
});
