/**
 * The same as `vouchsafe`, for runtimes without WebCrypto, too: pages that are not served over https, for example. The module
 * inside has RSA of its own, which is slower, and larger by a third. Its worker is `vouchsafe-full-worker.js`.
 */

import type { OpenOptions as CommonOptions, Vouchsafe as CommonVouchsafe } from "./index.js";

export * from "./index.js";

/** Whose RSA it is: WebCrypto's, or this package's own, which runs in the worker. */
export type Engine = "web" | "rust";

/** Where the services are, what the app wants to know, and whose RSA it is. */
export interface OpenOptions extends CommonOptions {
  /** Default: `web` where there is WebCrypto, else `rust`. People of both share with each other. */
  engine?: Engine | undefined;
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
