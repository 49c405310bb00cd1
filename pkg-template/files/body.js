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
  const room = Math.min(SEGMENT, end);
  /** @type {(ArrayBuffer | undefined)[]} */
  const rooms = [];
  /** @type {Body | undefined} */
  let body;
  let cuts = 0;
  try {
    for (let index = first; index <= last; ) {
      const segment = segmentAt(index, total);
      const range = sealedRange(segment);
      body ??= new Body(await open(access, id, { start: range.start, end }, size, signal), access.timeout ?? TIMEOUT, signal);
      try {
        const buffer = rooms[index % 2] ?? new ArrayBuffer(room);
        // What takes a buffer gives it back as another.
        rooms[index % 2] = undefined;
        const sealed = await body.fill(buffer, range.end - range.start);
        rooms[index % 2] = sealed.buffer;
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
   * @param {ReadableStream<Bytes>} stream
   * @param {number} patience Milliseconds after which a body that brings nothing counts as broken.
   * @param {AbortSignal} signal
   */
  constructor(stream, patience, signal) {
    this.#reader = readerOf(stream);
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
   * @param {ArrayBuffer} buffer The room for them, which is gone then: what is given has it.
   * @param {number} length
   * @returns {Promise<Bytes>}
   */
  async fill(buffer, length) {
    let whole = new Uint8Array(buffer, 0, length);
    for (let at = 0; at < length; ) {
      if (this.#rest.length === 0) {
        const piece = (await this.#read(whole.subarray(at))) ?? missing();
        if (whole.length === 0) {
          // It is in its place already.
          whole = new Uint8Array(piece.buffer, 0, length);
          at += piece.length;
          continue;
        }
        this.#rest = piece;
      }
      const piece = this.#rest.subarray(0, length - at);
      whole.set(piece, at);
      at += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return whole;
  }

  /** Rejects if there are more bytes. */
  async isOver() {
    if (this.#rest.length > 0 || (await this.#read(new Uint8Array(1)))?.length) missing();
  }

  /**
   * Reads some bytes: into the room, which is empty then, or in one of their own.
   *
   * @param {Bytes} room
   * @returns {Promise<Bytes | undefined>}
   */
  async #read(room) {
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = true;
      this.close();
    }, this.#patience);
    try {
      const { done, value } = await this.#reader.read(room);
      if (this.#signal.aborted) throw aborted(this.#signal);
      if (isSilent) throw new Error("The service sends nothing any more.");
      return done ? undefined : value;
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * A reader that reads into a room that is given, where the browser has such: so a file is no heap of small pieces that wait for a garbage
 * collection.
 *
 * @param {ReadableStream<Bytes>} stream
 * @returns {{ read: (room: Bytes) => Promise<{ done: boolean, value?: Bytes | undefined }>, cancel: () => Promise<void> }}
 */
function readerOf(stream) {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    const reader = stream.getReader();
    return { read: () => reader.read(), cancel: () => reader.cancel() };
  }
}

/** @returns {never} */
function missing() {
  throw rejected();
}
