/** Operations that would freeze a page run in a worker, one for each, which ends afterwards and frees its memory. */

import { VouchsafeError, toError } from "./errors.js";
import { builtin } from "./node.js";

/** @typedef {NonNullable<import("./index.d.ts").OpenOptions["worker"]>} WorkerOption */

const cure =
  "Copy the worker's file of the package (vouchsafe-worker.js; vouchsafe-full-worker.js for vouchsafe/full) to your site and pass its address as `worker` to Vouchsafe.open(); " +
  "a Content-Security-Policy must allow it in worker-src and, where it requires Trusted Types, allow the policy vouchsafe.";

/**
 * Makes the function that runs an operation of the module in a worker. It erases the bytes that it is given.
 *
 * @param {WebAssembly.Module} module
 * @param {WorkerOption} option
 */
export function workWith(module, option) {
  /**
   * @param {string} operation
   * @param {Uint8Array[]} parts
   * @param {AbortSignal} [signal] Ends the worker early.
   * @returns {Promise<Record<string, Uint8Array>>}
   */
  return async (operation, parts, signal) => {
    try {
      return await run(option, { module, operation, parts }, signal);
    } finally {
      for (const part of parts) part.fill(0);
    }
  };
}

/**
 * @param {WorkerOption} option
 * @param {object} task
 * @param {AbortSignal} [signal]
 * @returns {Promise<Record<string, Uint8Array>>}
 */
async function run(option, task, signal) {
  if (typeof option === "function") return ask(option, task, signal);
  if (typeof Worker === "undefined") return ask(() => startInNode(option), task, signal);
  try {
    return await ask(() => new Worker(trusted(option)), task, signal);
  } catch (error) {
    if (!unstarted.has(/** @type {object} */ (error))) throw error;
    const copy = await copyOf(option, signal);
    if (copy === undefined || signal?.aborted) throw error;
    try {
      return await ask(() => new Worker(trusted(copy)), task, signal);
    } finally {
      URL.revokeObjectURL(copy);
    }
  }
}

/**
 * Starts a worker, gives it the task, and ends it.
 *
 * @param {() => Worker} start
 * @param {object} task
 * @param {AbortSignal} [signal]
 * @returns {Promise<Record<string, Uint8Array>>}
 */
async function ask(start, task, signal) {
  /** @type {Worker | undefined} */
  let worker;
  try {
    const started = (worker = start());
    return await new Promise((resolve, reject) => {
      started.onmessage = ({ data }) => (data.ok ? resolve(data.ok) : reject(toError(data.error)));
      started.onmessageerror = () => reject(unavailable());
      started.onerror = (event) => {
        event.preventDefault?.();
        reject(unavailable(event.message));
      };
      signal?.addEventListener("abort", () => reject(new VouchsafeError("aborted", "The call was aborted.")));
      started.postMessage(task);
    });
  } catch (error) {
    throw error instanceof VouchsafeError ? error : unavailable(undefined, error);
  } finally {
    worker?.terminate();
  }
}

/**
 * Copies the script, and gives the copy's address. Browsers start no worker from another origin, such as one that serves this
 * package to pages without a bundler.
 *
 * @param {string | URL} file
 * @param {AbortSignal} [signal]
 * @returns {Promise<string | undefined>}
 */
async function copyOf(file, signal) {
  try {
    const response = await fetch(file, signal ? { signal } : {});
    const script = /javascript/.test(response.headers.get("content-type") ?? "");
    return response.ok && script ? URL.createObjectURL(await response.blob()) : undefined;
  } catch {
    return undefined;
  }
}

/** Errors of workers that failed without a word. */
const unstarted = /** @type {WeakSet<object>} */ (new WeakSet());

/**
 * @param {string} [reason] The worker's own words.
 * @param {unknown} [cause]
 */
function unavailable(reason, cause) {
  const what = reason ? `The worker failed (${reason}).` : "The worker could not be started.";
  const error = new VouchsafeError("worker_unavailable", `${what} ${cure}`, { cause });
  if (!reason) unstarted.add(error);
  return error;
}

/** @typedef {{ createScriptURL(url: string): string }} Policy */

const policyKey = Symbol.for("vouchsafe.trusted-types-policy");

/**
 * Makes the address one that pages with `require-trusted-types-for 'script'` take.
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
 * Lets only the page's own origin through: browsers start workers from no other.
 *
 * @param {string} url
 * @returns {string}
 */
function ownScript(url) {
  const { href, origin } = new URL(url, globalThis.document?.baseURI ?? location.href);
  if (origin !== location.origin) throw new TypeError(`${origin} is not this page's origin.`);
  return href;
}

/** @typedef {{ Worker: new (file: string | URL) => Thread }} Threads */
/** @typedef {Pick<Worker, "postMessage" | "terminate"> & { on(event: string, listener: (value: unknown) => void): void }} Thread */

/**
 * Starts a worker of Node.js in the shape of a browser's.
 *
 * @param {string | URL} file
 * @returns {Worker}
 */
function startInNode(file) {
  /** @type {Threads | undefined} */
  const threads = builtin("node:worker_threads");
  if (!threads) throw new TypeError("This platform has no workers.");
  const thread = new threads.Worker(file);
  /** @type {Record<string, (argument?: unknown) => void>} */
  const worker = {
    postMessage: (task) => thread.postMessage(task),
    terminate: () => thread.terminate(),
  };
  thread.on("message", (data) => worker.onmessage({ data }));
  thread.on("messageerror", () => worker.onmessageerror());
  thread.on("error", (error) => worker.onerror({ message: String(error) }));
  return /** @type {Worker} */ (/** @type {unknown} */ (worker));
}
