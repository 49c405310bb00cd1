/**
 * The digest of a file: the SHA-256 of the SHA-256s of its segments of ciphertext. Everybody who may read a file has its key, so the
 * key alone proves nothing; the digest comes from the file's owner, as its size does.
 */

import { VouchsafeError } from "../errors.js";
import { areEqual } from "./bytes.js";
import { sha256 } from "./format.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/** The bytes of one. */
export const DIGEST = 32;

/**
 * The SHA-256s of segments, one behind another.
 */
export class Digests {
  /** @type {Bytes} */
  #list;

  /** @param {Bytes} list */
  constructor(list) {
    this.#list = list;
  }

  /**
   * Those of a file, if they are its own.
   *
   * @param {Bytes | undefined} list
   * @param {number} count The number of segments.
   * @param {Bytes} digest
   */
  static async check(list, count, digest) {
    if (list?.length !== count * DIGEST || !areEqual(await sha256(list), digest)) throw rejected();
    return new Digests(list);
  }

  /**
   * Rejects if a segment is another one.
   *
   * @param {number} index
   * @param {Bytes} sealed
   */
  async hold(index, sealed) {
    const expected = this.#list.subarray(index * DIGEST, (index + 1) * DIGEST);
    if (!areEqual(await sha256(sealed), expected)) throw rejected();
  }
}

/** The error of bytes that are not the file's. It does not tell which check failed. */
export function rejected() {
  return new VouchsafeError("record_rejected", "This file is damaged, forged, or another one: it was not opened.");
}
