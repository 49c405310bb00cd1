// The package in one fresh project for each way of building a page, installed from the tarball, built, and run in a browser
// against the services.

import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { test as sometimes } from "../../e2e/sample.mjs";
import { POLICY, SEEN, SEEN_WITHOUT_FILE, build, filesAreApart, project as fresh, run, serve, serveWith, setting, useBrowser } from "../support.mjs";

const open = useBrowser();
const project = (t, name) => fresh(t, `consumers/${name}`, "consumers/shared");
const strict = { headers: { "content-security-policy": POLICY } };

test("plain: a script of type module, and no bundler", async (t) => {
  const page = await serve(t, await project(t, "plain"), strict);
  assert.equal((await open(t, page)).seen, SEEN);
  assert.equal((await open(t, `${page}full.html`)).seen, SEEN);
});

test("plain: without WebCrypto, the full entry works and the others say why not", async (t) => {
  const page = await serve(t, await project(t, "plain"), { ...strict, host: "insecure.example" });
  assert.equal((await open(t, `${page}full.html`)).seen, SEEN_WITHOUT_FILE);
  assert.match((await open(t, page)).seen, /^VouchsafeError insecure_context: .*vouchsafe\/full/);
});

test("vite: the dev server", async (t) => {
  const page = await serveWith(t, "vite", ["--host", "127.0.0.1", "--port", "0"], await project(t, "vite"));
  assert.equal((await open(t, page)).seen, SEEN);
});

test("vite: the build", async (t) => {
  const folder = await project(t, "vite");
  await build("vite", ["build"], folder);
  await filesAreApart(join(folder, "dist"));
  const page = await serve(t, join(folder, "dist"), strict);
  assert.equal((await open(t, page)).seen, SEEN);
});

sometimes("webpack", async (t) => {
  const folder = await project(t, "webpack");
  // It recommends files of 244 KiB and less, which no module of this size can be.
  const options = ["--mode", "production", "--performance-hints", "false", "--output-trusted-types-policy-name", "webpack"];
  await build("webpack", options, folder);
  await filesAreApart(join(folder, "dist"));
  // It loads what is apart by a script element, for which the page's policy names it, too.
  const page = await serve(t, join(folder, "dist"), { headers: { "content-security-policy": `${POLICY} webpack` } });
  assert.equal((await open(t, page)).seen, SEEN);
});

/** The one file that bundlers which do not follow addresses leave behind. */
const copyWorker = (folder) =>
  cp(join(folder, "node_modules/vouchsafe/vouchsafe-worker.js"), join(folder, "dist/vouchsafe-worker.js"));

sometimes("rollup, with the worker's file copied", async (t) => {
  const folder = await project(t, "rollup");
  await build("rollup", ["main.js", "--plugin", "node-resolve", "--format", "es", "--dir", "dist/assets"], folder);
  await copyWorker(folder);
  await filesAreApart(join(folder, "dist"));
  const page = await serve(t, join(folder, "dist"), strict);
  assert.equal((await open(t, page)).seen, SEEN);
});

sometimes("esbuild, with the worker's file copied", async (t) => {
  const folder = await project(t, "esbuild");
  await build("esbuild", ["main.js", "--bundle", "--minify", "--format=esm", "--splitting", "--outdir=dist/assets"], folder);
  await copyWorker(folder);
  await filesAreApart(join(folder, "dist"));
  const page = await serve(t, join(folder, "dist"), strict);
  assert.equal((await open(t, page)).seen, SEEN);
});

sometimes("parcel, whose own inline script the policy would forbid", async (t) => {
  const folder = await project(t, "parcel");
  await build("parcel", ["build", "index.html", "--no-cache"], folder);
  await filesAreApart(join(folder, "dist"));
  const page = await serve(t, join(folder, "dist"));
  assert.equal((await open(t, page)).seen, SEEN);
});

sometimes("next: imported on the server, used in the browser", async (t) => {
  const folder = await project(t, "next");
  await build("next", ["build"], folder);
  await filesAreApart(join(folder, ".next/static"));
  const page = await serveWith(t, "next", ["start", "--hostname", "127.0.0.1", "--port", "0"], folder);
  const { seen, tab } = await open(t, page);
  assert.equal(seen, SEEN);
  assert.equal(await tab.locator("p").innerText(), "On the server: function, false");
});

test("node: an app's own fetch, redirects, timers", async (t) => {
  const printed = await run(process.execPath, ["calls.js", setting("VAULT"), setting("KEYSTORE")], await project(t, "node"));
  assert.deepEqual(printed.trim().split("\n"), [
    "VouchsafeError offline: the app's own",
    "VouchsafeError offline: the app's own",
    "VouchsafeError offline: Object",
    "VouchsafeError offline: TypeError",
    "VouchsafeError offline: TypeError",
    "string cards manual, string jwks manual, string openapi.json manual, string sign-up manual, string tokens manual",
    "server_error true undefined",
    "server_error false status 302, type ",
    "0 timers",
    "4 requests",
  ]);
});
