/** Files that are read: each segment is checked before a byte of it is handed out. */

import { abortSignal, guarded, settings } from "../calls.js";
import { callable, number, object, optional, refuse, text, uuid } from "../checks.js";
import { VouchsafeError, isVouchsafeError } from "../errors.js";
import { own } from "../own.js";
import { sealedSegments } from "./body.js";
import { fromText, release } from "./bytes.js";
import { Digests, rejected } from "./digest.js";
import { Cipher, MAX_SIZE, countOf, filled, indexOf } from "./format.js";
import { aborted } from "./requests.js";
import { shownAs } from "./types.js";
import { digests } from "./vault.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./format.js").Segment} Segment */
/** @typedef {import("./requests.js").Access} Access */
/** @typedef {import("../index.d.ts").ReadFileOptions} ReadFileOptions */

/**
 * A file that can be read.
 *
 * @param {Access} access
 * @param {object} ref What a card, share or link says of it.
 * @returns {import("../index.d.ts").FileHandle}
 */
export function openFile(access, ref) {
  const { id, name, type, size, key, digest } = own(/** @type {import("../index.d.ts").FileRef} */ (object(ref, "`ref`")));
  if (number(size, "size") < 0 || size > MAX_SIZE) refuse("Pass `size` as the file's size.", "size");
  return new FileHandle(access, {
    id: uuid(id, "id"),
    name: text(name, "name"),
    type: text(type, "type"),
    size,
    key: fromText(key, 32) ?? refuse("Pass `key` as the file's key.", "key"),
    digest: fromText(digest, 32) ?? refuse("Pass `digest` as the file's digest.", "digest"),
  });
}

class FileHandle {
  #access;
  #key;
  #digest;
  #total;
  /** @type {Digests | undefined} */
  #digests;
  /** @type {Cipher | undefined} */
  #cipher;

  /**
   * @param {Access} access
   * @param {{ id: string, name: string, type: string, size: number, key: Bytes, digest: Bytes }} file
   */
  constructor(access, { id, name, type, size, key, digest }) {
    this.#access = access;
    this.#key = key;
    this.#digest = digest;
    this.#total = filled(size);
    /** @readonly */
    this.id = id;
    /** @readonly */
    this.name = name;
    /** @readonly */
    this.type = type;
    /** @readonly */
    this.size = size;
  }

  /** @param {ReadFileOptions} [options] */
  stream(options) {
    const { start, end, signal, onProgress } = this.#range(options, "stream()");
    const controller = new AbortController();
    const stop = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    const pieces = this.#pieces(start, end, controller.signal);
    let bytes = 0;
    const over = () => signal?.removeEventListener("abort", stop);
    return new ReadableStream(
      {
        async pull(stream) {
          try {
            const { done, value } = await pieces.next();
            if (done) {
              over();
              return stream.close();
            }
            bytes += value.length;
            stream.enqueue(value);
            onProgress?.({ bytes, total: end - start });
          } catch (error) {
            over();
            controller.abort();
            throw error;
          }
        },
        async cancel() {
          over();
          controller.abort();
          await pieces.return();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** @param {ReadFileOptions} [options] */
  async bytes(options) {
    const { start, end } = this.#range(options, "bytes()");
    const whole = room(end - start);
    let at = 0;
    await each(this.stream(options), (piece) => {
      whole.set(piece, at);
      at += piece.length;
    });
    return whole;
  }

  /** @param {ReadFileOptions} [options] */
  async blob(options) {
    this.#range(options, "blob()");
    /** @type {Blob[]} */
    const pieces = [];
    // The browser may keep each on disk.
    await each(this.stream(options), (piece) => pieces.push(new Blob([piece])));
    return new Blob(pieces, { type: shownAs(this.type) });
  }

  /**
   * @param {ReadFileOptions | undefined} options
   * @param {string} call
   */
  #range(options, call) {
    const given = settings(options ?? {}, `\`options\` of ${call}`, ["start", "end"]);
    const start = optional(given.start, "start", number) ?? 0;
    const end = Math.min(optional(given.end, "end", number) ?? this.size, this.size);
    if (start < 0 || start > this.size) refuse("Pass `start` as a byte of the file.", "start");
    if (end < start) refuse("Pass `end` as a byte behind `start`.", "end");
    const signal = optional(given.signal, "signal", abortSignal);
    return { start, end, signal, onProgress: guarded(optional(given.onProgress, "onProgress", callable)) };
  }

  /**
   * The bytes from `start` up to `end`, checked, a segment at a time. Who reads all of them has the fill checked, too.
   *
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<Bytes, void, undefined>}
   */
  async *#pieces(start, end, signal) {
    if (signal.aborted) throw aborted(signal);
    const isWhole = start === 0 && end === this.size;
    if (start === end && !isWhole) return;
    const [first, last] = [indexOf(start), indexOf((isWhole ? this.#total : end) - 1)];
    const list = await this.#list(signal);
    if (first > 0 && !this.#cipher) {
      for await (const { segment, sealed } of this.#sealed(0, 0, signal)) await this.#open(segment, sealed, list);
    }
    const segments = this.#sealed(first, last, signal);
    try {
      // The next one comes while one is checked.
      let next = segments.next();
      for (;;) {
        const { done, value } = await next;
        if (done) return;
        if (signal.aborted) throw aborted(signal);
        await this.#goesOn();
        next = segments.next();
        next.catch(() => {});
        const plaintext = await this.#open(value.segment, value.sealed, list);
        const offset = value.segment.start;
        const piece = plaintext.subarray(Math.max(start - offset, 0), Math.max(end - offset, 0));
        if (piece.length > 0) yield piece;
      }
    } finally {
      segments.return().catch(() => {});
    }
  }

  /** Rejects once the session is locked or over. That the services are away is no reason to stop what is on its way. */
  async #goesOn() {
    await this.#access.token().catch((error) => {
      if (isVouchsafeError(error, "locked") || isVouchsafeError(error, "session_expired")) throw error;
    });
  }

  /**
   * @param {number} first
   * @param {number} last
   * @param {AbortSignal} signal
   */
  #sealed(first, last, signal) {
    return sealedSegments(this.#access, { id: this.id, total: this.#total }, first, last, signal);
  }

  /** @param {AbortSignal} signal */
  async #list(signal) {
    const count = countOf(this.#total);
    const read = async () => Digests.check(await digests(this.#access, this.id, count, signal), count, this.#digest);
    return (this.#digests ??= await read());
  }

  /**
   * Decrypts a segment, if it is the file's own. The first one says in its header how the others are encrypted.
   *
   * @param {Segment} segment
   * @param {Bytes} sealed
   * @param {Digests} list
   */
  async #open(segment, sealed, list) {
    await list.hold(segment.index, sealed);
    const cipher = (this.#cipher ??= await this.#cipherOf(sealed));
    const plaintext = await cipher.open(segment, sealed).catch(() => {
      throw rejected();
    });
    for (let at = Math.max(this.size - segment.start, 0); at < plaintext.length; at += 1) {
      if (plaintext[at] !== 0) throw rejected();
    }
    return plaintext;
  }

  /** @param {Bytes} first The first segment. */
  async #cipherOf(first) {
    const header = Cipher.headerOf(first);
    if (!header) throw rejected();
    return Cipher.of(this.#key, header, this.id, "decrypt");
  }
}

/** @param {number} length */
function room(length) {
  try {
    return new Uint8Array(length);
  } catch {
    throw new VouchsafeError("too_large", "There is no room for so many bytes at once: read the file with stream() or blob().");
  }
}

/**
 * @param {ReadableStream<Bytes>} stream
 * @param {(piece: Bytes) => void} take Copies a piece, which is gone then.
 */
async function each(stream, take) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(value);
    release(value);
  }
}
