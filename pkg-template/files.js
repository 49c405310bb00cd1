/** The calls about files at once, for places that may load no script later, such as a service worker. */

import { provide } from "./file-calls.js";
import * as calls from "./files/index.js";

provide(calls);
