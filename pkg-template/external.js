/** The same as `index.js`, with the WebAssembly module in a file of its own, `vouchsafe_bg.wasm`, which is streamed. */

import { bindings, glue } from "./glue.js";
import { defineVouchsafe } from "./client.js";
import { compileFrom, once } from "./load.js";

export { Session } from "./session.js";
export { VouchsafeError, isVouchsafeError } from "./errors.js";

/** @typedef {import("./external.d.ts").OpenOptions} OpenOptions */

// The files' addresses stand in one expression each, so that bundlers find them and bring the files along.
const load = (/** @type {OpenOptions} */ { wasm }) => compileFrom(() => wasm ?? new URL("./vouchsafe_bg.wasm", import.meta.url));

export const Vouchsafe = /* @__PURE__ */ defineVouchsafe({
  glue,
  load: /* @__PURE__ */ once(bindings, load),
  workerFile: () => new URL("./vouchsafe-worker.js", import.meta.url),
  members: ["wasm"],
});
