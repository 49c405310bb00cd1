// The browsers that are measured in: what each calls itself, and how it opens a page whose functions can be asked.

import { createRequire } from "node:module";
import { firefox as geckodriver } from "../../tests/webdriver/firefox.mjs";
import { startBrowser } from "../../tests/webdriver/driver.mjs";

const { chromium: playwright } = createRequire(new URL("../../tests/package.json", import.meta.url))("playwright-core");

const HOUR_MS = 3_600_000;

/** Chromium, where each page knows nothing of the others. */
export async function startChromium() {
  const browser = await playwright.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--enable-precise-memory-info", "--js-flags=--expose-gc"],
  });
  return {
    name: `Chromium ${browser.version()}`,
    async open(address) {
      const page = await (await browser.newContext()).newPage();
      await page.goto(address);
      const ask = (...words) => page.evaluate((given) => window.ask(...given), words);
      return { ask, close: () => page.context().close() };
    },
    end: () => browser.close(),
  };
}

/** Firefox, with a clock that is not made coarse. */
export async function startFirefox() {
  const { capabilities, ...how } = geckodriver();
  const options = { ...capabilities["moz:firefoxOptions"], prefs: { "privacy.reduceTimerPrecision": false } };
  const browser = await startBrowser({ ...how, capabilities: { "moz:firefoxOptions": options, timeouts: { script: HOUR_MS } } });
  return {
    name: `Firefox ${browser.is.browserVersion}`,
    async open(address) {
      const window = await browser.open(address);
      return { ask: (...words) => window.run("return window.ask(...arguments)", ...words), close: () => window.close() };
    },
    end: () => browser.end(),
  };
}
