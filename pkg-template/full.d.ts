/**
 * The same as `vouchsafe`, also for runtimes without WebCrypto, such as pages that are not served over https. Its module has
 * RSA of its own, which is slower, and is larger by nearly half. Its worker is `vouchsafe-full-worker.js`.
 */

import type { OpenOptions as CommonOptions, Vouchsafe as CommonVouchsafe } from "./index.js";

export * from "./index.js";

/** The source of RSA: WebCrypto (`web`), or this package (`rust`), where it runs in the worker. */
export type Engine = "web" | "rust";

/** The services' addresses, settings for the whole page, and the source of RSA. */
export interface OpenOptions extends CommonOptions {
  /** Default: `web` where there is WebCrypto, else `rust`. People of both can share with each other. */
  engine?: Engine | undefined;
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
