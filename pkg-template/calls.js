/** What every call can be told besides its arguments: when to end, and whom to tell how far it is. */

import { callable, object, optional, options as only } from "./checks.js";
import { VouchsafeError, calling, isVouchsafeError } from "./errors.js";

/** @typedef {import("./index.d.ts").CallOptions} CallOptions */
/** @typedef {import("./index.d.ts").Progress} Progress */

const members = ["signal", "onProgress"];

/**
 * An object whose members are a call's options, those of every call among them.
 *
 * @template {object} T
 * @param {T} value
 * @param {string} name
 * @param {readonly string[]} own
 * @returns {T}
 */
export function settings(value, name, own) {
  return only(value, name, [...own, ...members]);
}

/**
 * The options of a call that has no others.
 *
 * @param {CallOptions | null | undefined} value
 * @param {string} call
 * @returns {CallOptions | undefined}
 */
export function bare(value, call) {
  return optional(value, `the options object of ${call}`, (given, name) => only(given, name, members));
}

/**
 * One call of the module, which `signal` may end in the middle.
 *
 * @template {{ begin(tell?: (done: number, total: number) => void): R & { abort(): void, free(): void } }} R
 * @template T
 * @param {R} raw
 * @param {CallOptions | null | undefined} options
 * @param {(raw: R) => T | Promise<T>} call
 * @returns {Promise<Awaited<T>>}
 */
export async function perform(raw, options, call) {
  const signal = optional(options?.signal, "signal", abortSignal);
  const listener = optional(options?.onProgress, "onProgress", callable);
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
 * The app's function, whose own errors go to the console, as those of an event listener do, and not into the module.
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
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  return /** @type {F} */ (call);
}

/**
 * By its shape, because a page and its frames have classes of their own.
 *
 * @param {AbortSignal} value
 * @param {string} name
 * @returns {AbortSignal}
 */
function abortSignal(value, name) {
  const { aborted: ended, addEventListener } = object(value, `\`${name}\``);
  if (typeof ended === "boolean" && typeof addEventListener === "function") return value;
  throw new VouchsafeError("bad_input", `Pass \`${name}\` as the signal of an AbortController.`);
}

/** @param {AbortSignal} signal */
function aborted({ reason }) {
  return new VouchsafeError("aborted", "The call was aborted.", { cause: reason });
}
