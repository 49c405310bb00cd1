// The table of limits in the package's README says what the sources say.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

const UNITS = { SECOND: 1000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

/** The value of an expression of Rust or JavaScript that consists of numbers, units of time, and operators. */
function valueOf(expression) {
  const plain = expression.replaceAll("_", "").replace(/\b(SECOND|MINUTE|HOUR|DAY)\b/g, (unit) => UNITS[unit]);
  assert.match(plain, /^[\d\s*<()+-]+$/, expression);
  return Number(new Function(`return ${plain}`)());
}

/** Finds values in a file: what each group of the pattern holds. */
async function find(path, pattern) {
  const found = pattern.exec(await read(path));
  assert.ok(found, `${path} has no ${pattern}`);
  return found.slice(1).map(valueOf);
}

/** A constant of a file of the client or the server. */
const constant = async (path, name) => (await find(path, new RegExp(`\\bconst ${name}\\b[^=]*= ([^;]+);`)))[0];

const days = (time) => `${time / UNITS.DAY} day${time === UNITS.DAY ? "" : "s"}`;
const size = (bytes) => (bytes >= 1 << 30 ? `${bytes / (1 << 30)} GiB` : bytes >= 1 << 20 ? `${bytes / (1 << 20)} MiB` : `${bytes / 1024} KiB`);

const CARD = "src/crypto/records/card.rs";
const FILE = "src/crypto/records/file.rs";
const quota = (name) => find("server/src/quotas.rs", new RegExp(`impl Default for Quotas[^]*?\\b${name}: ([^,]+),`));
const count = async (name) => String((await quota(name))[0]);
const mails = (kind, whom) => find("server/src/vault/mail_limits.rs", new RegExp(`const ${kind}: MailRates[^]*?${whom}: rate\\("[^"]+", (\\d+), (\\w+)\\)`));
const streams = (array) => find("server/src/http/limits.rs", new RegExp(`${array}: \\[(\\d+),`));
const kept = () => find("pkg-template/storage.js", /const DAY = ([^;]+);[^]*?const KEPT = \{ tab: DAY, browser: (\d+) \* DAY \}/);

/** The rows of the table, by what they are about: the limit as the sources have it. */
const LIMITS = {
  "a card's label": async () => `1 to ${await constant(CARD, "MAX_LABEL_BYTES")} bytes`,
  "a card's `kind`": async () => `1 to ${await constant(CARD, "MAX_KIND_BYTES")} bytes`,
  "a card's `data`, as JSON": async () => size(await constant(CARD, "MAX_DATA_BYTES")),
  "a field's name": async () => `1 to ${await constant(CARD, "MAX_NAME_BYTES")} bytes`,
  "a field's label": async () => `at most ${await constant(CARD, "MAX_LABEL_BYTES")} bytes`,
  "fields of a card": async () => String(await constant(CARD, "MAX_FIELDS")),
  "a card with all its fields, as JSON": async () => size(await constant(CARD, "MAX_CLASS_BYTES")),
  "files of a card": async () => {
    const most = await constant(CARD, "MAX_FILES");
    assert.equal(most, await constant("server/src/http/sizes.rs", "MAX_FILES"));
    return String(most);
  },
  "a file": async () => {
    const most = await constant(FILE, "MAX_BYTES");
    assert.equal(most, await constant("pkg-template/files/format.js", "MAX_SIZE"));
    return size(most);
  },
  "a file's name": async () => `1 to ${await constant(FILE, "MAX_NAME_BYTES")} bytes`,
  "a file's media type": async () => `1 to ${await constant(FILE, "MAX_TYPE_BYTES")} bytes`,
  "a name for somebody": async () => `1 to ${await constant("src/flows/checks.rs", "MAX_NAME_BYTES")} bytes`,
  "an email address": async () => `${await constant("src/flows/checks.rs", "MAX_EMAIL_BYTES")} bytes`,
  "a new passphrase": async () => {
    const of = (name) => constant("src/flows/account/passphrase.rs", name);
    return `${await of("MIN_NEW_PASSPHRASE_CHARS")} characters to ${await of("MAX_PASSPHRASE_BYTES")} bytes`;
  },
  "an identity token": async () => size(await constant("src/flows/session/login.rs", "MAX_IDENTITY_TOKEN_BYTES")),
  "records of a page": async () => {
    const [usual, least, most] = await find("src/api/bodies.rs", /limit\.unwrap_or\((\d+)\);\s+if !\((\d+)\.\.=(\d+)\)/);
    return `${least} to ${most}, ${usual} by default`;
  },
  "people of one `shareWithMany()`": async () => `1 to ${await constant("src/flows/shares/share.rs", "MAX_RECIPIENTS")}`,
  "shares of one `readShares()`": async () => `1 to ${await constant("src/flows/shares/read_share.rs", "MAX_SHARES")}`,
  "the time of one request, `timeout`": async () => {
    const [usual, least, most] = await find("src/api/retry.rs", /DEFAULT_TIMEOUT_MS: u32 = ([\d_]+);[^]*?= ([\d_]+)\.\.=([\d_]+);/);
    return `${least / UNITS.SECOND} second to ${most / UNITS.MINUTE} minutes, ${usual / UNITS.SECOND} seconds by default`;
  },
  "the time of an invitation": async () => {
    const most = await constant("server/src/http/extract.rs", "MAX_OPEN_MS");
    const usual = await constant("src/flows/connections/invite.rs", "DEFAULT_LIFETIME_MS");
    return `${days(most)}, ${usual / UNITS.DAY} by default`;
  },
  "the time of a share": async () => "none, unless you give `expiresAt`",
  "the time of a link": async () => {
    const most = await constant("src/flows/checks.rs", "MAX_OPEN_MS");
    assert.equal(most, await constant("server/src/http/extract.rs", "MAX_OPEN_MS"));
    assert.equal(most, await constant("pkg-template/testing/text.js", "MAX_OPEN"));
    return days(most);
  },
  "wrong passphrases of a link": async () => {
    const most = await constant("server/src/vault/links.rs", "MAX_WRONG");
    assert.equal(most, await constant("pkg-template/testing/links.js", "MAX_WRONG"));
    return String(most);
  },
  "the time of a session": async () => days(await constant("server/src/keystore/sessions.rs", "SESSION_LIFETIME_MS")),
  "a kept session that is not used": async () => {
    const [tab, browser] = await kept();
    return `${days(tab)} of a tab, ${browser} days of a browser`;
  },
  "a code for an address": async () => {
    const of = (name) => constant("server/src/vault/email.rs", name);
    return `${(await of("CODE_LIFETIME_MS")) / UNITS.HOUR} hour, ${await of("MAX_TRIES")} tries`;
  },
  "events for somebody who was away": async () => days(await constant("server/src/vault/sweep.rs", "EVENTS_KEPT_MS")),
  "event streams of an account": async () => String(await constant("server/src/vault/streams.rs", "MAX_STREAMS_PER_ACCOUNT")),
  "sign-ins, sign-ups and recoveries of an account, from one network address": async () => `${await streams("login")} in 5 minutes`,
  "the same of all accounts, from one network address": async () => `${await streams("network")} in 5 minutes`,
  "wrong invitation tokens of an account": async () => {
    const [most, time] = await find("server/src/http/limits.rs", /const WRONG_TOKEN[^]*?count: (\d+),\s+window_ms: ([^,]+),/);
    return `${most} in ${time / UNITS.MINUTE} minutes`;
  },
  "invitations that an account has mailed": async () => {
    const [[account, hour], [mailbox, day]] = [await mails("INVITATIONS", "account"), await mails("INVITATIONS", "mailbox")];
    assert.deepEqual([hour, day], [UNITS.HOUR, UNITS.DAY]);
    return `${account} in an hour, ${mailbox} in a day to one mailbox`;
  },
  "codes that an account has mailed": async () => `${(await mails("CODES", "account"))[0]} in an hour`,
  "requests of an account, to each service": async () => `${await count("requests_per_minute")} in a minute`,
  "`bytes`: ciphertexts of cards and of sent shares": async () => size((await quota("bytes"))[0]),
  "`cards`": () => count("cards"),
  "`shares`: sent, and in force": () => count("shares"),
  "`shares_per_connection`": () => count("shares_per_connection"),
  "`invitations` that are pending": () => count("invitations"),
  "`connections` that are active": () => count("connections"),
  "`connection_keys`, those of ended connections too": () => count("connection_keys"),
  "`spaces`: keys of shares": () => count("spaces"),
  "`file_bytes`: ciphertexts of files": async () => size((await quota("file_bytes"))[0]),
  "`files`": () => count("files"),
  "`uploads` that are not finished": () => count("uploads"),
};

test("each row of the table of limits is what the sources say", async () => {
  const section = (await read("pkg-template/README.md")).split("\n## Limits\n")[1].split("\n## ")[0];
  const [, , ...rows] = section.split("\n").filter((line) => line.startsWith("|"));
  const table = rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(table.map(([what]) => what), Object.keys(LIMITS));
  for (const [what, limit, beyond] of table) {
    assert.equal(limit, await LIMITS[what](), what);
    assert.ok(beyond);
  }
  const quotas = /export type Quota =([^;]+);/.exec(await read("pkg-template/index.d.ts"))[1];
  for (const [, name] of quotas.matchAll(/"(\w+)"/g)) {
    const row = table.find(([what]) => what.startsWith(`\`${name}\``));
    assert.equal(row?.[2], "`quota_exceeded`", name);
  }
});

test("the stand-in for tests of apps has the client's limits", async () => {
  for (const [name, path, there] of [
    ["MAX_NAME_BYTES", CARD],
    ["MAX_NAME_BYTES", "src/flows/checks.rs"],
    ["MAX_LABEL_BYTES", CARD],
    ["MAX_FIELDS", CARD],
    ["MAX_KIND_BYTES", CARD],
    ["MAX_DATA_BYTES", CARD],
    ["MAX_CARD_BYTES", CARD, "MAX_CLASS_BYTES"],
    ["MAX_FILES", CARD],
    ["MAX_FILE_BYTES", FILE, "MAX_BYTES"],
    ["MAX_FILE_NAME_BYTES", FILE, "MAX_NAME_BYTES"],
    ["MAX_TYPE_BYTES", FILE],
    ["MAX_EMAIL_BYTES", "src/flows/checks.rs"],
    ["MAX_TIME", "src/flows/checks.rs", "MAX_TIME_MS"],
    ["MAX_PASSPHRASE_BYTES", "src/flows/account/passphrase.rs"],
    ["MIN_PASSPHRASE_CHARACTERS", "src/flows/account/passphrase.rs", "MIN_NEW_PASSPHRASE_CHARS"],
  ]) {
    assert.equal(await constant("pkg-template/testing/text.js", name), await constant(path, there ?? name), name);
  }
  assert.equal(await constant("pkg-template/testing/shares.js", "MAX_RECIPIENTS"), await constant("src/flows/shares/share.rs", "MAX_RECIPIENTS"));
  assert.equal(await constant("pkg-template/testing/session.js", "MAX_READ"), await constant("src/flows/shares/read_share.rs", "MAX_SHARES"));
});
