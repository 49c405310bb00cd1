/** Stretches passphrases in a worker: one per operation, ended afterwards together with the memory that it took. */

import { VouchsafeError, toError } from "./errors.js";

/** @typedef {import("./index.d.ts").OpenOptions["worker"]} WorkerOption */
/** @typedef {{ message: Uint8Array, exportKey: Uint8Array }} Finished */

const cure =
  "Copy vouchsafe-worker.js of the package to your site and pass its address as `worker` to Vouchsafe.open(); " +
  "a Content-Security-Policy must allow it in worker-src and, where it requires Trusted Types, allow the policy vouchsafe.";

/**
 * The function that the module calls for the slow part of sign-up and sign-in. `state` and `passphrase` are erased.
 *
 * @param {WebAssembly.Module} module
 * @param {WorkerOption} option
 */
export function finishWith(module, option) {
  /**
   * @param {"registration" | "signIn"} operation
   * @param {Uint8Array} state
   * @param {Uint8Array} passphrase
   * @param {Uint8Array} response
   * @param {AbortSignal} [signal] Ends the worker in the middle.
   * @returns {Promise<Finished>}
   */
  return async (operation, state, passphrase, response, signal) => {
    try {
      return await run(start(option), { module, operation, state, passphrase, response }, signal);
    } finally {
      state.fill(0);
      passphrase.fill(0);
    }
  };
}

/**
 * @param {Worker} worker
 * @param {object} task
 * @param {AbortSignal} [signal]
 * @returns {Promise<Finished>}
 */
async function run(worker, task, signal) {
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.ok ? resolve(data.ok) : reject(toError(data.error)));
      worker.onmessageerror = () => reject(unavailable());
      worker.onerror = (event) => {
        event.preventDefault?.();
        reject(unavailable(event.message));
      };
      signal?.addEventListener("abort", () => reject(new VouchsafeError("aborted", "The call was aborted.")));
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}

/**
 * @param {WorkerOption} option
 * @returns {Worker}
 */
function start(option) {
  try {
    if (typeof option === "function") return option();
    if (typeof Worker === "undefined") return startInNode(option);
    // The file's address stands in one expression, so that bundlers find it and bring the file along.
    return new Worker(trusted(option ?? new URL("./vouchsafe-worker.js", import.meta.url)));
  } catch (cause) {
    throw unavailable(undefined, cause);
  }
}

/**
 * @param {string} [reason]
 * @param {unknown} [cause]
 */
function unavailable(reason, cause) {
  const what = reason ? `The worker failed (${reason}).` : "The worker could not be started.";
  return new VouchsafeError("worker_unavailable", `${what} ${cure}`, { cause });
}

/** @typedef {{ createScriptURL(url: string): string }} Policy */

const policyKey = Symbol.for("vouchsafe.trusted-types-policy");

/**
 * The address as pages with `require-trusted-types-for 'script'` want it.
 *
 * @param {string | URL} url
 * @returns {string | URL}
 */
function trusted(url) {
  const scope = /** @type {{ trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } } & Record<symbol, Policy | undefined>} */ (
    /** @type {unknown} */ (globalThis)
  );
  if (!scope.trustedTypes || (typeof url !== "string" && !(url instanceof URL))) return url;
  try {
    // A page allows a policy's name once, so a second copy of this package takes the policy of the first.
    scope[policyKey] ??= scope.trustedTypes.createPolicy("vouchsafe", { createScriptURL: ownScript });
  } catch {
    return url;
  }
  return scope[policyKey].createScriptURL(String(url));
}

/**
 * Browsers start workers from the page's own origin only; nothing else is let through.
 *
 * @param {string} url
 * @returns {string}
 */
function ownScript(url) {
  const { href, origin } = new URL(url, globalThis.document?.baseURI ?? location.href);
  if (origin !== location.origin) throw new TypeError(`${origin} is not this page's origin.`);
  return href;
}

/**
 * Node.js has workers of another shape.
 *
 * @param {string | URL | undefined} option
 * @returns {Worker}
 */
function startInNode(option) {
  const threads = globalThis.process.getBuiltinModule("node:worker_threads");
  const thread = new threads.Worker(option ?? new URL("./vouchsafe-worker.js", import.meta.url));
  /** @type {Record<string, (argument?: unknown) => void>} */
  const worker = {
    postMessage: (task) => thread.postMessage(task),
    terminate: () => thread.terminate(),
  };
  thread.on("message", (data) => worker.onmessage({ data }));
  thread.on("messageerror", () => worker.onmessageerror());
  thread.on("error", ({ message }) => worker.onerror({ message }));
  return /** @type {Worker} */ (/** @type {unknown} */ (worker));
}
