/** Bytes, and the texts that stand for them. */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * The base64url of bytes, without padding.
 *
 * @param {Bytes} bytes
 */
export function toText(bytes) {
  let letters = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 4096) letters += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * So many bytes, if this is how they are written.
 *
 * @param {unknown} text
 * @param {number} length
 * @returns {Bytes | undefined}
 */
export function fromText(text, length) {
  if (typeof text !== "string" || !/^[\w-]*$/.test(text) || text.length !== Math.ceil((length * 4) / 3)) return undefined;
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  return toText(bytes) === text ? bytes : undefined;
}

/**
 * @param {readonly Bytes[]} parts
 * @returns {Bytes}
 */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * @param {Bytes} one
 * @param {Bytes} other
 */
export function areEqual(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** An id that nothing has: a UUID of version 7, which begins with the time. */
export function newId() {
  const time = Date.now().toString(16).padStart(12, "0");
  const [, , third, fourth, fifth] = crypto.randomUUID().split("-");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${third.slice(1)}-${fourth}-${fifth}`;
}

/**
 * Gives back the memory of bytes that nobody uses any more. Else that waits for a garbage collection, before which a large file is
 * many such bytes. `ArrayBuffer.prototype.transfer()` gives nothing back in Chromium; a message to a port that is closed does.
 *
 * @param {Bytes} bytes Alone in their buffer.
 */
export function release({ buffer }) {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  try {
    port1.postMessage(undefined, [buffer]);
  } catch {
    // Not every runtime hands bytes over.
  }
  port1.close();
}
