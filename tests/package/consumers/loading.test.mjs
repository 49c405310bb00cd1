// Loading of module and worker: their places, the policies they work under, and the errors when they are missing.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "../../e2e/sample.mjs";
import { POLICY, SEEN, build, project, serve, useBrowser } from "../support.mjs";

const open = useBrowser();
const plain = (t) => project(t, "consumers/plain", "consumers/shared");
const under = (policy) => ({ headers: { "content-security-policy": policy } });

/** The text that the page shows if something is missing; the browser's console says so, too. */
const failure = async (t, page) => (await open(t, page, { faultsExpected: true })).seen;

test("the external entry takes the module from its own file, an address, an answer, bytes, or compiled", async (t) => {
  const page = `${await serve(t, await plain(t), under(POLICY))}external.html`;
  assert.equal((await open(t, page)).seen, SEEN);
  for (const source of ["#address", "#answer", "#bytes", "#module"]) {
    assert.equal((await open(t, page + source)).seen, `loaded by ${source}`);
  }
});

test("the external entry says what is wrong with a source", async (t) => {
  const page = `${await serve(t, await plain(t))}external.html`;
  assert.match(await failure(t, `${page}#missing`), /^VouchsafeError not_found: .*nowhere\.wasm.*vouchsafe_bg\.wasm/);
  assert.match(await failure(t, `${page}#number`), /^VouchsafeError bad_input: .*`wasm`/);
});

test("a page without wasm-unsafe-eval is told what to add", async (t) => {
  const page = await serve(t, await plain(t), under("script-src 'self'"));
  assert.match(await failure(t, page), /^VouchsafeError insecure_context: .*'wasm-unsafe-eval'/);
});

test("a page that forbids workers is told so, and not frozen", async (t) => {
  for (const policy of [POLICY.replace("worker-src 'self'", "worker-src 'none'"), POLICY.replace("trusted-types vouchsafe", "trusted-types other")]) {
    const page = await serve(t, await plain(t), under(policy));
    const said = await failure(t, page);
    assert.match(said, /^VouchsafeError worker_unavailable: /);
    for (const cure of ["vouchsafe-worker.js", "`worker`", "worker-src", "the policy vouchsafe"]) assert.ok(said.includes(cure), said);
  }
});

/** A page without the worker's file, which a bundler wrote in its own way. */
async function bundledAlone(t, ...args) {
  const folder = await project(t, "consumers/rollup", "consumers/shared");
  await build("esbuild", ["main.js", "--bundle", "--minify", "--format=esm", "--outfile=dist/assets/main.js", ...args], folder);
  return join(folder, "dist");
}
const withBlob = under(POLICY.replace("worker-src 'self'", "worker-src 'self' blob:"));

test("without the worker's file the worker is made from what is loaded, where the policy allows that", async (t) => {
  const folder = await bundledAlone(t);
  assert.equal((await open(t, await serve(t, folder, withBlob))).seen, SEEN);
  const said = await failure(t, await serve(t, folder, under(POLICY)));
  assert.match(said, /^VouchsafeError worker_unavailable: The worker could not be started\. .*blob:.*vouchsafe-worker\.js/);
});

test("a bundler that writes for old browsers leaves what the worker is made of whole, or the reason is told", async (t) => {
  assert.equal((await open(t, await serve(t, await bundledAlone(t, "--target=es2016"), withBlob))).seen, SEEN);
  // Each function calls one of the bundler's, which a worker does not have.
  const said = await failure(t, await serve(t, await bundledAlone(t, "--keep-names"), withBlob));
  assert.match(said, /^VouchsafeError worker_unavailable: The worker failed \(.*ReferenceError.*vouchsafe-worker\.js/);
});

test("a worker's file of another version is told from one that is missing", async (t) => {
  const folder = await plain(t);
  const file = join(folder, "node_modules/vouchsafe/vouchsafe-worker.js");
  // Between versions the names change by which a module asks for what it needs.
  await writeFile(join(folder, "old-worker.js"), (await readFile(file, "utf8")).replaceAll("__wbg_", "__old_"));
  const page = await serve(t, folder, under(POLICY));
  const said = await failure(t, `${page}worker.html?worker=/old-worker.js`);
  assert.match(said, /^VouchsafeError worker_unavailable: .*another version/);
});

test("a package that lies on another site makes its worker itself", async (t) => {
  const elsewhere = await serve(t, await plain(t), { headers: { "access-control-allow-origin": "*" } });
  const policy = `script-src 'self' ${elsewhere} 'wasm-unsafe-eval'; worker-src blob:; require-trusted-types-for 'script'; trusted-types vouchsafe`;
  const page = await serve(t, await plain(t), under(policy));
  const address = encodeURIComponent(`${elsewhere}node_modules/vouchsafe/index.js`);
  assert.equal((await open(t, `${page}foreign.html?package=${address}`)).seen, SEEN);
});
