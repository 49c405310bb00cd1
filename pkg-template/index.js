/** The usual entry: the WebAssembly module is inside, so nothing needs to be configured. */

import { defineVouchsafe } from "./client.js";
import { once, unpack } from "./load.js";
import packed from "./wasm-inside.js";

export { Session } from "./session.js";
export { VouchsafeError, isVouchsafeError } from "./errors.js";

export const Vouchsafe = /* @__PURE__ */ defineVouchsafe(/* @__PURE__ */ once(() => unpack(packed)));
