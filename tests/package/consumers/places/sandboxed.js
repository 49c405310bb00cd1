import { Vouchsafe } from "./node_modules/vouchsafe/index.js";
import { flow } from "./flow.js";

const services = Object.fromEntries(new URLSearchParams(location.search));
parent.postMessage(`${origin}: ${await flow(Vouchsafe, services).catch(String)}`, "*");
