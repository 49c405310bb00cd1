// How fast the package is in a page of another origin than its services: beside what it cannot do without, by the browser's own
// means, and beside others that do the same work. Rounds are interleaved, since what else the machine does changes with time.

import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { cpus, loadavg, release } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { CURVES, MANY, PEOPLE, ROWS, SIZES, WATCHED } from "./plan.mjs";
import { withServices } from "./services.mjs";
import { curveTable, ratio, table, watchedTable } from "./table.mjs";

const { chromium } = createRequire(new URL("../../tests/package.json", import.meta.url))("playwright-core");

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" }, to: { type: "string" }, check: { type: "string" } } });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--enable-precise-memory-info", "--js-flags=--expose-gc"],
});

const before = loadavg()[0];
const curves = CURVES.map(({ lines, ...curve }) => ({ ...curve, lines: lines.map(({ name, at }) => ({ name, points: at.map((x) => ({ x, times: [] })) })) }));
const watched = { count: MANY.count, things: WATCHED.map(({ name }) => ({ name, times: [], longest: [], heap: [] })) };
const rows = ROWS.map(({ name, beside }) => ({ name, ours: [], beside: beside.map(({ name: other, most }) => ({ name: other, most, times: [] })) }));
try {
  await withServices(async (address, services) => {
    const open = async () => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(address);
      const ask = (name, ...given) => page.evaluate(async ([name, given]) => (await import("/page.js"))[name](...given), [name, given]);
      return { page, ask };
    };
    const fresh = new Set(["ready", "emptyModule"]);
    const people = await open();
    await people.ask("ready", services);
    await people.ask("begin", services, PEOPLE);
    await people.ask("beginSizes", SIZES);
    await people.ask("beginMany", MANY);
    await people.ask("beginPeers", MANY.count);
    /** What is measured from nothing has a page that knows nothing. */
    const measure = async ([name, ...given]) => {
      if (!fresh.has(name)) return people.ask(name, ...given);
      const { page, ask } = await open();
      const took = await ask(name, services);
      await page.context().close();
      return took;
    };
    // The first round warms up, and counts for nothing.
    for (let round = -1; round < Number(values.rounds); round += 1) {
      console.error(round < 0 ? "==> Warming up" : `==> Round ${round + 1}`);
      for (const [index, { ours, beside }] of ROWS.entries()) {
        const took = await measure(ours);
        const others = [];
        for (const { does } of beside) others.push(await measure(does));
        if (round < 0) continue;
        rows[index].ours.push(took);
        others.forEach((time, other) => rows[index].beside[other].times.push(time));
      }
      for (const [index, { lines }] of CURVES.entries()) {
        for (const [line, { does: [name, ...given], at }] of lines.entries()) {
          for (const [point, x] of at.entries()) {
            const took = await people.ask(name, ...given, x);
            if (round >= 0) curves[index].lines[line].points[point].times.push(took);
          }
        }
      }
      for (const [index, { does: [name, ...given] }] of WATCHED.entries()) {
        const { took, longest, heap } = await people.ask(name, ...given, MANY.count);
        if (round < 0) continue;
        watched.things[index].times.push(took);
        watched.things[index].longest.push(longest);
        watched.things[index].heap.push(heap);
      }
    }
  });
} finally {
  await browser.close();
}

const figures = {
  commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0].model}, Linux ${release()}`,
  browser: `Chromium ${browser.version()}`,
  load: [before, loadavg()[0]],
  rounds: Number(values.rounds),
  rows,
  curves,
  watched,
};
for (const line of [table(figures), ...curves.map(curveTable), watchedTable(watched)].flatMap((lines) => [...lines, ""])) console.log(line);
if (values.to) {
  await mkdir(dirname(values.to), { recursive: true });
  // Five figures of what is no whole number, and the numbers of a list in one line.
  const text = JSON.stringify(figures, (_, value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value), 1);
  await writeFile(values.to, `${text.replace(/\[[\s\d.,]+\]/g, (list) => list.replace(/\s+/g, " "))}\n`);
}
if (values.check) {
  // A ratio fails where its smallest is above what was recorded as its largest, or as what it may be.
  const recorded = JSON.parse(await readFile(values.check, "utf8"));
  const slower = [];
  for (const { name, ours, beside } of rows) {
    for (const { name: other, times, most = 0 } of beside) {
      const was = recorded.rows.find((row) => row.name === name)?.beside.find((one) => one.name === other);
      const may = was ? ratio(recorded.rows.find((row) => row.name === name).ours, was.times).most : 0;
      const { least } = ratio(ours, times);
      if (least > Math.max(may, most)) slower.push(`${name}, beside ${other}: ${least.toFixed(2)} ×, where ${Math.max(may, most).toFixed(2)} × was the most`);
    }
  }
  for (const line of slower) console.error(`slower: ${line}`);
  process.exitCode = slower.length > 0 ? 1 : 0;
}
