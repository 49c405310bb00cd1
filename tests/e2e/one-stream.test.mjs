// One event stream for all tabs of an account: a browser has six connections to an origin of HTTP/1.1.

import assert from "node:assert/strict";
import { load, someone } from "./app.mjs";
import { test } from "./sample.mjs";
import { useBrowser } from "./support.mjs";

const device = useBrowser();

/** Asking for what has passed is none. */
const isStream = (request) => /\/v1\/events(\?since=\d+)?$/.test(request.url());

/** Listens to kinds of events at once; `tools.until` waits for so many. */
async function listen(page) {
  await page.evaluate(() => {
    const heard = [];
    let look = () => {};
    tools.session.on(["invitation", "connection", "locked"], (event) => {
      heard.push(event.id ?? event.kind);
      look();
    });
    tools.until = (count) =>
      new Promise((resolve) => {
        look = () => heard.length >= count && resolve([...heard]);
        look();
      });
  });
}

/** Two changes of the account; gives the events that tell of them. */
const change = (page) =>
  page.evaluate(async () => {
    const { id } = await tools.session.invite({ delivery: "link", name: "Bob" });
    await tools.session.cancelInvitation(id);
    return [id, id];
  });

const hears = async (page, events) => assert.deepEqual(await page.evaluate((count) => tools.until(count), events.length), events);

test("eight tabs hear all over one stream, and lose nothing when the tab that reads it goes", async (t) => {
  const { context, requests } = await device(t);
  const first = await load(await context.newPage());
  const opened = context.waitForEvent("response", (response) => isStream(response.request()));
  await first.evaluate(async (credentials) => {
    const { session } = await tools.app.signUp(credentials);
    await session.persist({ scope: "browser" });
    Object.assign(tools, { session });
  }, someone());
  await listen(first);
  await opened;
  const others = [];
  for (let count = 0; count < 7; count += 1) {
    const page = await load(await context.newPage());
    await page.evaluate(async () => Object.assign(tools, { session: await tools.app.resume() }) && undefined);
    await listen(page);
    others.push(page);
  }
  // With a stream of its own for each, this would never end.
  const events = await change(others[6]);
  for (const page of [first, ...others]) await hears(page, events);
  assert.equal(requests.filter(isStream).length, 1);

  const [, during] = await Promise.all([first.close(), change(others[3])]);
  events.push(...during, ...(await change(others[0])));
  for (const page of others) await hears(page, events);
  assert.equal(requests.filter(isStream).length, 2);

  await others[2].evaluate(() => tools.session.lock());
  for (const page of others) await hears(page, [...events, "locked"]);
});
