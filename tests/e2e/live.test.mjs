// Live events where connections break, fall silent, and pages load anew: every event is told once, in order.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { startProxy } from "./proxy.mjs";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const device = useBrowser();

async function load(page, passphrase = "heard everywhere") {
  await page.goto(DEMO_URL);
  await page.evaluate(async (passphrase) => {
    const { Vouchsafe } = await import(`${location.origin}/vouchsafe/index.js`);
    const app = await Vouchsafe.open({ vault: `${location.origin}/vault`, keystore: `${location.origin}/keystore` });
    /** Listens; `until` waits for so many shares. */
    const listen = (session) => {
      const heard = [];
      let look = () => {};
      session.on("share", ({ id }) => {
        heard.push(id);
        look();
      });
      const until = (count) =>
        new Promise((resolve) => {
          look = () => heard.length >= count && resolve([...heard]);
          look();
        });
      return { heard, until };
    };
    globalThis.tools = { app, listen, passphrase };
  }, passphrase);
  return page;
}

/** Bob, who listens through a proxy, and Alice, who shares with him. */
async function scene(t) {
  const proxy = await startProxy(t);
  const { context } = await device(t, { breaks: true, proxy: { server: proxy.url } });
  await context.clock.install();
  const bob = await load(await context.newPage());
  const alice = await load(await (await device(t)).context.newPage());
  const email = (name) => `${name}.${randomBytes(5).toString("hex")}@example.test`;
  const link = await alice.evaluate(async (email) => {
    const { session } = await tools.app.signUp({ email, passphrase: tools.passphrase });
    const card = await session.createCard({ label: "Passport", fields: [] });
    Object.assign(tools, { session, card });
    return (await session.invite({ delivery: "link", name: "Bob" })).link;
  }, email("alice"));
  const credentials = { email: email("bob"), passphrase: "heard everywhere" };
  const connection = await bob.evaluate(async ({ link, credentials }) => {
    const { session } = await tools.app.signUp(credentials);
    const { id } = await session.accept({ link }, { name: "Alice" });
    Object.assign(tools, { session });
    return id;
  }, { link, credentials });
  const share = () => alice.evaluate(async (connection) => (await tools.session.share({ card: tools.card.id, connection, live: false })).id, connection);
  return { proxy, context, bob, share, credentials };
}

const listen = (page) => page.evaluate(() => void (tools.ears = tools.listen(tools.session)));
const hears = (page, shares) => page.evaluate((count) => tools.ears.until(count), shares.length).then((heard) => assert.deepEqual(heard, shares));

/** Waits until so many streams are open. */
async function streaming({ streams, opened }, count) {
  while (streams.size < count) await opened.next();
}

test("a stream that falls silent or breaks loses nothing", async (t) => {
  const { proxy, bob, share } = await scene(t);
  await listen(bob);
  await streaming(proxy, 1);
  const shares = [await share()];
  await hears(bob, shares);

  proxy.silence();
  shares.push(await share(), await share());
  await bob.clock.fastForward(50_000);
  await hears(bob, shares);

  // The machine slept for long, and the page comes to the front.
  proxy.silence();
  shares.push(await share());
  await bob.clock.setSystemTime(await bob.evaluate(() => Date.now() + 30_000));
  await bob.evaluate(() => void dispatchEvent(new Event("online")));
  await hears(bob, shares);

  proxy.break();
  shares.push(await share(), await share());
  await bob.clock.fastForward(5_000);
  await hears(bob, shares);
  assert.ok([...proxy.streams].every(({ after }) => /^\d+$/.test(after)));
});

test("what a proxy keeps until the stream ends is told all the same", async (t) => {
  const { proxy, bob, share } = await scene(t);
  proxy.buffer();
  await listen(bob);
  const shares = [];
  for (let count = 0; count < 2; count += 1) {
    await streaming(proxy, 1);
    shares.push(await share());
    await bob.clock.fastForward(50_000);
    await hears(bob, shares);
    // The next stream comes after a pause.
    await bob.clock.fastForward(2_000);
  }
});

test("what happens while a kept page loads anew is told, and in each tab", async (t) => {
  const { proxy, context, bob, share, credentials } = await scene(t);
  await bob.evaluate(() => tools.session.persist({ scope: "browser" }));
  await listen(bob);
  await streaming(proxy, 1);
  await hears(bob, [await share()]);

  await bob.goto("about:blank");
  const missed = [await share(), await share()];
  await load(bob);
  await bob.evaluate(async () => (tools.session = await tools.app.resume()));
  await listen(bob);
  await hears(bob, missed);

  const other = await load(await context.newPage());
  await other.evaluate(async (credentials) => (tools.session = await tools.app.signIn(credentials)), credentials);
  await listen(other);
  const last = await share();
  await hears(bob, [...missed, last]);
  await hears(other, [last]);
  assert.equal(proxy.streams.size, 1, "the two tabs have one stream");
});
