// Common parts of the tests of guides and of whole example apps: a folder beside a checkout, Vite, and tabs.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { testInTurn } from "../e2e/sample.mjs";

/** How long a test waits for what must happen, in milliseconds: it ends a test that would hang, and decides nothing else. */
const PATIENCE = 180_000;

export const root = new URL("../../", import.meta.url);

/** The address of Vault and Keystore. */
export const services = setting("VOUCHSAFE_SERVICES");

function setting(name) {
  const value = process.env[name];
  assert.ok(value, "Run `cargo xtask test --only guide`: it starts the services and names the package.");
  return value;
}

/** Programs say less, and nothing in colour, where nobody watches. */
const environment = (extra) => {
  const { NODE_TEST_CONTEXT: _, FORCE_COLOR: __, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1", ...extra };
};

// After the tests, because what they started uses them until it is ended.
const folders = [];
// Ended here as well: a test that fails may not come to what it wanted to do at its end.
const servers = [];
after(async () => {
  await Promise.all(servers.map((stop) => stop()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, maxRetries: 5 })));
});

/** An empty folder, in which the path `checkout` leads to the built package as in a checkout. */
export async function folderBeside(checkout) {
  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-guide-"));
  folders.push(folder);
  const tarball = setting("VOUCHSAFE_TARBALL");
  const place = join(folder, checkout, "target/package");
  await mkdir(place, { recursive: true });
  await copyFile(tarball, join(place, basename(tarball)));
  return folder;
}

/** Runs lines of a shell; what they print must not hold a warning. */
export async function shell(lines, cwd) {
  const { stdout, stderr } = await promisify(execFile)("sh", ["-e", "-c", lines], { cwd, env: environment() });
  assert.doesNotMatch(stdout + stderr, /\bwarn/i);
}

/** Starts `npm run dev`, which runs Vite. The address of the page, and how to end it. */
export async function dev(t, cwd, extra) {
  const child = spawn("npm", ["run", "dev"], { cwd, env: environment(extra), detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close");
  let said = "";
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGTERM");
    await closed;
  };
  servers.push(stop);
  t.after(stop);
  const page = await new Promise((resolve, reject) => {
    const hear = (chunk) => {
      said += chunk;
      const [, address] = /Local:\s+(http:\S+)/.exec(said) ?? [];
      if (address) resolve(address);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);
    child.once("close", () => reject(new Error(`Vite ended:\n${said}`)));
  });
  return { page, stop };
}

/** `test` of Node.js for one of the apps, which take turns: each is made and run as a whole. */
export const test = (app, name, run) => testInTurn(app, ["guide", "react"], name, run);

const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
  });

/**
 * One browser for the tests of a file, started when the first wants it; the result opens tabs. Warnings and errors in a tab fail
 * the test.
 */
export function useBrowser() {
  let browser;
  after(async () => (await browser)?.close());
  return async (t) => {
    const context = await (await (browser ??= launch())).newContext();
    context.setDefaultTimeout(PATIENCE);
    const faults = [];
    context.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`);
    });
    context.on("weberror", (error) => faults.push(`uncaught: ${error.error().stack ?? error.error()}`));
    t.after(async () => {
      await context.close();
      assert.deepEqual(faults, [], "the page had faults");
    });
    return async (address) => {
      const tab = await context.newPage();
      await tab.goto(address);
      return tab;
    };
  };
}
