// The browser of the tests: one for all files where `with-browser.mjs` started it, else one for each.

import { chromium } from "playwright-core";

/** How Chromium is started. */
export const LAUNCH = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** A browser, which is to be closed. What needs arguments besides the usual ones gets one of its own. */
export function openBrowser(args) {
  const shared = process.env.VOUCHSAFE_BROWSER;
  if (shared !== undefined && args.length === 0) return chromium.connect(shared);
  return chromium.launch({ ...LAUNCH, args: [...LAUNCH.args, ...args] });
}
