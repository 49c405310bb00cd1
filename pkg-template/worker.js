/** Operations that would freeze a page run in a worker, one for each, which ends afterwards and frees its memory. */

import { VouchsafeError, isVouchsafeError, toError } from "./errors.js";
import { builtin } from "./node.js";
import { kindOf, own } from "./own.js";
import { operate, thread } from "./thread.js";

/** @typedef {NonNullable<import("./index.d.ts").OpenOptions["worker"]>} WorkerOption */
/** @typedef {import("./thread.js").Task} Task */
/** @typedef {import("./thread.js").Answer} Answer */

const cure =
  "A Content-Security-Policy must allow it: in worker-src its file, or blob: where the file is missing, and in trusted-types the policy vouchsafe (one for each copy of the package). " +
  "If it must not allow blob:, copy the file (vouchsafe-worker.js; vouchsafe-full-worker.js for vouchsafe/full) from the package to your site and pass its address as `worker` to Vouchsafe.open().";

/**
 * Makes the function that runs an operation of the module in a worker. It erases the bytes that it is given.
 *
 * @param {object} source
 * @param {WebAssembly.Module} source.module
 * @param {() => import("./glue.js").Bindings} source.glue
 * @param {() => Promise<ArrayBuffer>} [source.bytes] Gives the module's bytes.
 * @param {WorkerOption | undefined} option
 * @param {() => URL} file Gives the address of the worker's file, if there is one.
 */
export function workWith({ module, glue, bytes }, option, file) {
  /** Whether the file starts no worker, and the script does. */
  let isMissing = false;

  /** @type {(task: Task, signal?: AbortSignal) => Promise<Record<string, Uint8Array>>} */
  const fromFile = (task, signal) => ask(typeof option === "function" ? option : () => start(option ?? file()), task, signal);

  // From what the page has loaded already, and without a module that could not be handed over.
  /** @type {typeof fromFile} */
  const fromScript = async (task, signal) => {
    const script = `(${thread})(${glue},${operate})`;
    const whole = { ...task, module: (await bytes?.()) ?? module };
    let url = "";
    const begin = () => {
      if (typeof Worker === "undefined") return startInNode(script, { eval: true });
      url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
      return start(url);
    };
    try {
      return await ask(begin, whole, signal);
    } finally {
      if (url) URL.revokeObjectURL(url);
    }
  };

  /** @type {typeof fromFile} */
  const run = async (task, signal) => {
    if (typeof option === "function") return fromFile(task, signal);
    const ways = isMissing ? [fromScript] : [fromFile, fromScript];
    /** @type {Error | undefined} */
    let failure;
    for (const way of typeof Worker !== "undefined" || threads() ? ways : []) {
      try {
        const result = await way(task, signal);
        isMissing = way === fromScript;
        return result;
      } catch (error) {
        if (!isVouchsafeError(error, "worker_unavailable")) throw error;
        if (!failure || (!explains(failure) && explains(error))) failure = error;
      }
    }
    // A page must not stand still. Elsewhere nobody waits for the thread.
    if (typeof Worker !== "undefined" && typeof document !== "undefined") throw failure;
    return read(await operate(glue(), task));
  };

  /**
   * @param {string} operation
   * @param {Uint8Array[]} parts
   * @param {AbortSignal} [signal] Ends the worker early.
   */
  return async (operation, parts, signal) => {
    try {
      return await run({ module, operation, parts }, signal);
    } finally {
      for (const part of parts) part.fill(0);
    }
  };
}

/**
 * Starts a worker, gives it the task, and ends it.
 *
 * @param {() => Worker} begin
 * @param {Task} task
 * @param {AbortSignal} [signal]
 * @returns {Promise<Record<string, Uint8Array>>}
 */
async function ask(begin, task, signal) {
  const ended = () => new VouchsafeError("aborted", "The call was aborted.");
  if (signal?.aborted) throw ended();
  /** @type {Worker | undefined} */
  let worker;
  try {
    const started = (worker = begin());
    return read(
      await new Promise((resolve, reject) => {
        started.onmessage = ({ data }) => resolve(data);
        started.onmessageerror = () => reject(unavailable());
        started.onerror = (event) => {
          event.preventDefault?.();
          reject(unavailable(event.message, event.error ?? event));
        };
        signal?.addEventListener("abort", () => reject(ended()));
        started.postMessage(task);
      }),
    );
  } catch (error) {
    throw isVouchsafeError(error) ? error : unavailable(undefined, error);
  } finally {
    worker?.terminate();
  }
}

/**
 * @param {Answer} answer
 * @returns {Record<string, Uint8Array>}
 */
function read(answer) {
  const { ok, error } = own(answer);
  if (ok) return ok;
  throw toError(error);
}

/**
 * Whether the worker's own words are in it. That a file is missing says less.
 *
 * @param {Error} error
 */
const explains = (error) => error.message.startsWith("The worker failed");

/**
 * @param {string} [reason] The worker's own words.
 * @param {unknown} [cause]
 */
function unavailable(reason, cause) {
  const what = reason ? `The worker failed (${reason}).` : "The worker could not be started.";
  return new VouchsafeError("worker_unavailable", `${what} ${cure}`, { cause });
}

/**
 * Starts a worker from a script of both kinds. Without an origin browsers take a classic one alone, and some platforms a module.
 *
 * @param {string | URL} address
 */
function start(address) {
  if (typeof Worker === "undefined") return startInNode(address);
  const url = trusted(address);
  try {
    return new Worker(url);
  } catch {
    return new Worker(url, { type: "module" });
  }
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
  if (!trustedTypes || !/^(String|URL)$/.test(kindOf(url))) return url;
  try {
    policy ??= trustedTypes.createPolicy("vouchsafe", own({ createScriptURL: onlyStarting }));
  } catch {
    return url;
  }
  const { href, origin } = new URL(url, globalThis.document?.baseURI ?? location.href);
  // Not the location's: that of a sandboxed page, or of one from disk, says what the page is not.
  if (origin !== globalThis.origin) throw new TypeError(`${origin} is not this page's origin.`);
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

/** @typedef {{ Worker: new (source: string | URL, options?: { eval: boolean }) => Thread }} Threads */
/** @typedef {Pick<Worker, "postMessage" | "terminate"> & { on(event: string, listener: (value: unknown) => void): void }} Thread */

/** @returns {Threads | undefined} */
const threads = () => builtin("node:worker_threads");

/**
 * Starts a worker of Node.js in the shape of a browser's.
 *
 * @param {string | URL} source
 * @param {{ eval: boolean }} [options]
 * @returns {Worker}
 */
function startInNode(source, options) {
  const thread = new (/** @type {Threads} */ (threads()).Worker)(source, options);
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
