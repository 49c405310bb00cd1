// Prints what docs/scale.md quotes, block by block: what was measured (load.json, which `cargo xtask load --to` writes), and what
// follows from it under the assumptions. `--write` puts the blocks into the document.

import { readFile, writeFile } from "node:fs/promises";
import { short, tables } from "../../benches/load/tables.mjs";
import * as assumed from "./assumptions.mjs";
import { PLAN } from "./plan.mjs";
import { simulate } from "./skew.mjs";
import { keyOf, statements } from "./statements.mjs";

const document = new URL("../scale.md", import.meta.url);
const load = JSON.parse(await readFile(new URL("load.json", import.meta.url), "utf8"));
const postgres = load.arrangements.find(({ postgres: isPostgres }) => isPostgres);

const DAY_S = 86_400;
const GB = 1e9;

const table = (head, rows) => [`| ${head.join(" | ")} |`, `| --- |${" ---: |".repeat(head.length - 1)}`, ...rows.map((row) => `| ${row.join(" | ")} |`)];
const words = (head, rows) => [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...rows.map((row) => `| ${row.join(" | ")} |`)];
const whole = (value) => Math.round(value).toLocaleString("en");
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** What one person has on average, row by row. Tables that are not here stay small, or belong to files and links. */
const { PEOPLE, SHARES, CARDS, CONNECTIONS, ACTIVE, DAILY, YEARS, PEAK } = assumed;
const sharesOfDay = SHARES / (YEARS * 365);
const cardsOfDay = PEOPLE * ACTIVE * DAILY.card;
const signInsOfDay = PEOPLE * ACTIVE * DAILY["sign-in"];
const ROWS = {
  vault: {
    accounts: PEOPLE,
    cards: PEOPLE * CARDS,
    connections: (PEOPLE * CONNECTIONS) / 2,
    // Two of each share, and one of each card that is written.
    events: assumed.EVENT_DAYS * (2 * sharesOfDay + cardsOfDay),
    invitations: (PEOPLE * CONNECTIONS) / 2,
    public_keys: PEOPLE * CONNECTIONS,
    shares: SHARES,
    spaces: SHARES,
  },
  keystore: {
    accounts: PEOPLE,
    connection_keys: PEOPLE * CONNECTIONS,
    sessions: Math.min(30 * signInsOfDay, 3 * PEOPLE),
    spaces: SHARES,
  },
};

/** Bytes of one row, its part of the indexes included, as PostgreSQL had them. */
const bytesOf = (service, name, part) => {
  const { rows, own, indexes } = load.sizes[service][name];
  return { own, indexes, both: own + indexes }[part] / Math.max(rows, 1);
};

function volume() {
  const rows = Object.entries(ROWS).flatMap(([service, of]) =>
    Object.entries(of).map(([name, count]) => ({ service, name, count, own: bytesOf(service, name, "own"), indexes: bytesOf(service, name, "indexes") })),
  );
  return rows.map((row) => ({ ...row, bytes: row.count * (row.own + row.indexes) }));
}

const all = volume();
const bytesOfService = (service) => sum(all.filter((row) => row.service === service).map(({ bytes }) => bytes));

const measured = (name) => postgres.rows.find((row) => row.name.startsWith(name)).ours;
/** What is done on a day, and the measured row of it. */
const REQUESTS = [
  ["sign-in, with a token", signInsOfDay, measured("sign-in")],
  ["token: `POST /tokens`", PEOPLE * ACTIVE * DAILY.token, measured("`POST /tokens`")],
  ["share: `POST /spaces`, `POST /shares`", sharesOfDay, combined("`POST /spaces`", "`POST /shares`, no streams")],
  ["card: `PUT /cards/{id}`", cardsOfDay, measured("`PUT /cards")],
  ["list: `GET /shares/incoming`", PEOPLE * ACTIVE * DAILY["list page"], measured("`GET /shares/incoming`")],
  ["read of a share: `POST /shares/query`", PEOPLE * ACTIVE * DAILY["share read"], measured("`POST /shares/query`")],
  ["read of its key: `POST /spaces/query`", PEOPLE * ACTIVE * DAILY["key read"], measured("`POST /spaces/query`")],
];

function combined(...names) {
  const rows = names.map(measured);
  return { cpu: sum(rows.map(({ cpu }) => cpu)), log: sum(rows.map(({ log }) => log)) };
}

/** The actions of the mix, in words. */
const ACTIONS = {
  Card: "a card",
  Share: "a share's content",
  Space: "its key",
  Cards: "a page of cards",
  Incoming: "a page of shares",
  Save: "a new card",
  Keep: "a new key",
  Give: "a new share",
  SignIn: "a sign-in",
};

/** Text in lines of the documents' width. */
function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (`${lines.at(-1)} ${word}`.length > 100) lines.push(word);
    else lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines;
}

const perSecond = (count) => (count / DAY_S) * PEAK;
const processors = sum(REQUESTS.map(([, count, { cpu }]) => (perSecond(count) * cpu) / 1000));
const logOfDay = sum(REQUESTS.map(([, count, { log }]) => count * log));

/** Bytes of memory for one open event stream of the Vault. */
const streamBytes = ((measured("`POST /shares`, 5,000").memory - measured("`POST /shares`, no").memory) * 2 ** 20) / 5000;
const streams = PEOPLE * ACTIVE * assumed.ONLINE;

/** Each block of the document, by its name. */
export const blocks = {
  mix: async () => {
    const [, mix] = /const MIX: [^=]*= \[([^]*?)\];/.exec(await readFile(new URL("../../benches/load/src/actions.rs", import.meta.url), "utf8"));
    const parts = [...mix.matchAll(/\((\d+), Action::(\w+)\)/g)].map(([, count, action]) => `${count} × ${ACTIONS[action]}`);
    return wrapped(`The mix has, of ${sum(parts.map((part) => parseInt(part, 10)))} things that people do, ${parts.join(", ")}.`);
  },
  machine: () =>
    wrapped(
      `${load.date}, commit ${load.commit}, ${load.machine}; beside it others used the machine (a load of ${short(load.before)} at the beginning and ${short(load.load)} at the end, over a quarter of ` +
        `an hour). ${load.people} people with cards and shares, ${whole(load.listeners)} more who only listen; ${load.workers} workers; of ${load.rounds} rounds of ` +
        `${load.seconds} seconds each the one with the highest rate, and the errors of all.`,
    ),
  load: () => tables(load).slice(0, -1),
  rows: () =>
    table(
      ["table", "rows measured", "bytes of a row", "of its indexes", "rows on paper", "GB"],
      all.map(({ service, name, count, own, indexes, bytes }) => [`${service === "vault" ? "Vault" : "Keystore"} \`${name}\``, whole(load.sizes[service][name].rows), whole(own), whole(indexes), `${short(count / 1e6)} M`, short(bytes / GB)]),
    ),
  volume: () =>
    table(
      ["", "Vault", "Keystore", "both"],
      [
        ["GB of tables and indexes", ...both((service) => bytesOfService(service) / GB)],
        [`hours to restore it at ${assumed.RESTORE_MB_S} MB/s`, ...both((service) => bytesOfService(service) / 1e6 / assumed.RESTORE_MB_S / 3600, Math.max)],
        [`databases of at most ${whole(assumed.NODE_GB)} GB`, ...both((service) => Math.ceil(bytesOfService(service) / GB / assumed.NODE_GB)).map(parseFloat)],
      ],
    ),
  day: () => [
    ...table(
      ["on a day", "million", "at peak, per s", "CPU ms each", "processors at peak", "log, bytes each", "log, GB"],
      [
        ...REQUESTS.map(([name, count, { cpu, log }]) => [name, short(count / 1e6), whole(perSecond(count)), short(cpu), short((perSecond(count) * cpu) / 1000), whole(log), short((count * log) / GB)]),
        ["all of these", short(sum(REQUESTS.map(([, count]) => count)) / 1e6), whole(sum(REQUESTS.map(([, count]) => perSecond(count)))), "", short(processors), "", short(logOfDay / GB)],
      ],
    ),
  ],
  streams: () => table(["event streams", "at once", "KiB of memory each", "GiB in all"], [["", whole(streams), short(streamBytes / 1024), short((streams * streamBytes) / 2 ** 30)]]),
  skew: () =>
    table(
      ["shards", "shares of a person", "most people", "most rows", "fewest rows", "largest person"],
      [1.2, 1.5, 2].flatMap((exponent) =>
        simulate({ people: PEOPLE, each: SHARES / PEOPLE, exponent, most: assumed.MOST_SHARES, counts: [32, 64, 128] }).map(({ count, people, rows, least, largest }) => [
          count,
          `power law ${exponent}, at most ${whole(assumed.MOST_SHARES)}`,
          percent(people - 1),
          percent(rows - 1),
          percent(least - 1),
          `${(100 * largest).toFixed(2)} %`,
        ]),
      ),
    ),
  cost: () => {
    const disk = ((bytesOfService("vault") + bytesOfService("keystore")) / GB / assumed.FILLED) * assumed.COPIES;
    const cores = Math.ceil(processors / assumed.FILLED) * assumed.COPIES;
    const backups = (bytesOfService("vault") + bytesOfService("keystore")) / GB * assumed.BACKUP_COPIES + 30 * (logOfDay / GB);
    const [core, gigabyte, object] = Object.values(assumed.PRICES);
    const rows = [
      [`GB of disk (${assumed.COPIES} copies, ${100 * assumed.FILLED} % full)`, disk, gigabyte],
      [`processors with 4 GiB (${assumed.COPIES} copies, ${100 * assumed.FILLED} % busy at peak)`, cores, core],
      ["GB of backups and log in the object store", backups, object],
    ];
    const total = sum(rows.map(([, count, price]) => count * price));
    return table(["", "how many", "€ each", "€ a month"], [...rows.map(([name, count, price]) => [name, whole(count), price.toFixed(2), whole(count * price)]), ["all", "", "", whole(total)], ["for each person in a year", "", "", `${((12 * total) / PEOPLE).toFixed(3)}`]]);
  },
  assumptions: () =>
    words(
      ["what", "assumed"],
      [
        ["people; shares in force", `${PEOPLE / 1e6} million; ${whole(SHARES / 1e6)} million, in ${YEARS} years`],
        ["cards and connections of a person", `${CARDS}; ${CONNECTIONS}`],
        ["people who come on a day", `${100 * ACTIVE} %`],
        ["each of them, on that day", Object.entries(DAILY).map(([name, count]) => `${name} ${count}`).join(", ")],
        ["of them online at once, with a stream", `${100 * assumed.ONLINE} %`],
        ["peak", `${PEAK} × the mean of the day`],
        ["prices", Object.entries(assumed.PRICES).map(([name, price]) => `${name} ${price} €`).join(", ")],
      ],
    ),
  tables: async () => {
    const rows = [];
    for (const [service, plan] of Object.entries(PLAN)) {
      const found = await statements(service);
      for (const [name, { by, scope, change = "" }] of Object.entries(plan)) {
        const about = found.filter(({ tables: [first] }) => first === name);
        const count = (kind) => about.filter((statement) => statement.by === kind).length || "";
        rows.push([`${service === "vault" ? "Vault" : "Keystore"} \`${name}\``, `\`${by.replace(", ", "`, `")}\``, scope, about.length, count("account"), count("id"), count("age"), change]);
      }
    }
    const lines = table(["table", "distributed by", "a shard has those of its", "statements", "name an account", "name another key", "by age or mark", "what changes"], rows);
    return [lines[0], "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |", ...lines.slice(2)];
  },
  exceptions: async () => {
    const rows = new Map();
    for (const service of Object.keys(PLAN)) {
      for (const { file, text, tables: [first], by } of await statements(service)) {
        if (by !== "id") continue;
        const what = `${service === "vault" ? "Vault" : "Keystore"} \`${first}\`, by \`${keyOf(text)}\``;
        rows.set(what, new Set([...(rows.get(what) ?? []), file]));
      }
    }
    return words(["statements that name no account", "where"], [...rows].sort(([one], [other]) => (one < other ? -1 : 1)).map(([what, files]) => [what, [...files].map((file) => `\`${file}\``).join(", ")]));
  },
};

function both(of, join = (one, other) => one + other) {
  const [one, other] = [of("vault"), of("keystore")];
  return [one, other, join(one, other)].map(short);
}

const percent = (part) => `${part >= 0 ? "+" : "−"}${Math.abs(100 * part).toFixed(1)} %`;

/** The document with these blocks in the places that are marked for them. */
export function withBlocks(text, made) {
  return text.replace(/(<!-- figures: (\w+) -->\n)[^]*?(<!-- end -->)/g, (_, before, name, after) => `${before}\n${made[name].join("\n")}\n\n${after}`);
}

/** All blocks, as lines. */
export async function make() {
  const made = {};
  for (const [name, lines] of Object.entries(blocks)) made[name] = await lines();
  return made;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const made = await make();
  if (process.argv.includes("--write")) await writeFile(document, withBlocks(await readFile(document, "utf8"), made));
  else for (const [name, lines] of Object.entries(made)) console.log(`${name}:\n\n${lines.join("\n")}\n`);
}
