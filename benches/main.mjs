// Measures what a person feels: how long the main thread of a page is held up. Judges nothing.

import { createRequire } from "node:module";
import { callsOf } from "./calls.mjs";
import { LONG, print, smallest } from "./figures.mjs";
import { filesOf } from "./files.mjs";
import { loadOf, useOf } from "./page.mjs";

const { chromium } = createRequire(new URL("../tests/package.json", import.meta.url))("playwright-core");

const address = process.env.VOUCHSAFE_DEMO_URL ?? "http://127.0.0.1:8787/";
const rounds = Number(process.argv[2] ?? 3);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
});

/** Each round begins with pages that know nothing. */
async function table(title, round) {
  const done = [];
  for (let number = 0; number < rounds; number += 1) done.push(await round());
  print(title, smallest(done));
}

try {
  console.log(`Chromium ${browser.version()}. Everything is done in ${rounds} rounds; each figure is its smallest, because what else the machine does only adds.`);
  console.log(`A long task holds up the page for more than ${LONG} ms. The last two columns say how long the longest task took, and the most that a task`);
  console.log("had of a processor: where others want it, too, that is what an idle machine would show.");
  await table("The page at load", () => loadOf(browser, address));
  await table("The page in use", () => useOf(browser, address));
  await table("The package, call by call", () => callsOf(browser, address, "/vouchsafe/index.js"));
  await table("A file of 256 MiB", () => filesOf(browser, address));
  await table("The package with RSA in Rust", () => callsOf(browser, address, "/vouchsafe/full.js", { engine: "rust" }));
} finally {
  await browser.close();
}
