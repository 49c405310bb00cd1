/** The usual entry: the WebAssembly module is inside, so nothing needs to be configured. */

import { bindings, glue } from "./glue.js";
import { defineVouchsafe } from "./client.js";
import { once, unpack } from "./load.js";
import packed from "./wasm-inside.js";

export { Session } from "./session.js";
export { VouchsafeError, isVouchsafeError } from "./errors.js";

const bytes = () => unpack(packed);

export const Vouchsafe = /* @__PURE__ */ defineVouchsafe({
  glue,
  load: /* @__PURE__ */ once(bindings, async () => WebAssembly.compile(await bytes())),
  bytes,
  // The file's address stands in one expression, so that bundlers find it and bring the file along.
  workerFile: () => new URL("./vouchsafe-worker.js", import.meta.url),
});
