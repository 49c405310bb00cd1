/** The Vault's routes for files. It has no more of them than ciphertext, in parts that are whole segments. */

import { isVouchsafeError } from "../errors.js";
import { toText } from "./bytes.js";
import { DIGEST, rejected } from "./digest.js";
import { TIMEOUT, ask, json, octets, strange } from "./requests.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./requests.js").Access} Access */
/** @typedef {{ start: number, end: number }} Range The bytes from one up to another. */

const OCTETS = "application/octet-stream";
/** The times of another request that a part may take, on a slow line. */
const OF_PARTS = 6;
/** The most bytes of a list of ranges: every second one of the parts. */
const MAX_RANGES = 2 ** 19;

/** @param {string} id */
const path = (id, rest = "") => `/files/${id}${rest}`;
/** @param {object} value */
const body = (value) => ({ headers: { "content-type": "application/json" }, body: JSON.stringify(value) });
const nothing = () => {};
/** @param {string} id */
const isOf = (id) => async (/** @type {Response} */ response) => {
  if ((await json(response)).id !== id) throw strange(response);
};

/**
 * Begins an upload. One that has begun stays as it is.
 *
 * @param {Access} access
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export function create(access, id, signal) {
  return ask(access, "/files", { method: "POST", ...body({ id }), statuses: [200, 201], signal, read: isOf(id) });
}

/**
 * Stores a part. The same bytes may come again.
 *
 * @param {Access} access
 * @param {string} id
 * @param {Range} range
 * @param {Blob | Bytes} part
 * @param {AbortSignal} signal
 */
export function put(access, id, { start, end }, part, signal) {
  const headers = { "content-type": OCTETS, "content-range": `bytes ${start}-${end - 1}/*` };
  const timeout = OF_PARTS * (access.timeout ?? TIMEOUT);
  return ask(access, path(id), { method: "PUT", headers, body: part, statuses: [204], timeout, signal, read: nothing });
}

/**
 * Asks which parts are there. Gives the function that tells it of one.
 *
 * @param {Access} access
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<(range: Range) => boolean>}
 */
export async function stored(access, id, signal) {
  const read = async (/** @type {Response} */ response) => {
    const { ranges } = await json(response, MAX_RANGES);
    const isRange = (/** @type {any} */ range) => Number.isSafeInteger(range?.first) && Number.isSafeInteger(range?.last);
    return Array.isArray(ranges) && ranges.every(isRange) ? ranges : Promise.reject(strange(response));
  };
  const ranges = await ask(access, path(id, "/parts"), { signal, read });
  return ({ start, end }) => ranges.some(({ first, last }) => first <= start && end - 1 <= last);
}

/**
 * Ends an upload: from now on it is a file of these segments.
 *
 * @param {Access} access
 * @param {string} id
 * @param {number} size
 * @param {Bytes} digests
 * @param {AbortSignal} [signal]
 */
export function finish(access, id, size, digests, signal) {
  const request = body({ size, digests: toText(digests) });
  return ask(access, path(id, "/finish"), { method: "POST", ...request, signal, read: isOf(id) });
}

/**
 * Reads the SHA-256s of a file's segments; nothing, if there are more.
 *
 * @param {Access} access
 * @param {string} id
 * @param {number} count
 * @param {AbortSignal} [signal]
 */
export function digests(access, id, count, signal) {
  return ask(access, path(id, "/digests"), { type: OCTETS, signal, read: (response) => octets(response, DIGEST * count) });
}

/**
 * Begins to read a part of a file's ciphertext.
 *
 * @param {Access} access
 * @param {string} id
 * @param {Range} range
 * @param {number} size The bytes that all of it has.
 * @param {AbortSignal} signal
 */
export async function open(access, id, { start, end }, size, signal) {
  const read = (/** @type {Response} */ { headers, body: stream }) => {
    // Another origin may hide it.
    const range = headers.get("content-range") ?? `bytes ${start}-${end - 1}/${size}`;
    if (!stream || range !== `bytes ${start}-${end - 1}/${size}`) throw rejected();
    return stream;
  };
  try {
    return await ask(access, path(id), { headers: { range: `bytes=${start}-${end - 1}` }, statuses: [206], type: OCTETS, signal, read });
  } catch (error) {
    // It has no such bytes.
    throw isVouchsafeError(error, "bad_input") ? rejected() : error;
  }
}

/**
 * Erases an upload, or a file that nothing lists.
 *
 * @param {Access} access
 * @param {string} id
 */
export function remove(access, id) {
  return ask(access, path(id), { method: "DELETE", statuses: [204], read: nothing });
}
