// Firefox, through geckodriver.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { useBrowser } from "./driver.mjs";

/** How Firefox is started. */
export function firefox() {
  const options = { args: ["-headless"], ...(process.env.FIREFOX && { binary: process.env.FIREFOX }) };
  return {
    start() {
      const child = spawn(process.env.GECKODRIVER ?? "geckodriver", ["--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
      return { child, address: listening(child) };
    },
    capabilities: { "moz:firefoxOptions": options },
  };
}

/** Starts geckodriver and one Firefox for the tests of a file; the result opens windows in it. Errors of a page fail the file. */
export function useFirefox() {
  // Firefox tells of its own errors, too, which name files of its own.
  return useBrowser({ ...firefox(), isFault: (line) => /^JavaScript error: http/.test(line) });
}

/** The address at which geckodriver says that it listens. */
async function listening(driver) {
  for await (const line of createInterface({ input: driver.stdout })) {
    const [, address] = /Listening on (\S+)/.exec(line) ?? [];
    if (address) {
      driver.stdout.resume();
      return `http://${address}`;
    }
  }
  return null;
}
