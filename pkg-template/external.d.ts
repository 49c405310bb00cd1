/**
 * The same as `vouchsafe`, with the WebAssembly module in a file of its own, `vouchsafe_bg.wasm`, which the browser compiles
 * while it arrives.
 */

import type { OpenOptions as CommonOptions, Vouchsafe as CommonVouchsafe } from "./index.js";

export * from "./index.js";

/** Where the module comes from: an address, the answer to a request, the bytes, or the module compiled; or a promise. */
export type WasmSource = WasmFile | PromiseLike<WasmFile>;

/** What a {@link WasmSource} can be, or promise. */
export type WasmFile = string | URL | Response | ArrayBuffer | Uint8Array | WebAssembly.Module;

/** Where the services are, what the app wants to know, and where the module comes from. */
export interface OpenOptions extends CommonOptions {
  /** The module: the first call that loads it decides. Default: the file `vouchsafe_bg.wasm` beside this module. */
  wasm?: WasmSource | undefined;
}

/** The package's entry: knows the services, opens sessions. */
export type Vouchsafe = CommonVouchsafe;

/** The package's entry: knows the services, opens sessions. */
export const Vouchsafe: {
  /** For `instanceof`. */
  readonly prototype: Vouchsafe;
  /** Loads the WebAssembly module, once for the page, and prepares the client. Asks no service. */
  open(options: OpenOptions): Promise<Vouchsafe>;
};
