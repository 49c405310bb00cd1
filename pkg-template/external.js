/** The same as `index.js`, with the WebAssembly module in a file of its own, `vouchsafe.wasm`, which is streamed. */

import { defineVouchsafe } from "./client.js";
import { once, stream } from "./load.js";

export { Session } from "./session.js";
export { VouchsafeError, isVouchsafeError } from "./errors.js";

const load = () => stream(new URL("./vouchsafe.wasm", import.meta.url));

export const Vouchsafe = /* @__PURE__ */ defineVouchsafe(/* @__PURE__ */ once(load));
