/** The same as `index.js`, also for runtimes without WebCrypto: its module has RSA of its own. */

import { bindings, glue } from "./full-glue.js";
import { defineVouchsafe, hasWebCrypto } from "./client.js";
import { oneOf, optional } from "./checks.js";
import { once, unpack } from "./load.js";
import packed from "./full-wasm-inside.js";

export { Session } from "./session.js";
export { VouchsafeError, isVouchsafeError } from "./errors.js";

/** @typedef {import("./full.d.ts").OpenOptions} OpenOptions */

const engines = /** @type {const} */ (["web", "rust"]);

const engine = (/** @type {OpenOptions} */ { engine: name }) =>
  optional(name, "engine", (value) => oneOf(value, "engine", engines)) ?? (hasWebCrypto() ? "web" : "rust");

const bytes = () => unpack(packed);

export const Vouchsafe = /* @__PURE__ */ defineVouchsafe({
  glue,
  load: /* @__PURE__ */ once(bindings, async () => WebAssembly.compile(await bytes())),
  bytes,
  workerFile: () => new URL("./vouchsafe-full-worker.js", import.meta.url),
  members: ["engine"],
  engine,
});
