import { Vouchsafe } from "./node_modules/vouchsafe/external.js";
import { show } from "./flow.js";

const file = "./node_modules/vouchsafe/vouchsafe_bg.wasm";
const bytes = async () => (await fetch(file)).arrayBuffer();

/** What `wasm` can be, by the fragment of the page's address. Without one the package finds the file itself. */
const sources = {
  "#address": () => new URL(file, location.href),
  "#answer": () => fetch(file),
  "#bytes": async () => new Uint8Array(await bytes()),
  "#module": async () => WebAssembly.compile(await bytes()),
  "#missing": () => "./nowhere.wasm",
  "#number": () => 7,
};
const wasm = sources[location.hash]?.();

/** Loads the module, and no more. */
async function load(Entry, options) {
  await Entry.open(options);
  return `loaded by ${location.hash}`;
}

if (wasm) show(Vouchsafe, { wasm }, load);
else show(Vouchsafe);
