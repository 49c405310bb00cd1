// How fast the package is in a page of another origin than its services: beside what it cannot do without, by the browser's own
// means, and beside others that do the same work. Rounds are interleaved, since what else the machine does changes with time.

import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg, release } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { startChromium, startFirefox } from "./browsers.mjs";
import { CURVES, MANY, PEOPLE, ROWS, SIZES, WATCHED } from "./plan.mjs";
import { withServices } from "./services.mjs";
import { curveTable, ratio, table, watchedTable } from "./table.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" }, to: { type: "string" }, check: { type: "string" } } });

/** Figures of one browser: of rows, of curves, and of what is watched, over so many rounds. */
async function measureIn(start, rounds, curvesOf) {
  const rows = ROWS.map(({ name, beside }) => ({ name, ours: [], beside: beside.map(({ name: other, most }) => ({ name: other, most, times: [] })) }));
  const curves = curvesOf.map(({ lines, ...curve }) => ({ ...curve, lines: lines.map(({ name, at }) => ({ name, points: at.map((x) => ({ x, times: [] })) })) }));
  const watched = { count: MANY.count, things: WATCHED.map(({ name }) => ({ name, times: [], longest: [], heap: [] })) };
  const browser = await start();
  try {
    await withServices(async (address, services) => {
      console.error(`==> ${browser.name}: making people and shares`);
      const people = await browser.open(address);
      await people.ask("ready", services, "/vouchsafe/index.js");
      await people.ask("begin", services, PEOPLE);
      if (curvesOf.length > 0) await people.ask("beginSizes", SIZES);
      await people.ask("beginMany", MANY);
      await people.ask("beginPeers", MANY.count);
      const fresh = new Set(["ready", "emptyModule"]);
      /** What is measured from nothing has a page that knows nothing. */
      const measure = async ([name, ...given]) => {
        if (!fresh.has(name)) return people.ask(name, ...given);
        const page = await browser.open(address);
        const took = await page.ask(name, services, ...given);
        await page.close();
        return took;
      };
      // The first round warms up, and counts for nothing.
      for (let round = -1; round < rounds; round += 1) {
        console.error(round < 0 ? "==> Warming up" : `==> Round ${round + 1}`);
        const note = (list, value) => round >= 0 && list.push(value);
        for (const [index, { ours, beside }] of ROWS.entries()) {
          note(rows[index].ours, await measure(ours));
          for (const [other, { does }] of beside.entries()) note(rows[index].beside[other].times, await measure(does));
        }
        for (const [index, { lines }] of curvesOf.entries()) {
          for (const [line, { does, at }] of lines.entries()) {
            for (const [point, x] of at.entries()) note(curves[index].lines[line].points[point].times, await measure([...does, x]));
          }
        }
        for (const [index, { does }] of WATCHED.entries()) {
          const { took, longest, heap } = await measure([...does, MANY.count]);
          note(watched.things[index].times, took);
          note(watched.things[index].longest, longest);
          note(watched.things[index].heap, heap);
        }
      }
    });
  } finally {
    await browser.end();
  }
  return { browser: browser.name, rounds, rows, curves, watched };
}

const before = loadavg()[0];
const rounds = Number(values.rounds);
const measured = await measureIn(startChromium, rounds, CURVES);
const { rows } = measured;
// A second browser shows whether the first is an exception, for which fewer rounds and no curves do.
const firefox = process.env.FIREFOX && process.env.GECKODRIVER ? await measureIn(startFirefox, Math.ceil(rounds / 2), []) : undefined;

const figures = {
  commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0].model}, Linux ${release()}`,
  load: [before, loadavg()[0]],
  ...measured,
  firefox,
};
for (const { browser, rows: of, curves, watched } of [measured, firefox].filter(Boolean)) {
  for (const lines of [[browser], table({ rows: of }), ...curves.map(curveTable), watchedTable(watched)]) console.log(`${lines.join("\n")}\n`);
}
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
