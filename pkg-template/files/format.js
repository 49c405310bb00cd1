/**
 * The bytes of an encrypted file: those of Tink's Streaming AEAD, AES256_GCM_HKDF_1MB. A header of its own length, a salt and the
 * beginning of the nonces; then segments, each encrypted by itself and bound to its place. Sizes go beyond 32 bits, so no operator
 * here has fewer.
 */

import { VouchsafeError } from "../errors.js";
import { builtin } from "../node.js";
import { breathe } from "./breath.js";
import { joined } from "./bytes.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * A segment of a file: its place, and its plaintext from one byte up to another.
 *
 * @typedef {{ index: number, start: number, end: number, last: boolean }} Segment
 */

/** The bytes of a segment of ciphertext; the last one may have fewer, and the header counts to the first. */
export const SEGMENT = 2 ** 20;
/** The most bytes of a file. */
export const MAX_SIZE = 5 * 2 ** 30;

const SALT = 32;
const PREFIX = 7;
const HEADER = 1 + SALT + PREFIX;
const TAG = 16;
const FIRST = SEGMENT - HEADER - TAG;
const LATER = SEGMENT - TAG;
const LEAST = 4096;

/**
 * The size to which zero bytes fill up a file before it is encrypted (Padmé), so that its own is known only roughly.
 *
 * @param {number} size
 */
export function filled(size) {
  const bits = (/** @type {number} */ value) => value.toString(2).length;
  const least = Math.max(size, LEAST);
  const exponent = bits(least) - 1;
  const step = 2 ** (exponent - bits(exponent));
  return Math.ceil(least / step) * step;
}

/**
 * The number of segments of so many bytes of plaintext.
 *
 * @param {number} total
 */
export function countOf(total) {
  return 1 + Math.ceil(Math.max(total - FIRST, 0) / LATER);
}

/**
 * The segment that has this byte of the plaintext.
 *
 * @param {number} offset
 */
export function indexOf(offset) {
  return countOf(offset + 1) - 1;
}

/**
 * @param {number} index
 * @param {number} total The bytes of all of the plaintext; `Infinity` while that is not known.
 * @returns {Segment}
 */
export function segmentAt(index, total) {
  const end = FIRST + index * LATER;
  return { index, start: Math.max(end - LATER, 0), end: Math.min(end, total), last: end >= total };
}

/**
 * The place of a segment in the ciphertext.
 *
 * @param {Segment} segment
 */
export function sealedRange({ index, start, end }) {
  const first = index * SEGMENT;
  return { start: first, end: first + (index === 0 ? HEADER : 0) + (end - start) + TAG };
}

/** The header of a new file. */
export function newHeader() {
  const header = crypto.getRandomValues(new Uint8Array(HEADER));
  header[0] = HEADER;
  return header;
}

/** The platform's cryptography. Browsers have it on secure pages only. */
export function subtle() {
  // Where pages are tested, that of Node.js may be hidden.
  const found = globalThis.crypto?.subtle ?? /** @type {any} */ (builtin("node:crypto"))?.webcrypto.subtle;
  if (found) return found;
  throw new VouchsafeError("insecure_context", "The browser encrypts files on secure pages only: open this page over https or on localhost.");
}

/**
 * @param {Bytes} bytes
 * @returns {Promise<Bytes>}
 */
export async function sha256(bytes) {
  return new Uint8Array(await subtle().digest("SHA-256", bytes));
}

/** Encrypts or decrypts the segments of one file. */
export class Cipher {
  #key;
  #header;

  /**
   * @param {CryptoKey} key
   * @param {Bytes} header
   */
  constructor(key, header) {
    this.#key = key;
    this.#header = header;
  }

  /**
   * @param {Bytes} key Of 32 bytes.
   * @param {Bytes} header
   * @param {string} id
   * @param {"encrypt" | "decrypt"} usage
   */
  static async of(key, header, id, usage) {
    const secret = await subtle().importKey("raw", key, "HKDF", false, ["deriveKey"]);
    const info = new TextEncoder().encode(`vouchsafe/1 file ${id}`);
    const derivation = { name: "HKDF", hash: "SHA-256", salt: header.subarray(1, 1 + SALT), info };
    const derived = await subtle().deriveKey(derivation, secret, { name: "AES-GCM", length: 256 }, false, [usage]);
    return new Cipher(derived, header);
  }

  /** @param {Segment} segment */
  #algorithm({ index, last }) {
    const iv = new Uint8Array(12);
    iv.set(this.#header.subarray(1 + SALT));
    new DataView(iv.buffer).setUint32(PREFIX, index);
    iv[11] = Number(last);
    return { name: "AES-GCM", iv };
  }

  /**
   * Encrypts a segment. Never call it with other bytes of the same segment.
   *
   * @param {Segment} segment
   * @param {Bytes} plaintext
   * @returns {Promise<Bytes>}
   */
  async seal(segment, plaintext) {
    const sealed = new Uint8Array(await subtle().encrypt(this.#algorithm(segment), this.#key, plaintext));
    await breathe();
    return segment.index === 0 ? joined([this.#header, sealed]) : sealed;
  }

  /**
   * Decrypts a segment; rejects if it is another one.
   *
   * @param {Segment} segment
   * @param {Bytes} sealed
   * @returns {Promise<Bytes>}
   */
  async open(segment, sealed) {
    const ciphertext = segment.index === 0 ? sealed.subarray(HEADER) : sealed;
    const plaintext = new Uint8Array(await subtle().decrypt(this.#algorithm(segment), this.#key, ciphertext));
    await breathe();
    return plaintext;
  }

  /**
   * The header that the first segment begins with.
   *
   * @param {Bytes} sealed
   * @returns {Bytes | undefined}
   */
  static headerOf(sealed) {
    return sealed[0] === HEADER ? sealed.slice(0, HEADER) : undefined;
  }
}
