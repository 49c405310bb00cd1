// docs/speed.md quotes what was measured.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { blocks, pictures, withBlocks } from "../../docs/speed/figures.mjs";
import { plot } from "../../benches/speed/plot.mjs";
import { curveTable, ratio, table, watchedTable } from "../../benches/speed/table.mjs";

test("the document has each block of figures as the script prints it", async () => {
  const document = await readFile(new URL("../../docs/speed.md", import.meta.url), "utf8");
  const marks = [...document.matchAll(/<!-- figures: (\w+) -->/g)].map(([, name]) => name);
  assert.deepEqual(marks.toSorted(), Object.keys(blocks).toSorted());
  assert.equal(document, withBlocks(document), "run `node docs/speed/figures.mjs --write`, and read what changed");
});

test("the pictures are those that the script draws, and the document shows each", async () => {
  const folder = new URL("../../docs/speed/", import.meta.url);
  const document = await readFile(new URL("../speed.md", folder), "utf8");
  assert.deepEqual((await readdir(folder)).filter((name) => name.endsWith(".svg")).toSorted(), Object.keys(pictures).toSorted());
  for (const [name, picture] of Object.entries(pictures)) {
    assert.equal(await readFile(new URL(name, folder), "utf8"), picture, "run `node docs/speed/figures.mjs --write`, and look at what changed");
    assert.ok(document.includes(`](speed/${name})`), name);
  }
});

test("what is measured is divided by what was measured beside it, round by round", () => {
  assert.deepEqual(ratio([1, 4, 9], [1, 2, 3]), { middle: 2, least: 1, most: 3 });
  const rows = [{ name: "a", ours: [10, 30], beside: [{ name: "b", times: [10, 10], most: 2 }] }];
  assert.equal(table({ rows }).at(-1), "| a | 20 | b | 10 | 2.0 (1.0–3.0) | 2 |");
});

test("a curve is a table of what each thing takes at each size that it was measured at", () => {
  const lines = [{ name: "a", points: [{ x: 64, times: [1, 3] }, { x: 1024, times: [20] }] }, { name: "b", points: [{ x: 2 ** 20, times: [0.5] }] }];
  assert.deepEqual(curveTable({ name: "opened", unit: "bytes", lines }), [
    "| opened, ms | 64 B | 1 KiB | 1 MiB |",
    "| --- | ---: | ---: | ---: |",
    "| a | 2.0 | 20 |  |",
    "| b |  |  | 0.5 |",
  ]);
});

test("what was done many times has its longest task and its heap, where the browser told of them", () => {
  const ours = { name: "a", times: [10], longest: [0], heap: [2e6] };
  const other = { name: "b", times: [5], longest: [70], heap: [1e5] };
  assert.deepEqual(watchedTable({ count: 2000, things: [ours, other] }), [
    "| 2,000 times | ms | × of the package | longest task, ms | heap, MB |",
    "| --- | ---: | ---: | ---: | ---: |",
    "| a | 10 |  | under 50 | 2.0 |",
    "| b | 5.0 | 2.0 (2.0–2.0) | 70 | 0.1 |",
  ]);
  assert.deepEqual(watchedTable({ count: 10, things: [{ ...ours, longest: [null], heap: [null] }] }), ["| 10 times | ms | × of the package |", "| --- | ---: | ---: |", "| a | 10 |  |"]);
});

test("a picture has a line for each thing, named at its end, and names do not cover one another", () => {
  const line = (name, ...times) => ({ name, points: times.map((time, index) => ({ x: 2 ** (6 + 4 * index), times: [time] })) });
  const picture = plot({ name: "records", unit: "bytes", lines: [line("Vouchsafe", 0.2, 2, 20), line("a <b>", 0.2, 2, 20), line("c", 0.1, 1)] });
  assert.equal(picture.match(/fill="none"/g).length, 3);
  assert.equal(picture.match(/<circle/g).length, 8);
  for (const words of ["Vouchsafe", "a &lt;b>", "c", "64 B", "1 KiB", "16 KiB", "100 µs", "1 ms", "100 ms"]) assert.ok(picture.includes(`>${words}</text>`), words);
  const heights = ["Vouchsafe", "a &lt;b>", "c"].map((name) => Number(picture.match(new RegExp(`y="([\\d.]+)"[^>]*>${name}</text>`))[1]));
  for (const one of heights) assert.equal(heights.filter((other) => Math.abs(one - other) < 16).length, 1);
});
