// What the services bear, beside a bare handler with one indexed statement on the same database in the same run. Judges nothing.

import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sizes } from "./rows.mjs";
import { arrangements, ask, withServices } from "./services.mjs";
import { tables } from "./tables.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    people: { type: "string", default: "200" },
    listeners: { type: "string", default: "4800" },
    "seed-people": { type: "string" },
    "seed-shares": { type: "string", default: "0" },
    to: { type: "string" },
  },
});

/** Workers that ask as soon as they were answered. */
const WORKERS = 16;
/** Streams that are open while people do the mix. */
const STREAMS_OF_MIX = 500;

/** With seeded databases: the people who use them, and those who can sign in. */
const SEEDED = { sessions: 1000, logins: 50 };

/** What is done, and the bare action beside it. */
const ROWS = [
  { name: "`GET /health`", action: "health", bare: "bare-health" },
  { name: "`GET /cards/{id}`", action: "card", bare: "bare-card" },
  { name: "`POST /shares/query`, one", action: "share", bare: "bare-share" },
  { name: "`POST /spaces/query`, one", action: "space", bare: "bare-space" },
  { name: "`GET /cards`, a page of 50", action: "cards", bare: "bare-cards" },
  { name: "`GET /shares/incoming`, a page", action: "incoming", bare: "bare-incoming" },
  { name: "`POST /tokens`", action: "token", bare: "bare-card" },
  { name: "sign-in, with a token", action: "sign-in", bare: "bare-card" },
  { name: "`PUT /cards/{id}`", action: "save", bare: "bare-card" },
  { name: "`POST /spaces`, one", action: "keep", bare: "bare-card" },
  ...[0, 1000, 5000].map((streams) => ({
    name: `\`POST /shares\`, ${streams ? streams.toLocaleString("en") : "no"} streams`,
    action: "give",
    bare: "bare-card",
    streams,
  })),
  { name: "`PUT /cards/{id}`, 32 workers", action: "save", bare: "bare-card", workers: 32 },
  { name: `the mix, ${STREAMS_OF_MIX} streams`, action: "mix", bare: "bare-card", streams: STREAMS_OF_MIX },
];

/** What is erased while somebody else writes, once for each arrangement. */
const BURDENS = [
  { name: "600,000 shares are swept", burden: "expiry" },
  // Last, since the account is gone afterwards.
  { name: "an account with 100,000 shares is deleted", burden: "deletion" },
];

/** One action for some seconds. */
async function measure(services, people, { action, streams = 0, workers = WORKERS, burden }) {
  const report = join(services.folder, "report.json");
  const watched = action.startsWith("bare-") ? [services.bareProcess] : services.ours;
  const processes = [...watched, ...(services.database ? [services.database] : [])];
  const addresses = ["--vault", services.vault, "--keystore", services.keystore, "--bare", services.bare];
  const log = services.database ? ["--log-of", services.databases.vault] : [];
  const bench = ["--concurrency", workers, "--duration", `${values.seconds}s`, "--warmup", workers * 4, "--output", "json", "--output-file", report, "--quiet"];
  const erased = burden ? ["--burden", burden, "--vault-db", services.databases.vault] : [];
  const spent = await ask("run", ...addresses, "--action", action, "--people", people, "--streams", streams, ...erased, ...processes.flatMap((id) => ["--watch", id]), ...log, ...bench.map(String));
  const { summary, latency, status, errors } = JSON.parse(await readFile(report, "utf8"));
  const total = summary.iters.total;
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  const refused = Object.entries(status).reduce((sum, [name, count]) => sum + (name.startsWith("Success") ? 0 : count), 0);
  return {
    rate: summary.iters.rate,
    p50: latency ? latency.percentiles.p50 * 1000 : null,
    p99: latency ? latency.percentiles.p99 * 1000 : null,
    errors: failed + refused,
    cpu: spent.seconds === null ? null : (spent.seconds * 1000) / Math.max(total, 1),
    memory: spent.bytes === null ? null : spent.bytes / 2 ** 20,
    log: spent.log === null ? null : spent.log / Math.max(total, 1),
    events: spent.events,
    erased: spent.erased ?? null,
  };
}

/** Of several rounds the one that was disturbed least: the one with the highest rate. Errors of all rounds count. */
const best = (rounds) => ({
  ...rounds.reduce((most, round) => (round.rate > most.rate ? round : most)),
  errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
});

const seed = values["seed-people"] && { people: values["seed-people"], shares: values["seed-shares"], sessions: Math.min(SEEDED.sessions, values["seed-people"]) };
const before = loadavg()[2];
const done = [];
for (const arrangement of arrangements) {
  console.error(`==> ${arrangement.name}`);
  await withServices(arrangement, seed, async (services) => {
    const people = join(services.folder, "people");
    const amounts = seed ? ["--people", "0", "--listeners", String(SEEDED.logins)] : ["--people", values.people, "--listeners", values.listeners];
    await ask("people", "--vault", services.vault, "--keystore", services.keystore, ...amounts, "--to", people);
    if (seed) await writeFile(people, services.seeded + (await readFile(people, "utf8")));
    const rounds = ROWS.map(() => []);
    const bare = Object.fromEntries(ROWS.map((row) => [row.bare, []]));
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [index, row] of ROWS.entries()) {
        if (bare[row.bare].length === round) bare[row.bare].push(await measure(services, people, { action: row.bare }));
        rounds[index].push(await measure(services, people, row));
        console.error(`    round ${round + 1}: ${row.name}: ${Math.round(rounds[index].at(-1).rate)} beside ${Math.round(bare[row.bare].at(-1).rate)} per s`);
      }
    }
    const rows = ROWS.map(({ name, bare: beside }, index) => ({ name, ours: best(rounds[index]), bare: best(bare[beside]) }));
    const burdens = [];
    for (const { name, burden } of seed ? [] : BURDENS) {
      const without = await measure(services, people, { action: "save" });
      const during = await measure(services, people, { action: "save", burden });
      burdens.push({ name, without, during });
      console.error(`    while ${name}: p99 ${during.p99.toFixed(1)} ms, without ${without.p99.toFixed(1)} ms; ${JSON.stringify(during.erased)}`);
    }
    done.push({ name: arrangement.name, postgres: arrangement.postgres, rows, burdens });
  });
}
console.error("==> Rows");
const figures = {
  commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
  sizes: await sizes(),
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0].model}, Linux ${release()}`,
  before,
  load: loadavg()[2],
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  people: Number(seed?.sessions ?? values.people),
  listeners: Number(seed ? SEEDED.logins : values.listeners),
  seed: seed ?? null,
  workers: WORKERS,
  arrangements: done,
};
for (const line of tables(figures)) console.log(line);
if (values.to) await writeFile(values.to, `${JSON.stringify(figures, null, 1)}\n`);
