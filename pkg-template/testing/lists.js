/** The stand-in's lists. */

import { fail } from "./errors.js";

/** @typedef {import("./errors.js").Failure} Failure */
/** @typedef {{ cursor?: string, limit?: number }} PageOptions */

/**
 * A page of records, newest first, each opened or with the reason why not.
 *
 * @template {{ id: string, order: number }} R
 * @template T
 * @param {PageOptions} options
 * @param {Iterable<R>} records
 * @param {(record: R) => T} open
 * @param {(done: number, total: number) => void} [tell] Hears how far it is.
 */
export function pageOf({ cursor, limit = 50 }, records, open, tell = () => {}) {
  if (limit < 1 || limit > 200) fail("bad_input", "A page has 1 to 200 records.", "limit");
  if (cursor !== undefined && !/^\d+$/.test(cursor)) {
    fail("bad_input", "This cursor is not one of a list: start from the first page.", "cursor");
  }
  const before = cursor === undefined ? Infinity : Number(cursor);
  const all = [...records].sort((one, other) => other.order - one.order).filter((record) => record.order < before);
  const found = all.slice(0, limit);
  tell(0, found.length);
  const items = found.map((record, index) => {
    const { value, error } = attempt(() => open(record));
    tell(index + 1, found.length);
    return error ? { id: record.id, error } : value;
  });
  return { items, next: all.length > limit ? String(found.at(-1)?.order) : null };
}

/**
 * @template T
 * @param {() => T} work
 * @returns {{ value?: T, error: Failure | null }}
 */
export function attempt(work) {
  try {
    return { value: work(), error: null };
  } catch (error) {
    return { error: /** @type {Failure} */ (error) };
  }
}
