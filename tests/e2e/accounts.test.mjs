// Several accounts that one browser keeps, each by the name that the app gave it.

import assert from "node:assert/strict";
import { load, someone, use } from "./app.mjs";
import { test } from "./sample.mjs";
import { useBrowser } from "./support.mjs";

const device = useBrowser();

/** Signs somebody up in a page, and keeps them. */
const keep = (page, options) =>
  page.evaluate(async ({ credentials, options }) => {
    const { session } = await tools.app.signUp(credentials);
    await session.persist(options);
    Object.assign(tools, { session });
    return session.account;
  }, { credentials: someone(), options });

const kept = (page) => page.evaluate(async () => (await tools.app.kept()).map(({ account, scope, locked }) => [account, scope, locked]));
const resumed = (page, options) => page.evaluate(async (options) => (await tools.app.resume(options))?.account, options);

test("two accounts are kept beside each other, and end one by one", async (t) => {
  const { context } = await device(t);
  const [home, work] = [await load(await context.newPage()), await load(await context.newPage())];
  const atHome = await keep(home, { scope: "browser", account: "home" });
  const atWork = await keep(work, { scope: "browser", account: "work", locked: true });
  const later = await load(await context.newPage());
  const both = [["work", "browser", true], ["home", "browser", false]];
  assert.deepEqual(await kept(later), both);
  assert.equal(await resumed(later, { account: "home" }), atHome);
  assert.equal(await resumed(later, { account: "work" }), atWork);
  assert.equal(await resumed(later, { account: "nobody's" }), undefined);
  await home.evaluate(() => tools.session.cards());

  // A tab has its own, which come first.
  const atTab = await keep(later, { scope: "tab", account: "home" });
  await later.reload();
  await use(later);
  assert.deepEqual((await kept(later))[0], ["home", "tab", false]);
  assert.equal(await resumed(later), atTab);
  assert.equal(await resumed(later, { account: "work" }), atWork);

  // One of the same name takes the other's place.
  const next = await load(await context.newPage());
  const ended = work.evaluate(() => new Promise((resolve) => tools.session.on("ended", resolve)));
  await keep(next, { scope: "browser", account: "work" });
  await ended;
  assert.equal(await resumed(home, { account: "home" }), atHome, "the other one stays");
  await home.evaluate(() => tools.session.signOut());
  assert.deepEqual(await kept(next), [["work", "browser", false]]);
});
