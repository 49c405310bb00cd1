import { Vouchsafe } from "./node_modules/vouchsafe/index.js";
import { show } from "./flow.js";

show(Vouchsafe, { worker: new URLSearchParams(location.search).get("worker") });
