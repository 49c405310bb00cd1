/** Compiles and starts the WebAssembly module: once, unless it failed. */

import { VouchsafeError } from "./errors.js";
import { builtin } from "./node.js";
import { kindOf } from "./own.js";

/** @typedef {import("./external.d.ts").WasmSource} WasmSource */

/** @typedef {import("./glue.js").Bindings} Bindings */

/**
 * Makes the function that compiles with `compile` and starts the bindings, both at its first call; later calls get the same
 * promise. After a failure the next call tries again.
 *
 * @template O
 * @param {() => Bindings} bindings
 * @param {(options: O) => Promise<WebAssembly.Module>} compile
 * @returns {(options: O) => Promise<Bindings & { module: WebAssembly.Module }>}
 */
export function once(bindings, compile) {
  /** @type {Promise<Bindings & { module: WebAssembly.Module }> | undefined} */
  let loading;
  const start = async (/** @type {O} */ options) => {
    const module = await compile(options);
    const started = bindings();
    await started.init(module);
    return { ...started, module };
  };
  return (options) => {
    loading ??= start(options).catch((cause) => {
      loading = undefined;
      throw explain(cause);
    });
    return loading;
  };
}

/**
 * Unpacks a module's bytes, which are deflated and in base64.
 *
 * @param {string} packed
 * @returns {Promise<ArrayBuffer>}
 */
export async function unpack(packed) {
  const deflated = fromBase64(packed);
  // Where pages are tested, not all of the browser is there.
  /** @type {{ inflateRawSync(bytes: Uint8Array): ArrayBuffer } | undefined} */
  const zlib = builtin("node:zlib");
  if (zlib) return zlib.inflateRawSync(deflated);
  const { body } = new Response(deflated);
  return new Response(body?.pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
}

/**
 * Browsers of before September 2025 do not read base64 themselves, which takes them a tenth of the time.
 *
 * @param {string} packed
 * @returns {Uint8Array<ArrayBuffer>}
 */
function fromBase64(packed) {
  const { fromBase64: read } = /** @type {{ fromBase64?(text: string): Uint8Array<ArrayBuffer> }} */ (/** @type {unknown} */ (Uint8Array));
  if (read) return read.call(Uint8Array, packed);
  const text = atob(packed);
  const bytes = new Uint8Array(text.length);
  // Takes half as long as `Uint8Array.from()` with a function.
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/**
 * Compiles a module from whatever the app passes, by its shape: a page and its frames have classes of their own.
 *
 * @param {() => WasmSource} find
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compileFrom(find) {
  const given = await Promise.resolve().then(find).catch(missing);
  const kind = kindOf(given);
  if (kind === "String" || kind === "URL") return compileFile(/** @type {string | URL} */ (given));
  if (kind === "Response") return compileAnswer(/** @type {Response} */ (given));
  if (kind === "WebAssembly.Module") return /** @type {WebAssembly.Module} */ (given);
  if (kind === "ArrayBuffer" || ArrayBuffer.isView(given)) return WebAssembly.compile(/** @type {BufferSource} */ (given));
  throw new VouchsafeError("bad_input", "Pass `wasm` as a URL, a Response, bytes or a WebAssembly.Module.");
}

/**
 * @param {string | URL} url
 * @returns {Promise<WebAssembly.Module>}
 */
async function compileFile(url) {
  if (/^file:/.test(String(url))) {
    /** @type {{ readFile(file: URL): Promise<Uint8Array<ArrayBuffer>> } | undefined} */
    const files = builtin("node:fs/promises");
    if (files) return WebAssembly.compile(await files.readFile(new URL(url)).catch(missing));
  }
  return compileAnswer(await fetch(url).catch(lost));
}

/**
 * @param {unknown} cause
 * @returns {never}
 */
function missing(cause) {
  throw new VouchsafeError("not_found", "There is no module where `wasm` of Vouchsafe.open() says: see `cause`.", { cause });
}

/**
 * @param {any} cause
 * @returns {never}
 */
function lost(cause) {
  if (cause?.name !== "TypeError") throw cause;
  throw new VouchsafeError("offline", "The module could not be loaded: check the connection and try again.", { cause });
}

/**
 * Compiles while the file arrives, if the server names its type.
 *
 * @param {Response} response
 * @returns {Promise<WebAssembly.Module>}
 */
async function compileAnswer(response) {
  if (response.bodyUsed) throw new VouchsafeError("bad_input", "Pass `wasm` as a Response that was not read before.");
  const type = response.headers.get("content-type") ?? "";
  if (!response.ok || type.startsWith("text/html")) {
    throw new VouchsafeError(
      "not_found",
      `The file ${response.url} is missing (status ${response.status}): copy vouchsafe_bg.wasm there, or import "vouchsafe", which has it inside.`,
    );
  }
  const typed = type.startsWith("application/wasm");
  return typed
    ? WebAssembly.compileStreaming(response).catch(lost)
    : WebAssembly.compile(await response.arrayBuffer().catch(lost));
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
