/** Everything of an account as JSON lines, and the way back for its cards. */

import { refuse } from "./checks.js";
import { VouchsafeError, isVouchsafeError, toError } from "./errors.js";
import { kindOf, own } from "./own.js";

/** @typedef {import("./index.d.ts").CallOptions} CallOptions */
/** @typedef {import("./index.d.ts").ExportSource} ExportSource */
/** @typedef {import("./index.d.ts").ImportResult} ImportResult */
/** @typedef {import("./index.d.ts").PageOptions} PageOptions */
/** @typedef {import("./session.js").Session} Session */

const FORMAT = 1;
/** The most records that a list or a read gives at once. */
const MAX_PAGE = 200;
const MAX_READ = 50;

/** @param {object} record */
const toLine = (record) => `${JSON.stringify(record)}\n`;

/**
 * The records of a list, page by page.
 *
 * @template T
 * @param {(options: PageOptions) => Promise<{ items: T[], next: string | null }>} list
 * @param {number} limit
 */
async function* pages(list, limit = MAX_PAGE) {
  /** @type {string | null | undefined} */
  let cursor;
  do {
    const { items, next } = await list({ cursor: cursor ?? undefined, limit });
    yield items;
    cursor = next;
  } while (cursor);
}

/** @param {{ error?: unknown }} record */
function plain(record) {
  const { error, ...rest } = record;
  if (!error) return rest;
  const { code, message } = /** @type {VouchsafeError} */ (error);
  return { ...rest, error: { code, message } };
}

/**
 * @param {Session} session
 * @param {CallOptions} [options]
 */
export async function* exportLines(session, options) {
  const { signal } = own(options ?? {});
  const { account, email } = session;
  yield toLine({ type: "account", format: FORMAT, account, email, exportedAt: Date.now() });
  for (const [type, list] of /** @type {const} */ ([
    ["card", "cards"],
    ["connection", "connections"],
    ["invitation", "invitations"],
    ["sentShare", "outgoingShares"],
    ["link", "linkShares"],
  ])) {
    for await (const items of pages((page) => session[list]({ ...page, signal }))) {
      for (const item of items) yield toLine({ type, ...plain(item) });
    }
  }
  for await (const items of pages((page) => session.incomingShares({ ...page, signal }), MAX_READ)) {
    if (items.length === 0) continue;
    for (const { id, received, error } of await session.readShares(items.map((share) => share.id), { signal })) {
      yield toLine({ type: "receivedShare", id, ...(received ?? plain({ error })) });
    }
  }
}

/**
 * The pieces of a source, whatever it is.
 *
 * @param {ExportSource} source
 * @returns {AsyncGenerator<string>}
 */
async function* pieces(source) {
  const given = /** @type {any} */ (source);
  if (typeof given === "string") yield given;
  else if (/^(Blob|File|ReadableStream|Uint8Array|ArrayBuffer)$/.test(kindOf(given))) yield await new Response(given).text();
  else if (given?.[Symbol.asyncIterator] || given?.[Symbol.iterator]) yield* given;
  else wrong();
}

const wrong = () => refuse("Pass what `exportAccount()` gave.", "source");

/** @param {ExportSource} source */
async function* lines(source) {
  let rest = "";
  for await (const piece of pieces(source)) {
    if (typeof piece !== "string") wrong();
    const whole = (rest + piece).split("\n");
    rest = whole.pop() ?? "";
    yield* whole;
  }
  yield rest;
}

/**
 * Takes the cards of an export. One that fails does not stop the others, but a service that is away does.
 *
 * @param {ExportSource} source
 * @param {(id: unknown, content: any) => Promise<{ outcome: "made" | "kept", isWhole: boolean }>} take
 * @returns {Promise<ImportResult>}
 */
export async function importLines(source, take) {
  /** @type {ImportResult} */
  const result = { made: 0, kept: 0, withoutFiles: [], failed: [] };
  let line = 0;
  for await (const text of lines(source)) {
    line += 1;
    // A byte order mark at the beginning is white space, too.
    const record = text.trim();
    if (record === "") continue;
    try {
      const { type, format, error, id, version, createdAt, updatedAt, shares, ...content } = own(parse(record));
      if (type === "account" && format !== FORMAT) throw new VouchsafeError("update_needed", "A later version of this package wrote this export.");
      if (type !== "card") continue;
      if (error) throw toError(error);
      const { outcome, isWhole } = await take(id, content);
      result[outcome] += 1;
      if (!isWhole) result.withoutFiles.push(line);
    } catch (error) {
      if (!isVouchsafeError(error) || ENDING.includes(error.code)) throw error;
      result.failed.push({ line, error: /** @type {any} */ (error) });
    }
  }
  return result;
}

/** Errors that the next card would have, too. */
const ENDING = ["aborted", "locked", "offline", "quota_exceeded", "rate_limited", "server_error", "session_expired", "update_needed"];

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function parse(text) {
  try {
    const record = JSON.parse(text);
    if (kindOf(record) === "Object") return record;
  } catch {}
  return refuse("This line is none of an export.", "source");
}

/**
 * The id that a card gets where this one is used up.
 *
 * @param {string} id
 */
export async function nextId(id) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`import ${id}`)));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${id.slice(0, 14)}7${hex.slice(0, 3)}-a${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}
