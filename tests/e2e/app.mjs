// The package in a page as an app would use it, and people who have an account in no other test.

import { randomBytes } from "node:crypto";
import { DEMO_URL } from "./support.mjs";

export const someone = () => ({ email: `kept.${randomBytes(5).toString("hex")}@example.test`, passphrase: "a passphrase that is kept nowhere" });

/** Loads the package in a page of the demo, which then has `tools`. */
export async function load(page, options = {}) {
  await page.goto(DEMO_URL);
  await use(page, options);
  return page;
}

/** The same in the page as it is. */
export async function use(page, options = {}) {
  await page.evaluate(async (options) => {
    const { Vouchsafe, isVouchsafeError } = await import(`${location.origin}/vouchsafe/index.js`);
    const open = () => Vouchsafe.open({ vault: `${location.origin}/vault`, keystore: `${location.origin}/keystore`, ...options });
    const app = await open();
    /** The end of a call: "result" or a code. */
    const ending = (call) => call.then(() => "result", (error) => (isVouchsafeError(error) ? error.code : String(error.stack)));
    /** The events of `session`, in order. */
    const hear = (session) => {
      const heard = [];
      const waiting = [];
      for (const kind of ["locked", "unlocked", "ended"]) {
        session.on(kind, (event) => {
          heard.push(event.kind);
          for (const look of waiting) look();
        });
      }
      const until = (kind) =>
        new Promise((resolve) => {
          const look = () => heard.at(-1) === kind && resolve();
          waiting.push(look);
          look();
        });
      return { heard, until };
    };
    globalThis.tools = { app, open, ending, hear, content: { label: "Passport", fields: [{ name: "number", label: "Number", value: "X1234567" }] } };
  }, options);
}
