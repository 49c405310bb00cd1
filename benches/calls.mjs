// The package in two tabs, call by call: what each does to the main thread of its page.

import { measured } from "./figures.mjs";

/** The largest card: its JSON fills what a card may have. */
const LARGEST = 1_040_000;
const MANY = 500;
const MIDDLING = { count: 200, bytes: 16_000 };

/** All calls in a fresh pair of tabs. `entry` is a script of the package, `options` are more options of `open()`. */
export async function callsOf(browser, address, entry, options = {}) {
  const context = await browser.newContext();
  const rows = [];
  try {
    const [alice, bob] = [await tab(context, address), await tab(context, address)];
    const step = async (name, page, call, argument) => {
      const { result, figures } = await measured(browser, () => page.evaluate(call, argument));
      rows.push({ name, figures });
      return result;
    };

    await step("import and open", alice, open, [entry, address, options]);
    await bob.evaluate(open, [entry, address, options]);
    await step("sign up", alice, signUp, "alice");
    await bob.evaluate(signUp, "bob");
    const card = await step("create a card", alice, createCard, 500);
    const invitation = await step("invite by link", alice, () => session.invite({ delivery: "link", name: "Bob" }));
    await step("accept", bob, (link) => session.accept({ link }, { name: "Alice" }), invitation.link);
    const share = await step("share", alice, shareCard, [card, invitation.id]);
    await step("list shares", bob, () => session.incomingShares());
    await step("read", bob, read, share);
    await step("revoke", alice, (id) => session.revokeShare(id), share);

    await step(`create ${MANY} cards`, alice, createCards, { count: MANY, bytes: 500 });
    await step(`list ${MANY} cards, 50 a page`, alice, listCards, { limit: 50 });
    await step(`list ${MANY} cards, 200 a page`, alice, listCards, { limit: 200 });
    await alice.evaluate(createCards, MIDDLING);
    await step(`list ${MIDDLING.count} cards of 16 kB, in one page`, alice, (limit) => session.cards({ limit }).then(() => {}), MIDDLING.count);

    const large = await step("create a card of 1 MiB", alice, createCard, LARGEST);
    await step("read that card", alice, (id) => session.card(id).then(() => {}), large);
    await step("list it among 50", alice, () => session.cards().then(() => {}));
    await step("update it", alice, updateCard, large);
    const largeShare = await step("share it", alice, shareCard, [large, invitation.id]);
    await step("read that share", bob, read, largeShare);
    await step("read it again", bob, read, largeShare);
  } finally {
    await context.close();
  }
  return rows;
}

async function tab(context, address) {
  const page = await context.newPage();
  await page.goto(address, { waitUntil: "networkidle" });
  return page;
}

// The rest runs in the page.

async function open([entry, address, options]) {
  const { Vouchsafe } = await import(entry);
  const services = { vault: `${address}vault`, keystore: `${address}keystore`, invitationUrl: address };
  globalThis.app = await Vouchsafe.open({ ...services, ...options });
  globalThis.makeCard = (bytes) => {
    const line = "She said: \"All of it, please\" – and a line has an end.\n";
    const value = line.repeat(Math.ceil(bytes / line.length));
    // In JSON a quote and a line's end take two bytes each, a dash three.
    const length = new TextEncoder().encode(JSON.stringify(line)).length - 2;
    return { label: "A card", fields: [{ name: "text", label: "Text", value: value.slice(0, Math.floor(bytes / length) * line.length) }] };
  };
}

async function signUp(name) {
  const made = await app.signUp({ email: `${name}.${crypto.randomUUID()}@example.test`, passphrase: "a passphrase for measuring" });
  globalThis.session = made.session;
}

const createCard = async (bytes) => (await session.createCard(makeCard(bytes))).id;

async function createCards({ count, bytes }) {
  const content = makeCard(bytes);
  for (let done = 0; done < count; done += 10) await Promise.all(Array.from({ length: 10 }, () => session.createCard(content)));
}

async function updateCard(id) {
  const { version, label, fields } = await session.card(id);
  await session.updateCard({ id, version, label, fields });
}

async function listCards({ limit }) {
  let cursor;
  do {
    cursor = (await session.cards({ limit, cursor })).next ?? undefined;
  } while (cursor);
}

const shareCard = async ([card, connection]) => (await session.share({ card, connection })).id;
const read = (id) => session.readShare(id).then(() => {});
