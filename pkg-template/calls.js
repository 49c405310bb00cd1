/** Options of every call: a signal that ends it, and a listener for its progress. */

import { callable, object, optional, options as only, refuse } from "./checks.js";
import { VouchsafeError, calling, isVouchsafeError } from "./errors.js";
import { own } from "./own.js";

/** @typedef {import("./index.d.ts").CallOptions} CallOptions */
/** @typedef {import("./index.d.ts").Progress} Progress */

const members = ["signal", "onProgress"];

/**
 * Checks and copies an object with options of one call and those of every call.
 *
 * @template {object} T
 * @param {T} value
 * @param {string} name
 * @param {readonly string[]} further
 * @returns {T}
 */
export function settings(value, name, further) {
  return only(value, name, [...further, ...members]);
}

/**
 * Checks the options of a call that has none of its own.
 *
 * @param {CallOptions | null | undefined} value
 * @param {string} call
 * @returns {CallOptions | undefined}
 */
export function bare(value, call) {
  return optional(value, `\`options\` of ${call}`, (given, name) => only(given, name, members));
}

/**
 * Makes one call of the module, which `signal` may end in the middle.
 *
 * @template {{ begin(tell?: (done: number, total: number) => void): R & { abort(): void, free(): void } }} R
 * @template T
 * @param {R} raw
 * @param {CallOptions | null | undefined} options
 * @param {(raw: R) => T | Promise<T>} call
 * @returns {Promise<Awaited<T>>}
 */
export async function perform(raw, options, call) {
  const { signal: given, onProgress } = own(options ?? {});
  const signal = optional(given, "signal", abortSignal);
  const listener = optional(onProgress, "onProgress", callable);
  if (signal?.aborted) throw aborted(signal);
  if (!signal && !listener) return calling(() => call(raw));
  const tell = guarded(listener);
  const one = raw.begin(tell && ((done, total) => tell({ done, total })));
  const abort = () => one.abort();
  signal?.addEventListener("abort", abort);
  try {
    return await calling(() => call(one));
  } catch (error) {
    throw signal?.aborted && isVouchsafeError(error, "aborted") ? aborted(signal) : error;
  } finally {
    signal?.removeEventListener("abort", abort);
    one.free();
  }
}

/**
 * Wraps the app's function, so that its errors are reported, like an event listener's, and harm nobody else. (Node.js would end.)
 *
 * @template A
 * @template {((argument: A) => void) | undefined} F
 * @param {F} listener
 * @returns {F}
 */
export function guarded(listener) {
  if (!listener) return listener;
  const call = (/** @type {A} */ argument) => {
    try {
      listener(argument);
    } catch (error) {
      (globalThis.reportError ?? console.error)(error);
    }
  };
  return /** @type {F} */ (call);
}

/**
 * Checks the shape: a page and its frames have classes of their own.
 *
 * @param {AbortSignal} value
 * @param {string} name
 * @returns {AbortSignal}
 */
export function abortSignal(value, name) {
  const { aborted: ended, addEventListener } = object(value, `\`${name}\``);
  if (typeof ended === "boolean" && typeof addEventListener === "function") return value;
  return refuse(`Pass \`${name}\` as the signal of an AbortController.`, name);
}

/** @param {AbortSignal} signal */
function aborted({ reason }) {
  return new VouchsafeError("aborted", "The call was aborted.", { cause: reason });
}
