/** What calls of a session give, as apps get it. */

import { withError } from "./errors.js";
import { own } from "./own.js";

/** @typedef {import("./index.d.ts").FileRef} FileRef */

/** The records of a page, unless the app says how many. */
const USUAL = 50;

/**
 * Services end a page before its ciphertexts become too many bytes.
 *
 * @template {{ items: unknown[], next: string | null }} P
 * @param {P} found
 * @param {{ limit?: number | undefined }} [options]
 * @returns {P & { cut: boolean }}
 */
export function page(found, { limit = USUAL } = {}) {
  return { ...found, items: found.items.map(withError), cut: found.next !== null && found.items.length < limit };
}

/**
 * The card with its data as the app gave it, and its files, also if there are none. The module has checked that it is JSON.
 *
 * @template {{ data: string | null, files?: FileRef[] }} C
 * @param {C} card
 * @returns {Omit<C, "data" | "files"> & { data: import("./index.d.ts").Json, files: FileRef[] }}
 */
export function withData(card) {
  return { ...card, data: JSON.parse(card.data ?? "null"), files: own(card).files ?? [] };
}

/**
 * @template {{ card: { data: string | null, files?: FileRef[] } }} R
 * @param {R} received
 */
export function withCard(received) {
  return { ...received, card: withData(received.card) };
}
