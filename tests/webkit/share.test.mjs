// The demo page in WebKit, the engine of Safari.

import { testSharing } from "../webdriver/share.mjs";
import { useWebKit } from "../webdriver/webkit.mjs";

testSharing(useWebKit());
