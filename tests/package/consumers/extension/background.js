import "./node_modules/vouchsafe/files.js";
import { Vouchsafe } from "./node_modules/vouchsafe/index.js";
import { flow } from "./flow.js";

/** Called by the test, which knows the services. */
globalThis.share = (services) => flow(Vouchsafe, services).catch(String);
