// docs/scale.md quotes what the script beside it computes.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { PLAN } from "../../docs/scale/plan.mjs";
import { make, withBlocks } from "../../docs/scale/figures.mjs";
import * as assumed from "../../docs/scale/assumptions.mjs";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

const made = await make();
const document = await read("docs/scale.md");

test("the document has each block of figures as the script prints it", () => {
  const marks = [...document.matchAll(/<!-- figures: (\w+) -->/g)].map(([, name]) => name);
  assert.deepEqual(marks.toSorted(), Object.keys(made).toSorted());
  assert.equal(document, withBlocks(document, made), "run `node docs/scale/figures.mjs --write`, and read what changed");
});

test("the text has no other numbers than these", () => {
  const numbers = (text) => [...text.matchAll(/\d[\d,.]*\d|\d/g)].map(([number]) => number);
  const printed = new Set(numbers(Object.values(made).flat().join("\n")));
  const text = document.replace(/<!-- figures: \w+ -->[^]*?<!-- end -->/g, "").replace(/```[^]*?```/g, "").replace(/`[^`]*`/g, "");
  assert.deepEqual(numbers(text).filter((number) => !printed.has(number)), []);
});

/** The tables that a service's migrations make, and do not remove. */
async function tablesOf(service) {
  const folder = new URL(`../../server/src/${service}/migrations/`, import.meta.url);
  const sql = (await Promise.all((await readdir(folder)).toSorted().map((name) => readFile(new URL(name, folder), "utf8")))).join("\n");
  const tables = new Set();
  for (const [, what, name] of sql.matchAll(/\b(CREATE|DROP) TABLE (?:IF EXISTS )?(\w+)/g)) {
    if (what === "CREATE") tables.add(name);
    else tables.delete(name);
  }
  return tables;
}

test("every table of people's rows has a place", async () => {
  for (const service of ["vault", "keystore"]) {
    // What a service keeps about itself.
    const own = ["owner", "strays"];
    const tables = [...(await tablesOf(service))].filter((name) => !own.includes(name));
    assert.deepEqual(Object.keys(PLAN[service]).toSorted(), tables.toSorted());
  }
});

test("the quota that bounds the skew is the default one", async () => {
  const [, shares] = /impl Default for Quotas[^]*?\bshares: ([\d_]+),/.exec(await read("server/src/quotas.rs"));
  assert.equal(assumed.MOST_SHARES, Number(shares.replaceAll("_", "")));
});
