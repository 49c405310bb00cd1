// Common parts of the tests: a browser, and people who use the page as people do, by its words and names.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { openBrowser } from "./browser.mjs";
import { thorough } from "./sample.mjs";

export const DEMO_URL = process.env.VOUCHSAFE_DEMO_URL ?? "http://127.0.0.1:8080/";

/** How long a test waits for what must happen, in milliseconds: it ends a test that would hang, and decides nothing else. */
const USUAL = 60_000;
/** The same where a passphrase is stretched, which takes seconds even on an idle machine. */
const LONG = 180_000;

/**
 * Devices in a browser for the tests of a file, with `args` besides the usual ones. It opens when the first test wants one: a
 * sample may have no test of the file.
 */
export function useBrowser({ args = [] } = {}) {
  let browser;
  after(async () => (await browser)?.close());
  return async (t, options) => openDevice(t, await (browser ??= openBrowser(args)), options);
}

/** The browser's messages about a connection that was cut. */
const BROKEN = /net::ERR_(INCOMPLETE_CHUNKED_ENCODING|INTERNET_DISCONNECTED|CONNECTION_REFUSED|CONNECTION_RESET|PROXY_CONNECTION_FAILED|EMPTY_RESPONSE)/;

/**
 * A device: a browser context, whose tabs are people. What goes wrong in any of its pages fails the test, but for connections
 * where the test `breaks` them.
 */
async function openDevice(t, browser, { breaks = false, ...options } = {}) {
  // Drawing what moves is most of a browser's work without a graphics card.
  const reducedMotion = thorough ? "no-preference" : "reduce";
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC", reducedMotion, ...options });
  const faults = [];
  const requests = [];
  context.setDefaultTimeout(USUAL);
  context.on("request", (request) => requests.push(request));
  context.on("console", (message) => {
    if (isFault(message) && !(breaks && BROKEN.test(message.text()))) faults.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => faults.push(`uncaught: ${error.error().stack ?? error.error()}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  t.after(async () => {
    if (t.passed === false) await keep(t.name, context);
    await context.close();
    assert.deepEqual(faults, [], "the page had faults");
  });
  return {
    context,
    requests,
    /** Somebody new, in a tab of their own. Each tab has its window: a tab behind another one is seldom drawn. */
    async person(name, url = DEMO_URL) {
      const [first] = context.pages();
      const opened = context.waitForEvent("page");
      if (first === undefined) await context.newPage();
      else await first.evaluate(() => void open("about:blank", "_blank", "popup,noopener"));
      const page = await opened;
      await page.goto(url);
      return new Person(page, name);
    },
  };
}

let kept = 0;

/** Keeps what the pages of a failed test look like and say, for whoever has to find out why. */
async function keep(test, context) {
  const folder = process.env.VOUCHSAFE_E2E_PICTURES;
  if (folder === undefined) return;
  const name = test.replaceAll(/\W+/g, "-");
  await mkdir(join(folder, "failed"), { recursive: true });
  for (const page of context.pages()) {
    const path = join(folder, "failed", `${name}-${++kept}`);
    try {
      await page.screenshot({ path: `${path}.png`, fullPage: true });
      await writeFile(`${path}.txt`, await page.locator("body").innerText());
      console.error(`What it looked like: ${path}.png`);
    } catch (error) {
      console.error(`No picture of a failed test's page: ${error.message}`);
    }
  }
}

/** The browser's messages when an address of the machine came or went, which is no fault of the page. */
const MOVED = /net::ERR_NETWORK_CHANGED/;

/** An answer that says no (401, 409, 410 …) is logged by the browser and is no fault; a failing server is. */
function isFault(message) {
  if (message.type() !== "error" || MOVED.test(message.text())) return false;
  const answer = /^Failed to load resource: the server responded with a status of (\d+)/.exec(message.text());
  return answer === null || Number(answer[1]) >= 500;
}

export class Person {
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.email = `${name.toLowerCase()}.${randomBytes(5).toString("hex")}@example.test`;
    this.passphrase = `${name} likes ${randomBytes(6).toString("hex")}`;
    this.recoveryKey = null;
  }

  button = (name, root = this.page) => root.getByRole("button", { name });
  field = (name, root = this.page) => root.getByLabel(name, { exact: true });
  heading = (name, root = this.page) => root.getByRole("heading", { name, exact: true });
  list = (name) => this.page.getByRole("list", { name, exact: true });
  rows = (list) => this.list(list).getByRole("listitem");
  row = (list, text) => this.rows(list).filter({ hasText: text });
  dialog = (name) => this.page.getByRole("dialog", { name });
  alert = (root = this.page) => root.getByRole("alert").filter({ hasText: /\S/ });
  news = (text) => this.page.getByRole("status", { name: "News" }).getByText(text);
  sees = (locator, timeout = USUAL) => locator.first().waitFor({ state: "visible", timeout });
  /** Unfolds what is past of a list. */
  unfold = (name) => this.page.getByText(new RegExp(`^${name} \\(\\d+\\)$`)).click();
  seesNo = (locator, timeout = USUAL) => locator.first().waitFor({ state: "hidden", timeout });

  /** The sentence that the page shows as an error. */
  async problem(root) {
    await this.sees(this.alert(root), LONG);
    return (await this.alert(root).first().innerText()).trim();
  }

  async fillAccount(heading, { email = this.email, passphrase = this.passphrase } = {}) {
    const form = this.heading(heading);
    const other = this.button(`${heading} instead`);
    await this.sees(form.or(other));
    if (await other.isVisible()) await other.click();
    await this.sees(form);
    await this.field("Email address").fill(email);
    await this.field("Passphrase").fill(passphrase);
  }

  async signUp() {
    await this.fillAccount("Create an account");
    await this.button("Create account").click();
    await this.sees(this.heading("Your recovery key"), LONG);
    this.recoveryKey = (await this.page.getByRole("group", { name: "Recovery key" }).innerText()).trim();
    await this.button("I have written it down").click();
    await this.sees(this.heading("Your cards"));
    return this;
  }

  /** Is an example person, gone on to the cards; the passphrase that was shown. */
  async becomeExample() {
    await this.button("Be an example person").click();
    await this.sees(this.heading("Your recovery key"), LONG);
    const passphrase = (await this.page.getByRole("group", { name: "Passphrase" }).innerText()).trim();
    await this.button("I have written it down").click();
    await this.sees(this.heading("Your cards"));
    return passphrase;
  }

  async trySignIn(credentials) {
    await this.fillAccount("Sign in", credentials);
    await this.page.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  async signIn(credentials) {
    await this.trySignIn(credentials);
    await this.sees(this.heading("Your cards"), LONG);
    return this;
  }

  async createCard(label, fields) {
    await this.button("New card").click();
    const dialog = this.dialog("New card");
    await this.field("Card title", dialog).fill(label);
    for (const [index, [name, value]] of Object.entries(fields).entries()) {
      if (index > 0) await this.button("Add a field", dialog).click();
      const group = dialog.getByRole("group", { name: `Field ${index + 1}`, exact: true });
      await this.field("Field name", group).fill(name);
      await this.field("Value", group).fill(value);
    }
    await this.button("Save card", dialog).click();
    await this.sees(this.row("Your cards", label));
  }

  /** Opens the dialog to invite somebody. */
  async openInvite() {
    await this.page.getByRole("button", { name: "Invite somebody", exact: true }).click();
    const dialog = this.dialog("Invite somebody");
    await this.sees(dialog);
    return dialog;
  }

  async inviteByMail(other) {
    const dialog = await this.openInvite();
    await dialog.getByRole("radio", { name: "By mail" }).check();
    await this.field("What do you call this person?", dialog).fill(other.name);
    await this.field("Their email address", dialog).fill(other.email);
    await this.button("Send invitation", dialog).click();
    await this.sees(dialog.getByText(`The invitation to ${other.email} is on its way.`));
    await this.button("Done", dialog).click();
    await this.sees(this.row("Your invitations", other.name).filter({ hasText: "Waiting" }));
  }

  /** Makes an invitation link and reads it off the page. The dialog stays open. */
  async makeLink(other) {
    const dialog = await this.openInvite();
    await dialog.getByRole("radio", { name: /By a link/ }).check();
    await this.field("What do you call this person?", dialog).fill(other.name);
    await this.button("Make invitation link", dialog).click();
    const box = this.field(`Invitation link for ${other.name}`, dialog);
    await this.sees(box);
    return { dialog, link: await box.inputValue() };
  }

  async inviteByLink(other) {
    const { dialog, link } = await this.makeLink(other);
    await this.button("Done", dialog).click();
    return link;
  }

  async openMail() {
    const link = this.page.getByRole("link", { name: `Open invitation to ${this.email}`, exact: true, includeHidden: true }).first();
    await link.waitFor({ state: "attached" });
    if (!(await link.isVisible())) await this.page.getByText("Earlier mails", { exact: true }).click();
    await link.click();
    await this.sees(this.heading("You are invited"));
  }

  async openLink(link) {
    await this.page.goto(link);
    await this.sees(this.heading("You are invited"));
  }

  async tryAccept(inviter) {
    await this.field("What do you call the person who invited you?").fill(inviter.name);
    await this.page.getByRole("button", { name: "Accept", exact: true }).click();
  }

  async accept(inviter) {
    await this.tryAccept(inviter);
    await this.sees(this.news(`You are connected with ${inviter.name}.`));
    await this.sees(this.row("Connections", inviter.name));
  }

  async seesTrust(other, text) {
    await this.sees(this.row("Connections", other.name).filter({ hasText: text }));
  }

  async openSafetyNumber(other) {
    await this.button(`Safety number with ${other.name}`).click();
    const dialog = this.dialog(`Safety number with ${other.name}`);
    const number = await dialog.getByRole("group", { name: "Safety number" }).textContent();
    return { dialog, number: number.trim() };
  }

  /** Opens the dialog to share `card` with `other` and chooses the fields. Where they have it, it is about what they see now. */
  async prepareShare(card, other, { fields, until, live = true } = {}) {
    await this.button(`Share ${card}`).click();
    const dialog = this.dialog("Share a card");
    await this.field("With", dialog).selectOption({ label: other.name });
    if (fields !== undefined) {
      const boxes = dialog.getByRole("group", { name: "What they see" }).getByRole("checkbox");
      for (const box of await boxes.all()) await box.uncheck();
      for (const field of fields) await dialog.getByRole("checkbox", { name: field, exact: true }).check();
    }
    if (!live) await dialog.getByRole("checkbox", { name: /^Keep it up to date/ }).uncheck();
    if (until !== undefined) await this.field("How long can it be read?", dialog).selectOption({ label: until });
    return dialog;
  }

  async share(card, other, options) {
    const dialog = await this.prepareShare(card, other, options);
    await this.button(/^Share$/, dialog).click();
    await this.sees(this.news(`Shared with ${other.name}.`));
    await this.sees(this.row("Shared by you", `With ${other.name}`));
  }

  /** Reads the newest share from `other`; the article that shows it. */
  async read(other, label) {
    const row = this.row("Shared with you", `From ${other.name}`).first();
    await this.sees(row);
    await this.button(/^Read/, row).click();
    const article = this.page.getByRole("article", { name: label });
    await this.sees(article);
    return article;
  }

  async seesRead(other) {
    await this.sees(this.row("Shared by you", `With ${other.name}`).filter({ hasText: /Read at \d\d:\d\d/ }));
  }

  /** Shares once more with somebody who has the card: what they see is changed. */
  async changeShare(card, other, options) {
    const dialog = await this.prepareShare(card, other, options);
    await this.button("Save changes", dialog).click();
    await this.sees(this.news(`Changed what ${other.name} sees.`));
  }

  /** Gives the first field of a card another value. */
  async edit(card, value) {
    await this.button(`Edit ${card}`).click();
    const dialog = this.dialog(`Edit ${card}`);
    await this.field("Value", dialog).first().fill(value);
    await this.button("Save card", dialog).click();
    await this.seesNo(dialog);
  }

  /** Makes a link to a card and reads it off the page. */
  async makeCardLink(card, { passphrase = "" } = {}) {
    await this.page.getByRole("button", { name: `Link to ${card}`, exact: true }).click();
    const dialog = this.dialog(`Make a link to ${card}`);
    await this.field("Your name, as they see it", dialog).fill(this.name);
    await this.field("A passphrase, if you want one", dialog).fill(passphrase);
    await this.button("Make the link", dialog).click();
    const link = await this.field(`Link to ${card}`, dialog).inputValue();
    await this.button("Done", dialog).click();
    return link;
  }

  /** Presses a button and agrees to the question that follows. */
  async pressAndConfirm(name, action) {
    await this.button(name).first().click();
    const dialog = this.page.getByRole("dialog");
    await this.button(action, dialog).click();
    await this.seesNo(dialog);
  }
}

/** Waits until nothing on a page moves any more: a picture would catch it on its way. */
export const still = (page) =>
  page.evaluate(async () => {
    const ends = (animation) => animation.effect.getComputedTiming().endTime !== Infinity;
    // What is cancelled does not move either.
    const over = (animation) => animation.finished.catch(() => {});
    for (let moving; (moving = document.getAnimations().filter((each) => ends(each) && each.playState === "running")).length > 0; ) {
      await Promise.all(moving.map(over));
    }
  });

/** Two people in two tabs of one browser, with accounts. */
export async function twoPeople(device, url) {
  const alice = await device.person("Alice", url);
  const bob = await device.person("Bob", url);
  await Promise.all([alice.signUp(), bob.signUp()]);
  return { alice, bob };
}

/** Two people who are connected by a link, so that each is sure of the other. */
export async function twoConnected(device, url) {
  const { alice, bob } = await twoPeople(device, url);
  await bob.openLink(await alice.inviteByLink(bob));
  await bob.accept(alice);
  await alice.seesTrust(bob, "Verified");
  return { alice, bob };
}
