// What a page of another origin costs: its browser asks each service for permission at each new address.

import assert from "node:assert/strict";
import { test } from "node:test";
import { POLICY, SEEN, project, serve, useBrowser } from "../support.mjs";

const open = useBrowser();

test("once a page was let in, the browser asks for permission no more", async (t) => {
  const page = await serve(t, await project(t, "consumers/plain", "consumers/shared"), { headers: { "content-security-policy": POLICY } });
  const { seen, tab } = await open(t, page);
  assert.equal(seen, SEEN);
  const asked = [];
  const browser = await tab.context().newCDPSession(tab);
  await browser.send("Network.enable");
  browser.on("Network.requestWillBeSent", ({ request }) => request.method === "OPTIONS" && asked.push(request.url));
  const again = (ownFetch) =>
    tab.evaluate(async (ownFetch) => {
      const [{ Vouchsafe }, { flow }] = await Promise.all([import("./node_modules/vouchsafe/index.js"), import("./flow.js")]);
      const { vault, keystore } = Object.fromEntries(new URLSearchParams(location.search));
      return flow(Vouchsafe, { vault, keystore, ...(ownFetch && { fetch: (...request) => fetch(...request) }) });
    }, ownFetch);
  assert.equal(await again(false), SEEN);
  assert.deepEqual(asked, []);
  // To a `fetch` of the app's own each address is shown, and so to the browser.
  assert.equal(await again(true), SEEN);
  assert.ok(asked.length >= 5, asked.join("\n"));
});
