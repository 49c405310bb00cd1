/** The calls about files, in code that a page loads when it uses the first of them. */

import { VouchsafeError } from "./errors.js";

/** @typedef {typeof import("./files/index.js")} Calls */

/** @type {Calls | undefined} */
let provided;

/**
 * Gives the calls before the first of them is used.
 *
 * @param {Calls} calls
 */
export function provide(calls) {
  provided = calls;
}

/** Whether this is a service worker, which may load no script after its start. */
const isServiceWorker = () => "ServiceWorkerGlobalScope" in globalThis;

/**
 * Loads them.
 *
 * @returns {Promise<Calls>}
 */
export async function fileCalls() {
  if (provided) return provided;
  try {
    return await import("./files/index.js");
  } catch (cause) {
    if (isServiceWorker()) {
      throw new VouchsafeError("bad_input", "A service worker loads no scripts later: import `vouchsafe/files` at its top.", { cause });
    }
    throw new VouchsafeError("offline", "The part of the package for files could not be loaded: check the connection and try again.", { cause });
  }
}
