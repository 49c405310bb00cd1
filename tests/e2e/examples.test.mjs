// The README's example, word for word, installed from the tarball as a stranger would.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);
const page = process.env.VOUCHSAFE_DEMO_URL;
const tarball = process.env.VOUCHSAFE_TARBALL;

test("the README's example runs from the packed package", async () => {
  assert.ok(page && tarball, "Run `cargo xtask test --only e2e`: it names the demo and the tarball.");
  const example = await readFile(new URL("examples/share.mjs", root), "utf8");
  const readme = await readFile(new URL("README.md", root), "utf8");
  assert.ok(readme.includes(`\`\`\`js\n${example}\`\`\``), "README.md and examples/share.mjs differ");

  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-readme-"));
  try {
    await writeFile(join(folder, "package.json"), '{ "private": true }');
    await run("npm", ["install", "--no-audit", "--no-fund", "--offline", tarball], { cwd: folder });
    // The addresses are those of the demo under test, and each run has people of its own.
    const people = Date.now().toString(36);
    const adapted = example
      .replaceAll("http://127.0.0.1:8787/", page)
      .replaceAll("@example.com", `.${people}@example.com`);
    await writeFile(join(folder, "share.mjs"), adapted);
    const { stdout } = await run("node", ["share.mjs"], { cwd: folder });
    assert.match(stdout, /^Alice writes down: ([0-9A-Z]{4}-){13}[0-9A-Z]{4}$/m);
    assert.match(stdout, /^Alice \(verified\) shared Passport: X1234567$/m);
  } finally {
    await rm(folder, { recursive: true });
  }
});
