// Every example, word for word as the documents show it, installed from the tarball as a stranger would.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test as always } from "node:test";
import { promisify } from "node:util";
import { test } from "./sample.mjs";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);
const page = process.env.VOUCHSAFE_DEMO_URL;
const tarball = process.env.VOUCHSAFE_TARBALL;

const KEY = "([0-9A-Z]{4}-){13}[0-9A-Z]{4}";

/** The lines that each example prints, and the documents that show it. */
const EXAMPLES = {
  "share.mjs": {
    shownIn: ["README.md", "pkg-template/README.md"],
    prints: [`Alice writes down: ${KEY}`, "Alice \\(verified\\) shared Passport: X1234567"],
  },
  "verify.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: [
      "Bob's connection is unverified",
      "Refused: Nobody has verified this person's keys: .*",
      "Bob reads IBAN IS14 0159 2600 7654 \\(verified\\)",
      "After revoking: not_found",
    ],
  },
  "live.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: ["Alice just shared Wi-Fi: open sesame"],
  },
  "follow.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: ["Updated; 0 shares could not follow", "Bob reads edition 2: X7654321", "Read: edition 2", "The same share: true", "Not deleted: card_shared"],
  },
  "link.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: [
      "card",
      "A passphrase is needed",
      "Alice shows Wi-Fi: Key open sesame",
      "Alice shows Wi-Fi: Key open barley",
      "open, read 2 times of 3, edition 2",
      "After revoking: not_found",
    ],
  },
  "files.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: [
      "3000000 bytes are up",
      "Bob has passport.png: 3000000 bytes of image/png",
      "Its last 2 bytes are 0 0",
      "Now Bob sees 1 field and 0 files",
      "And the file is not_found",
    ],
  },
  "long.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: ["0 of 2 cards", "1 of 2 cards", "2 of 2 cards", "Aborted, because the person went away"],
  },
  "many.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: ["shared", "not shared: not_found", "shared"],
  },
  "export.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: ["The file has 3 lines", "2 cards were made, 0 not"],
  },
  "testing.mjs": {
    shownIn: ["pkg-template/README.md"],
    // Each version of Node.js has its own way to say it.
    prints: ["[^]*[#ℹ] pass 2", "[#ℹ] fail 0[^]*"],
  },
  "recover.mjs": {
    shownIn: ["pkg-template/README.md"],
    prints: [
      "The passphrase or recovery key does not fit the account or link: .*",
      `Olga writes down: ${KEY}`,
      "Her cards are still there: Diary",
    ],
  },
};

/** The one that people read first, which is always run. */
const FIRST = "share.mjs";

/** Examples that need more than the demo, and the folders of their tests. */
const ELSEWHERE = { "own-accounts.mjs": "tests/own-accounts" };

const exampleOf = (name) => readFile(new URL(`examples/${name}`, root), "utf8");

let folder;

before(async () => {
  assert.ok(page && tarball, "Run `cargo xtask test --only e2e`: it names the demo and the tarball.");
  folder = await mkdtemp(join(tmpdir(), "vouchsafe-examples-"));
  await writeFile(join(folder, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--no-audit", "--no-fund", "--offline", tarball], { cwd: folder });
});

after(() => rm(folder, { recursive: true }));

always("every example is tried, and stands in its documents word for word", async () => {
  const files = (await readdir(new URL("examples/", root))).filter((name) => name.endsWith(".mjs"));
  assert.deepEqual(files.sort(), Object.keys({ ...EXAMPLES, ...ELSEWHERE }).sort());
  for (const [name, { shownIn }] of Object.entries(EXAMPLES)) {
    const example = await exampleOf(name);
    for (const document of shownIn) {
      const text = await readFile(new URL(document, root), "utf8");
      assert.ok(text.includes(`\`\`\`js\n${example}\`\`\``), `${document} and examples/${name} differ`);
    }
  }
});

for (const [name, { prints }] of Object.entries(EXAMPLES)) {
  const declare = name === FIRST ? always : test;
  declare(`${name} runs from the packed package and prints what it says`, async () => {
    const example = await exampleOf(name);
    // The addresses are those of the demo under test, and each run has people of its own.
    const people = Date.now().toString(36);
    const adapted = example
      .replaceAll("http://127.0.0.1:8787/", page)
      .replaceAll("@example.com", `.${people}@example.com`);
    await writeFile(join(folder, name), adapted);
    // An example that is a test reports for itself.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout, stderr } = await run("node", [name], { cwd: folder, env });
    assert.match(stdout, new RegExp(`^${prints.join("\n")}\n$`));
    assert.equal(stderr, "");
  });
}
