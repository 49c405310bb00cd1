/** Ciphertext of a file as it comes, from one segment to another: a connection that breaks is made again where it broke. */

import { isVouchsafeError } from "../errors.js";
import { clearTimeout, setTimeout } from "../timers.js";
import { rejected } from "./digest.js";
import { SEGMENT, countOf, sealedRange, segmentAt } from "./format.js";
import { TIMEOUT, aborted, offline, pause } from "./requests.js";
import { open } from "./vault.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./format.js").Segment} Segment */
/** @typedef {import("./requests.js").Access} Access */

/** The most connections in a row that bring no segment. */
const MOST = 5;
/** The longest wait before the second of them, in milliseconds; before each further one it doubles. */
const FIRST_WAIT = 200;

/**
 * Reads the segments from `first` to `last`, none of them checked. The bytes of one are overwritten by those of the next but one.
 *
 * @param {Access} access
 * @param {{ id: string, total: number }} file Its id, and the bytes of its plaintext with the fill.
 * @param {number} first
 * @param {number} last
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ segment: Segment, sealed: Bytes }, void, undefined>}
 */
export async function* sealedSegments(access, { id, total }, first, last, signal) {
  const size = sealedRange(segmentAt(countOf(total) - 1, total)).end;
  const { end } = sealedRange(segmentAt(last, total));
  const rooms = [0, 1].map(() => new Uint8Array(Math.min(SEGMENT, end)));
  /** @type {Body | undefined} */
  let body;
  let cuts = 0;
  try {
    for (let index = first; index <= last; ) {
      const segment = segmentAt(index, total);
      const range = sealedRange(segment);
      body ??= new Body(await open(access, id, { start: range.start, end }, size, signal), access.timeout ?? TIMEOUT, signal);
      try {
        const sealed = rooms[index % 2].subarray(0, range.end - range.start);
        await body.fill(sealed);
        if (index === last) await body.isOver();
        cuts = 0;
        index += 1;
        yield { segment, sealed };
      } catch (error) {
        body.close();
        body = undefined;
        if (isVouchsafeError(error)) throw error;
        cuts += 1;
        if (cuts >= MOST) throw offline(error);
        await pause(Math.random() * FIRST_WAIT * 2 ** cuts, signal);
      }
    }
  } finally {
    body?.close();
  }
}

/** The body of one answer. */
class Body {
  #reader;
  #patience;
  #signal;
  /** @type {Bytes} */
  #rest = new Uint8Array();

  /**
   * @param {ReadableStreamDefaultReader<Bytes>} reader
   * @param {number} patience Milliseconds after which a body that brings nothing counts as broken.
   * @param {AbortSignal} signal
   */
  constructor(reader, patience, signal) {
    this.#reader = reader;
    this.#patience = patience;
    this.#signal = signal;
    signal.addEventListener("abort", this.close);
  }

  close = () => {
    this.#signal.removeEventListener("abort", this.close);
    this.#reader.cancel().catch(() => {});
  };

  /**
   * Reads the next bytes; rejects if there are fewer.
   *
   * @param {Bytes} whole
   */
  async fill(whole) {
    for (let at = 0; at < whole.length; ) {
      if (this.#rest.length === 0) this.#rest = (await this.#read()) ?? missing();
      const piece = this.#rest.subarray(0, whole.length - at);
      whole.set(piece, at);
      at += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
  }

  /** Rejects if there are more bytes. */
  async isOver() {
    if (this.#rest.length > 0 || (await this.#read())) missing();
  }

  /** @returns {Promise<Bytes | undefined>} */
  async #read() {
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = true;
      this.close();
    }, this.#patience);
    try {
      const { value } = await this.#reader.read();
      if (this.#signal.aborted) throw aborted(this.#signal);
      if (isSilent) throw new Error("The service sends nothing any more.");
      return value;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @returns {never} */
function missing() {
  throw rejected();
}
