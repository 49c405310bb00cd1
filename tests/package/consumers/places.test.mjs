// The package where there is no page, or a strange one: in a service worker, in a SharedWorker, without an origin, from disk.

import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { test } from "../../e2e/sample.mjs";
import { CHROMIUM, SEEN, project as fresh, run, serve, setting, tools, useBrowser } from "../support.mjs";

const open = useBrowser();
const project = (t, name) => fresh(t, `consumers/${name}`, "consumers/shared");

test("the background of an extension (manifest 3)", async (t) => {
  const folder = await project(t, "extension");
  const args = [...CHROMIUM.args, "--headless=new", `--disable-extensions-except=${folder}`, `--load-extension=${folder}`];
  // The option of playwright starts another Chromium, which has no extensions.
  const context = await chromium.launchPersistentContext("", { ...CHROMIUM, headless: false, args });
  t.after(() => context.close());
  const background = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const services = { vault: setting("VAULT"), keystore: setting("KEYSTORE") };
  assert.equal(await background.evaluate((given) => globalThis.share(given), services), SEEN);
});

test("a SharedWorker", async (t) => {
  const page = await serve(t, await project(t, "places"));
  assert.equal((await open(t, `${page}shared-worker.html`)).seen, SEEN);
});

test("a sandboxed frame, which has no origin", async (t) => {
  const policy = "worker-src blob:; require-trusted-types-for 'script'; trusted-types vouchsafe";
  // Its scripts are of another origin than it.
  const headers = { "content-security-policy": policy, "access-control-allow-origin": "*" };
  const page = await serve(t, await project(t, "places"), { headers });
  assert.equal((await open(t, `${page}frame.html`)).seen, `null: ${SEEN}`);
});

test("a page from disk, which loads classic scripts alone", async (t) => {
  const folder = await project(t, "places");
  const esbuild = join(tools(), "node_modules/.bin/esbuild");
  // esbuild warns that such a script has no address.
  await run(esbuild, ["disk.js", "--bundle", "--format=iife", "--outfile=disk.bundle.js"], folder);
  assert.equal((await open(t, pathToFileURL(join(folder, "disk.html")).href)).seen, SEEN);
});
