// The package in further bundlers, and their dev servers. One of each kind is tried each time.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sample } from "../../e2e/sample.mjs";
import { BUN, DENO, POLICY, SEEN, build, furtherTools, project as fresh, projectAmong, run, serve, serveWith, tools, useBrowser } from "../support.mjs";

const open = useBrowser();
const project = (t, name) => fresh(t, `consumers/${name}`, "consumers/shared");
const strict = { headers: { "content-security-policy": POLICY } };

/** A page whose worker is made from what is loaded, where the bundler or dev server leaves its file behind. */
const works = async (t, page) => assert.equal((await open(t, page)).seen, SEEN);

for (const version of sample(["vite-5", "vite-6", "vite-7"], 1)) {
  const vite = join(tools(), `node_modules/${version}/bin/vite.js`);

  test(`${version}: the dev server`, async (t) => {
    const page = await serveWith(t, vite, ["--host", "127.0.0.1", "--port", "0"], await project(t, "vite"));
    await works(t, page);
  });

  test(`${version}: the build`, async (t) => {
    const folder = await project(t, "vite");
    await build(vite, ["build"], folder);
    const page = await serve(t, join(folder, "dist"), strict);
    await works(t, page);
  });
}

/** A project of a framework, and the path of its tool. */
async function framework(t, name, tool) {
  const folder = await furtherTools("frameworks");
  return { folder: await projectAmong(folder, t, `consumers/${name}`, "consumers/shared"), tool: join(folder, "node_modules", tool) };
}
const astro = (t) => framework(t, "astro", "astro/bin/astro.mjs");
const angular = (t) => framework(t, "angular", "@angular/cli/bin/ng.js");

const frameworks = {
  async "astro: the dev server"(t) {
    const { folder, tool } = await astro(t);
    const page = await serveWith(t, tool, ["dev", "--port", "0"], folder);
    await works(t, page);
  },

  async "astro: the build"(t) {
    const { folder, tool } = await astro(t);
    await build(tool, ["build"], folder);
    const page = await serve(t, join(folder, "dist"));
    await works(t, page);
  },

  async "angular: the build, with zone.js"(t) {
    const { folder, tool } = await angular(t);
    await build(tool, ["build"], folder);
    await works(t, await serve(t, join(folder, "dist/browser")));
  },

  async "angular: the dev server"(t) {
    const { folder, tool } = await angular(t);
    const page = await serveWith(t, tool, ["serve", "--host", "127.0.0.1", "--port", "0"], folder);
    await works(t, page);
  },

  async "bun build"(t) {
    if (!BUN) return t.skip("npm has none for this machine");
    const folder = await project(t, "esbuild");
    await run(BUN, ["build", "./main.js", "--outdir", "dist/assets", "--minify"], folder);
    await works(t, await serve(t, join(folder, "dist")));
  },

  async "deno bundle"(t) {
    if (!DENO) return t.skip("npm has none for this machine");
    const folder = await project(t, "esbuild");
    await run(DENO, ["bundle", "--platform", "browser", "--minify", "--output", "dist/assets/main.js", "main.js"], folder);
    await works(t, await serve(t, join(folder, "dist")));
  },
};

for (const [name, check] of sample(Object.entries(frameworks), 1)) test(name, check);
