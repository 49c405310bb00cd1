// The demo page: how it comes up, and what it does to its main thread while two people use it.

import { Person } from "../tests/e2e/support.mjs";
import { measured } from "./figures.mjs";

/** One visit of somebody new. */
export async function loadOf(browser, address) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.addInitScript(observe);
    const { figures } = await measured(browser, () => page.goto(address, { waitUntil: "networkidle" }));
    const { "all of it": _, ...tasks } = figures;
    return [{ name: "first visit", figures: { ...(await page.evaluate(() => globalThis.seen)), ...tasks } }];
  } finally {
    await context.close();
  }
}

/** Runs in the page, before anything of its own. */
function observe() {
  globalThis.seen = { "first paint": 0, "with content": 0, "largest paint": 0, "layout shift": 0 };
  const watch = (type, see) => new PerformanceObserver((list) => list.getEntries().forEach(see)).observe({ type, buffered: true });
  watch("paint", ({ name, startTime }) => (seen[name === "first-paint" ? "first paint" : "with content"] = startTime));
  watch("largest-contentful-paint", ({ startTime }) => (seen["largest paint"] = startTime));
  watch("layout-shift", ({ value }) => (seen["layout shift"] += value));
}

/** Two people in two tabs, from sign-up to a card that was read. */
export async function useOf(browser, address) {
  const context = await browser.newContext();
  const rows = [];
  const step = async (name, work) => {
    const { result, figures } = await measured(browser, work);
    rows.push({ name, figures });
    return result;
  };
  try {
    const alice = await person(context, address, "Alice");
    const bob = await person(context, address, "Bob");
    await step("sign up", () => alice.signUp());
    await bob.signUp();
    await step("make a card", () => alice.createCard("Passport", { Number: "X1234567" }));
    const link = await step("make an invitation link", () => alice.inviteByLink(bob));
    await step("open it", () => bob.openLink(link));
    await step("accept", () => bob.accept(alice));
    await alice.seesTrust(bob, "Verified");
    await step("share", () => alice.share("Passport", bob));
    await step("read", () => bob.read(alice, "Passport"));
  } finally {
    await context.close();
  }
  return rows;
}

/** Each in a window of their own: a tab behind another one is seldom drawn. */
async function person(context, address, name) {
  const [first] = context.pages();
  const opened = context.waitForEvent("page");
  if (first === undefined) await context.newPage();
  else await first.evaluate(() => void open("about:blank", "_blank", "popup,noopener"));
  const page = await opened;
  await page.goto(address);
  return new Person(page, name);
}
