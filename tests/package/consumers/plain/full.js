import { Vouchsafe } from "./node_modules/vouchsafe/full.js";
import { show } from "./flow.js";

show(Vouchsafe, crypto.subtle ? { engine: "rust" } : {});
