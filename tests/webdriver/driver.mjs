// A browser through its driver, by the W3C's WebDriver protocol: https://www.w3.org/TR/webdriver2/

import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

/** How long a test waits for what must happen, in milliseconds: it ends a test that would hang, and decides nothing else. */
const PATIENCE = 180_000;

/** The member that holds an element's id, as the standard has it. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** The page is still drawing: to be looked at again. */
const PASSING = ["no such element", "stale element reference", "element not interactable", "element click intercepted"];

/**
 * Starts a driver and one browser for the tests of a file; the result opens windows in it.
 *
 * Lines of the driver that `isFault` knows as errors of a page fail the file.
 */
export function useBrowser({ isFault = () => false, ...how }) {
  let browser;
  before(async () => {
    browser = await startBrowser(how);
  });
  after(async () => {
    await browser?.end();
    assert.deepEqual(browser?.said.filter(isFault), []);
  });
  return (url) => browser.open(url);
}

/**
 * Starts a driver and one browser: what it says of itself, how a window is opened in it, how it ends, and what the driver said.
 *
 * `start` gives the driver's process and the promise of its address.
 */
export async function startBrowser({ start, capabilities }) {
  const said = [];
  const { child, address } = await start();
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  let session;
  const end = async () => {
    if (session) await call("DELETE", session);
    if (child.exitCode === null && child.kill()) await once(child, "close");
  };
  try {
    const found = await address;
    assert.ok(found, `the driver does not start: ${said.join("\n")}`);
    const { sessionId, capabilities: is } = await call("POST", `${found}/session`, { capabilities: { alwaysMatch: capabilities } });
    session = `${found}/session/${sessionId}`;
    const open = async (url) => {
      const { handle } = await call("POST", `${session}/window/new`, { type: "window" });
      const window = new Window(session, handle);
      await window.open(url);
      return window;
    };
    return { is, open, end, said };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Makes a call of the protocol. */
export async function call(method, url, body) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (!response.ok) throw Object.assign(new Error(`${value.error}: ${value.message}`), { kind: value.error });
  return value;
}

/** Looks again and again until `look` gives something. */
export async function eventually(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look().catch((error) => {
      if (!PASSING.includes(error.kind)) throw error;
    });
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < end, `${what} never came about`);
    await pause(50);
  }
}

const quoted = (text) => (assert.ok(!text.includes("'")), `'${text}'`);

/** One window; what is in it is found by what people read. */
class Window {
  #session;
  #handle;

  constructor(session, handle) {
    this.#session = session;
    this.#handle = handle;
  }

  async #do(method, path, body) {
    await call("POST", `${this.#session}/window`, { handle: this.#handle });
    return call(method, `${this.#session}/${path}`, body);
  }

  #find = (xpath) => this.#do("POST", "element", { using: "xpath", value: xpath });

  #element = async (xpath) => `element/${(await this.#find(xpath))[ELEMENT]}`;

  #field = (label) => this.#element(`//*[@id=//label[normalize-space()=${quoted(label)}]/@for]`);

  open = (url) => this.#do("POST", "url", { url });

  /** Goes back to another window, since a driver opens none without one. */
  close = async () => {
    const [handle] = await this.#do("DELETE", "window");
    await call("POST", `${this.#session}/window`, { handle });
  };

  #click = (name, xpath) =>
    eventually(name, async () => {
      const found = await this.#find(xpath);
      // WebKit clicks where the element was before it scrolled there.
      const script = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
      await this.#do("POST", "execute/sync", { script, args: [found] });
      await this.#do("POST", `element/${found[ELEMENT]}/click`, {});
      return true;
    });

  /** Presses a button; within a dialog if `root` says so. */
  press = (name, root = "") => this.#click(name, `${root}//button[normalize-space()=${quoted(name)}]`);

  choose = (label) => this.#click(label, `//label[normalize-space()=${quoted(label)}]`);

  fill = (label, text) =>
    eventually(label, async () => {
      const field = await this.#field(label);
      await this.#do("POST", `${field}/clear`, {});
      await this.#do("POST", `${field}/value`, { text });
      return true;
    });

  /** Chooses a file of this machine in the field of this label. */
  attach = (label, path) =>
    eventually(label, async () => {
      const field = await this.#element(`//label[starts-with(normalize-space(), ${quoted(label)})]//input`);
      await this.#do("POST", `${field}/value`, { text: path });
      return true;
    });

  value = (label) =>
    eventually(label, async () => this.#do("GET", `${await this.#field(label)}/property/value`));

  /** The text that the page shows, or a part of the page. */
  text = async (selector = "body") =>
    this.#do("POST", "execute/sync", { script: "return document.querySelector(arguments[0])?.innerText ?? ''", args: [selector] });

  /** What a script gives that runs in the page. */
  run = (script, ...args) => this.#do("POST", "execute/sync", { script, args });

  sees = (text, selector) => eventually(`“${text}”`, async () => (await this.text(selector)).includes(text));

  seesNo = (text, selector) => eventually(`the end of “${text}”`, async () => !(await this.text(selector)).includes(text));
}
