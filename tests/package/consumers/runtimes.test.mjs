// The package in runtimes without a page, and in those that stand in for one in tests.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { sample } from "../../e2e/sample.mjs";
import { BUN, DENO, SEEN, WORKERD, furtherTools, newNode, project as fresh, projectAmong, run, setting, tools, withServices } from "../support.mjs";

const project = (t, name) => fresh(t, `consumers/${name}`, "consumers/shared");
const services = [setting("VAULT"), setting("KEYSTORE")];

// The oldest that the package takes, or a newer one. npm installs them on the machines that they run on.
const nodes = { "this Node.js": process.execPath };
for (const version of sample(["20", "22"], 1)) nodes[`Node.js ${version}`] = join(tools(), `node_modules/node-${version}/bin/node`);

for (const [name, node] of Object.entries(nodes)) {
  test(`node: ${name}`, { skip: !existsSync(node) }, async (t) => {
    const folder = await project(t, "node");
    for (const file of name === "this Node.js" ? ["main.js", "external.js", "full.js"] : ["main.js"]) {
      assert.equal(await run(node, [file, ...services], folder), `${SEEN}\n`);
    }
  });
}

const others = {
  async deno(t) {
    if (!DENO) return t.skip("npm has none for this machine");
    const folder = await project(t, "node");
    const options = ["run", "--allow-net", "--allow-read", "--node-modules-dir=manual"];
    for (const file of ["main.js", "external.js"]) assert.equal(await run(DENO, [...options, file, ...services], folder), `${SEEN}\n`);
  },

  async bun(t) {
    if (!BUN) return t.skip("npm has none for this machine");
    const folder = await project(t, "node");
    for (const file of ["main.js", "external.js"]) assert.equal(await run(BUN, [file, ...services], folder), `${SEEN}\n`);
  },

  async workerd(t) {
    if (!WORKERD) return t.skip("npm has none for this machine");
    const folder = await project(t, "workerd");
    const external = "--external:*.wasm";
    await run(join(tools(), "node_modules/.bin/esbuild"), ["worker.js", "--bundle", "--format=esm", external, "--outfile=bundle.js"], folder);
    const answer = await fetch(withServices(await startWorkerd(t, folder)));
    assert.equal(await answer.text(), SEEN);
  },

  async "vitest, with jsdom"(t) {
    await vitest(t);
  },

  async "vitest, with jsdom in a context of its own"(t) {
    await vitest(t, "--pool", "vmThreads");
  },

  async "jest, with jsdom"(t) {
    const folder = await furtherTools("runners");
    const jest = join(folder, "node_modules/jest/bin/jest.js");
    await run(newNode, ["--experimental-vm-modules", jest], await projectAmong(folder, t, "consumers/jest", "consumers/shared"));
  },
};

async function vitest(t, ...options) {
  const folder = await furtherTools("runners");
  const among = await projectAmong(folder, t, "consumers/vitest", "consumers/shared");
  await run(newNode, [join(folder, "node_modules/vitest/vitest.mjs"), "run", "--environment", "jsdom", ...options], among);
}

/** Starts workerd until the test ends. Resolves with its address, which it tells by a pipe of its own. */
async function startWorkerd(t, folder) {
  const child = spawn(WORKERD, ["serve", "config.capnp", "--control-fd=3"], { cwd: folder, stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const ended = once(child, "close");
  t.after(async () => {
    child.kill();
    await ended;
  });
  for await (const line of createInterface({ input: child.stdio[3] })) {
    const { event, port } = JSON.parse(line);
    if (event === "listen") return `http://127.0.0.1:${port}/`;
  }
  throw new Error("workerd does not listen.");
}

for (const [name, check] of sample(Object.entries(others), 1)) test(name, check);
