/** Gets the WebAssembly module compiled and started: once, unless it failed. */

import init from "./glue.js";
import { VouchsafeError } from "./errors.js";

/**
 * Compiles with `compile` and starts the module at the first call; later calls get the same promise. After a failure the
 * next call tries again.
 *
 * @param {() => Promise<WebAssembly.Module>} compile
 * @returns {() => Promise<WebAssembly.Module>}
 */
export function once(compile) {
  /** @type {Promise<WebAssembly.Module> | undefined} */
  let loading;
  const start = async () => {
    const module = await compile();
    await init({ module_or_path: module });
    return module;
  };
  return () => {
    loading ??= start().catch((cause) => {
      loading = undefined;
      throw explain(cause);
    });
    return loading;
  };
}

/**
 * A module from its deflated bytes in base64.
 *
 * @param {string} packed
 * @returns {Promise<WebAssembly.Module>}
 */
export async function unpack(packed) {
  const deflated = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return WebAssembly.compile(await new Response(stream).arrayBuffer());
}

/**
 * A module from a file, compiled while it arrives where the server names its type.
 *
 * @param {URL} url
 * @returns {Promise<WebAssembly.Module>}
 */
export async function stream(url) {
  const response = await fetch(url).catch((cause) => {
    throw new VouchsafeError("offline", `The file ${url} could not be loaded: check the connection and try again.`, { cause });
  });
  if (!response.ok) {
    throw new VouchsafeError(
      "not_found",
      `The file ${url} is missing (status ${response.status}): copy vouchsafe.wasm there, or import "vouchsafe", which has it inside.`,
    );
  }
  const typed = response.headers.get("content-type")?.startsWith("application/wasm");
  return typed ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

/**
 * @param {unknown} cause
 * @returns {unknown}
 */
function explain(cause) {
  if (cause instanceof VouchsafeError) return cause;
  const message = typeof WebAssembly === "undefined" || typeof DecompressionStream === "undefined"
    ? "This browser is too old: Vouchsafe needs WebAssembly and DecompressionStream."
    : "WebAssembly could not start here: if the page has a Content-Security-Policy, add 'wasm-unsafe-eval' to its script-src.";
  return new VouchsafeError("insecure_context", message, { cause });
}
