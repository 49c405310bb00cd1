/** What a file is made of, whatever it comes from: read once, from the beginning, segment by segment. */

import { number, optional, refuse } from "../checks.js";
import { VouchsafeError } from "../errors.js";
import { kindOf } from "../own.js";
import { MAX_SIZE, filled, segmentAt } from "./format.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./format.js").Segment} Segment */

/**
 * A source that is read.
 *
 * @typedef {object} Source
 * @property {number | undefined} size Its bytes, if that is known.
 * @property {(most: number) => Promise<Bytes>} take Gives the next bytes: so many, or fewer at the end.
 * @property {() => Promise<boolean>} isOver Whether there are no more.
 * @property {() => void} close
 */

/**
 * Opens a source.
 *
 * @param {unknown} given
 * @param {unknown} givenSize Of a stream; of others it is known.
 * @returns {Source}
 */
export function sourceOf(given, givenSize) {
  const source = /** @type {any} */ (given);
  const stated = optional(givenSize, "size", number);
  const kind = kindOf(source);
  const opened =
    kind === "ReadableStream"
      ? ofStream(source, stated)
      : kind === "Blob" || kind === "File"
        ? ofPieces(source.size, async (start, end) => new Uint8Array(await source.slice(start, end).arrayBuffer()))
        : kind === "ArrayBuffer"
          ? ofBytes(viewed(source, 0, source.byteLength))
          : ArrayBuffer.isView(source)
            ? ofBytes(viewed(source.buffer, source.byteOffset, source.byteLength))
            : refuse("Pass `source` as a Blob, a File, a ReadableStream or bytes.", "source");
  const { size = 0 } = opened;
  if (size < 0 || (stated !== undefined && stated !== size)) refuse("Pass `size` as the number of the source's bytes.", "size");
  if (size > MAX_SIZE) throw tooLarge();
  return opened;
}

/**
 * What a source says of itself: a Blob its type, a File its name, too.
 *
 * @param {any} source
 * @returns {{ name: unknown, type: string }}
 */
export function saidOf(source) {
  const isFile = kindOf(source) === "File";
  return { name: isFile ? source.name : undefined, type: isFile || kindOf(source) === "Blob" ? source.type : "" };
}

function tooLarge() {
  return new VouchsafeError("too_large", "A file has at most 5 GiB.");
}

/**
 * @param {ArrayBufferLike} buffer
 * @param {number} start
 * @param {number} length
 */
function viewed(buffer, start, length) {
  try {
    return new Uint8Array(buffer, start, length);
  } catch {
    return refuse("Pass `source` as bytes that are not transferred to somewhere else.", "source");
  }
}

/** @param {Uint8Array} bytes */
function ofBytes(bytes) {
  // A copy of each piece: the app may go on with its own.
  return ofPieces(bytes.length, async (start, end) => new Uint8Array(bytes.subarray(start, end)));
}

/**
 * @param {number} size
 * @param {(start: number, end: number) => Promise<Bytes>} read
 * @returns {Source}
 */
function ofPieces(size, read) {
  let at = 0;
  return {
    size,
    take: (most) => read(at, Math.min((at += most), size)),
    isOver: async () => at >= size,
    close() {},
  };
}

/**
 * @param {ReadableStream} stream
 * @param {number | undefined} size
 * @returns {Source}
 */
function ofStream(stream, size) {
  if (stream.locked) refuse("Pass `source` as a stream that nobody reads.", "source");
  const reader = stream.getReader();
  let rest = new Uint8Array();
  let isDone = false;
  const more = async () => {
    while (rest.length === 0 && !isDone) {
      const { done, value } = await reader.read();
      isDone = done;
      if (value !== undefined && !ArrayBuffer.isView(value)) refuse("Pass `source` as a stream of bytes.", "source");
      if (value) rest = new Uint8Array(/** @type {ArrayBuffer} */ (value.buffer), value.byteOffset, value.byteLength);
    }
    return rest.length > 0;
  };
  return {
    size,
    async take(most) {
      const whole = new Uint8Array(most);
      let length = 0;
      while (length < most && (await more())) {
        const piece = rest.subarray(0, most - length);
        whole.set(piece, length);
        length += piece.length;
        rest = rest.subarray(piece.length);
      }
      return whole.subarray(0, length);
    },
    isOver: async () => !(await more()),
    close: () => void reader.cancel().catch(() => {}),
  };
}

/**
 * The segments of a source with their plaintext, the fill included.
 *
 * @param {Source} source
 * @returns {AsyncGenerator<{ segment: Segment, plaintext: Bytes, size: number | undefined }>} The size as soon as it is known.
 */
export async function* segmentsOf(source) {
  let { size } = source;
  let read = 0;
  for (let index = 0, isLast = false; !isLast; index += 1) {
    const whole = segmentAt(index, size === undefined ? Infinity : filled(size));
    const wanted = Math.min(whole.end - whole.start, (size ?? Infinity) - read);
    const content = await taken(source, wanted);
    read += content.length;
    if (read > MAX_SIZE) throw tooLarge();
    if (size === undefined && (await over(source))) size = read;
    const segment = size === undefined ? whole : segmentAt(index, filled(size));
    isLast = segment.last;
    if (content.length < wanted && read !== size) differs();
    if (isLast && !(await over(source))) differs();
    yield { segment, plaintext: withFill(content, segment.end - segment.start), size };
  }
}

/**
 * @param {Bytes} content
 * @param {number} length
 */
function withFill(content, length) {
  if (content.length === length) return content;
  const whole = new Uint8Array(length);
  whole.set(content);
  return whole;
}

/** @returns {never} */
function differs() {
  return refuse("Pass `size` as the number of the source's bytes: it has more or fewer.", "size");
}

/**
 * @param {Source} source
 * @param {number} most
 */
function taken(source, most) {
  return readable(() => source.take(most));
}

/** @param {Source} source */
function over(source) {
  return readable(source.isOver);
}

/**
 * Reads of the source. It may have been changed or deleted since it was chosen.
 *
 * @template T
 * @param {() => Promise<T>} read
 * @returns {Promise<T>}
 */
async function readable(read) {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof VouchsafeError) throw cause;
    throw new VouchsafeError("bad_input", "The source cannot be read: see `cause`.", { argument: "source", cause });
  }
}
