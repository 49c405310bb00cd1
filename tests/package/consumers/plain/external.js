import { Vouchsafe } from "./node_modules/vouchsafe/external.js";
import { show } from "./flow.js";

show(Vouchsafe);
