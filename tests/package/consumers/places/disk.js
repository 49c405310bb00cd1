import { Vouchsafe } from "vouchsafe";
import { show } from "./flow.js";

show(Vouchsafe);
