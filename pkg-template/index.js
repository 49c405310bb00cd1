/** The usual entry: the WebAssembly module is inside, so nothing needs to be configured. */

import init, { RawClient } from "./glue.js";
import { defineVouchsafe } from "./client.js";
import { once, unpack } from "./load.js";
import packed from "./wasm-inside.js";

export { Session } from "./session.js";
export { VouchsafeError, isVouchsafeError } from "./errors.js";

export const Vouchsafe = /* @__PURE__ */ defineVouchsafe({
  RawClient,
  load: /* @__PURE__ */ once(init, () => unpack(packed)),
  // The file's address stands in one expression, so that bundlers find it and bring the file along.
  workerFile: () => new URL("./vouchsafe-worker.js", import.meta.url),
});
