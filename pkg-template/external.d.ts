/**
 * The same as `vouchsafe`, with the WebAssembly module in a file of its own, `vouchsafe_bg.wasm`, which the browser compiles
 * while it arrives.
 */

import type { OpenOptions as CommonOptions, Vouchsafe as CommonVouchsafe } from "./index.js";

export * from "./index.js";

/** The source of the module, or a promise of it. */
export type WasmSource = WasmFile | PromiseLike<WasmFile>;

/** The module's address, the answer to a request for it, its bytes, or the compiled module. */
export type WasmFile = string | URL | Response | ArrayBuffer | Uint8Array | WebAssembly.Module;

/** The services' addresses, settings for the whole page, and the source of the module. */
export interface OpenOptions extends CommonOptions {
  /** The module; the first call that loads it decides. Default: the file `vouchsafe_bg.wasm` beside this one. */
  wasm?: WasmSource | undefined;
}

/** The package's entry. It knows the services and opens sessions. */
export type Vouchsafe = CommonVouchsafe;

/** The package's entry. It knows the services and opens sessions. */
export const Vouchsafe: {
  /** For `instanceof`. */
  readonly prototype: Vouchsafe;
  /** Loads the WebAssembly module, once for the page, and prepares the client. Sends nothing to a service. */
  open(options: OpenOptions): Promise<Vouchsafe>;
};
