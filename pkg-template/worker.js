/** Operations that would freeze a page run in a worker, one for each, which ends afterwards and frees its memory. */

import { VouchsafeError, toError } from "./errors.js";
import { builtin } from "./node.js";
import { own } from "./own.js";

/** @typedef {NonNullable<import("./index.d.ts").OpenOptions["worker"]>} WorkerOption */

const cure =
  "Copy the worker's file of the package (vouchsafe-worker.js; vouchsafe-full-worker.js for vouchsafe/full) to your site and pass its address as `worker` to Vouchsafe.open(); " +
  "a Content-Security-Policy must allow it in worker-src and, where it requires Trusted Types, allow the policy vouchsafe (one for each copy of the package).";

/**
 * Makes the function that runs an operation of the module in a worker. It erases the bytes that it is given.
 *
 * @param {WebAssembly.Module} module
 * @param {() => WorkerOption} find Gives the worker; it fails where the package does not know its own address.
 */
export function workWith(module, find) {
  /**
   * @param {string} operation
   * @param {Uint8Array[]} parts
   * @param {AbortSignal} [signal] Ends the worker early.
   * @returns {Promise<Record<string, Uint8Array>>}
   */
  return async (operation, parts, signal) => {
    try {
      return await run(located(find), { module, operation, parts }, signal);
    } finally {
      for (const part of parts) part.fill(0);
    }
  };
}

/** @param {() => WorkerOption} find */
function located(find) {
  try {
    return find();
  } catch (cause) {
    throw unavailable(undefined, cause);
  }
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
      started.onmessage = ({ data }) => {
        const { ok, error } = own(data);
        if (ok) resolve(ok);
        else reject(toError(error));
      };
      started.onmessageerror = () => reject(unavailable());
      started.onerror = (event) => {
        event.preventDefault?.();
        reject(unavailable(event.message, event.error ?? event));
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
    const response = await fetch(file, own({ signal }));
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

/**
 * The page's policy, which nothing outside this file can reach.
 *
 * @type {Policy | undefined}
 */
let policy;

/**
 * The address of the worker that is about to start: the only one that the policy lets through.
 *
 * @type {string | undefined}
 */
let starting;

/**
 * Makes the address one that pages with `require-trusted-types-for 'script'` take. Browsers start workers from the page's own
 * origin alone.
 *
 * @param {string | URL} url
 * @returns {string | URL}
 */
function trusted(url) {
  const { trustedTypes } = /** @type {{ trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }} */ (
    /** @type {unknown} */ (globalThis)
  );
  if (!trustedTypes || (typeof url !== "string" && !(url instanceof URL))) return url;
  try {
    policy ??= trustedTypes.createPolicy("vouchsafe", own({ createScriptURL: onlyStarting }));
  } catch {
    return url;
  }
  const { href, origin } = new URL(url, globalThis.document?.baseURI ?? location.href);
  if (origin !== location.origin) throw new TypeError(`${origin} is not this page's origin.`);
  starting = href;
  try {
    return policy.createScriptURL(href);
  } finally {
    starting = undefined;
  }
}

/**
 * @param {string} url
 * @returns {string}
 */
function onlyStarting(url) {
  if (url === starting) return url;
  throw new TypeError("The policy is for the worker of vouchsafe.");
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
  thread.on("error", (error) => worker.onerror({ message: String(error), error }));
  return /** @type {Worker} */ (/** @type {unknown} */ (worker));
}
