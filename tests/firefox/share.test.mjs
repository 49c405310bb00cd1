// The demo page in Firefox.

import { testSharing } from "../webdriver/share.mjs";
import { useFirefox } from "../webdriver/firefox.mjs";

testSharing(useFirefox());
