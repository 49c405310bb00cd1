// Common parts of the package's tests: fresh projects that install it, their tools, servers, and a browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, extname, join, normalize } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The policy under which the package promises to work. */
export const POLICY =
  "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; require-trusted-types-for 'script'; trusted-types vouchsafe";

/** The text that a person sees where files are not encrypted. */
export const SEEN_WITHOUT_FILE = "Alice (verified) shared Passport: X1234567";

/** The text that a person sees in the end. */
export const SEEN = `${SEEN_WITHOUT_FILE}, with a scan`;

/** A sign-up stretches a passphrase, and a flow has two, which takes long on a slow machine. */
const LONG = 120_000;

const here = fileURLToPath(new URL(".", import.meta.url));

/** A setting that `cargo xtask test` gives. */
export function setting(name) {
  const value = process.env[`VOUCHSAFE_${name}`];
  assert.ok(value, "Run `cargo xtask test --only package` or `--only consumers`: they build the package and name it.");
  return value;
}

/** The folder in which npm put the tools. A project within it finds them as it would find its own. */
export const tools = () => setting("CONSUMERS");

/** A program of an npm package that holds nothing else; `null` where npm installed none for this machine. */
export function binary(path) {
  const found = join(tools(), "node_modules", path);
  return existsSync(found) ? found : null;
}

/** Runtimes that npm installs as programs; `null` elsewhere than on the machines that they run on. */
export const DENO = binary("@deno/linux-x64-glibc/deno");
export const BUN = binary("@oven/bun-linux-x64/bin/bun");
export const WORKERD = binary("@cloudflare/workerd-linux-64/bin/workerd");

/**
 * Installs the tools of a folder of `tools` beside this file, which are not needed in every run. Returns the folder in which
 * they are, with those of every run above it.
 */
export async function furtherTools(group) {
  const folder = join(tools(), group);
  await mkdir(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) await cp(join(here, "tools", group, name), join(folder, name));
  // `npm ci` empties the folder first, so it runs only when the lock file is another one.
  const stamp = join(folder, "node_modules/.installed-lock.json");
  const lock = await readFile(join(folder, "package-lock.json"), "utf8");
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === lock) return folder;
  await run("npm", ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder);
  await writeFile(stamp, lock);
  return folder;
}

/** A new project with the files of the folder `name`, and of others, and the package installed from the tarball. */
export const project = (t, name, ...others) => projectAmong(tools(), t, name, ...others);

/** The same among the tools of a folder. */
export async function projectAmong(found, t, name, ...others) {
  await mkdir(join(found, "projects"), { recursive: true });
  const folder = await mkdtemp(join(found, "projects", `${basename(name)}-`));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  for (const source of [name, ...others]) await cp(join(here, source), folder, { recursive: true });
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", setting("TARBALL")], folder);
  return folder;
}

/** Runs a program to its end. Returns what it printed. */
export async function run(program, args, cwd, env = {}) {
  const { child, printed } = start(program, args, cwd, env);
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  assert.equal(code, 0, `${program} ${args.join(" ")} failed:\n${printed()}`);
  return printed();
}

/** The command of a tool that npm installed: its name, or the path of the script that it is. */
const command = (tool, args) => (tool.endsWith("js") ? [newNode, [tool, ...args]] : [join(tools(), "node_modules/.bin", tool), args]);

/** Runs a tool that npm installed, such as a bundler. Anything that it warns of is a failure. */
export async function build(tool, args, cwd) {
  const printed = await run(...command(tool, args), cwd);
  assert.doesNotMatch(printed, /warn|deprecat|\(!\)/i, `${tool} warns`);
  return printed;
}

/** Checks that the scripts of a built page have the calls about files in one of their own. */
export async function filesAreApart(folder) {
  const scripts = (await readdir(folder, { recursive: true })).filter((name) => /\.m?js$/.test(name) && !name.includes("node_modules"));
  const having = async (text) => {
    const found = await Promise.all(scripts.map(async (name) => (await readFile(join(folder, name), "utf8")).includes(text)));
    return scripts.filter((_, index) => found[index]);
  };
  const [files, calls] = [await having("vouchsafe/1 file "), await having("Vouchsafe.open()")];
  assert.ok(files.length > 0 && calls.length > 0, scripts.join());
  assert.deepEqual(files.filter((name) => calls.includes(name)), []);
}

/** Starts a tool that serves; it ends with the test. Resolves with the address that it prints. */
export async function serveWith(t, tool, args, cwd) {
  const { child, printed } = start(...command(tool, args), cwd);
  const ended = new Promise((resolve) => child.once("close", resolve));
  t.after(async () => {
    process.kill(-child.pid, "SIGTERM");
    await ended;
    assert.doesNotMatch(printed(), /warn|error|deprecat/i, `${tool} warns`);
  });
  return new Promise((resolve, reject) => {
    const look = () => {
      const address = /http:\/\/(127\.0\.0\.1|localhost):\d+/.exec(printed());
      if (address) resolve(`${address[0]}/`);
    };
    child.stdout.on("data", look);
    child.once("error", reject);
    child.once("close", () => reject(new Error(`${tool} ended:\n${printed()}`)));
  });
}

function start(program, args, cwd, env = {}) {
  // These variables would let the tools say more than to a developer, or in colours.
  const environment = { ...process.env, NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1", ...env };
  for (const name of ["CI", "FORCE_COLOR", "NODE_ENV", "NODE_OPTIONS", "NODE_TEST_CONTEXT"]) delete environment[name];
  const child = spawn(program, args, { cwd, env: environment, detached: true });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  return { child, printed: () => text };
}

/** Some tools need a newer Node.js than the package does. */
export const newNode = binary("node-22/bin/node") ?? process.execPath;

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** Serves a folder until the test ends. Returns the address. */
export async function serve(t, folder, { headers = {}, host = "127.0.0.1" } = {}) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    try {
      const content = await readFile(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers });
      response.end(content);
    } catch {
      response.writeHead(404, { "content-type": "text/html", ...headers }).end("<h1>There is no such page</h1>");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return `http://${host}:${server.address().port}/`;
}

/** Chromium, and the options that it is started with. */
export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    // A name that is no secure context, as pages without https have.
    "--host-resolver-rules=MAP insecure.example 127.0.0.1",
  ],
};

/** The address with those of the services behind it. */
export function withServices(page) {
  const address = new URL(page);
  address.searchParams.set("vault", setting("VAULT"));
  address.searchParams.set("keystore", setting("KEYSTORE"));
  return address.href;
}

/** Before a sign-up the package asks both services for what they refuse to everybody, and the browser says so. */
const isOfCheck = (message) => /status of 401/.test(message.text()) && /\/v1\/(-|public-keys\/-|credentials)$/.test(message.location().url);

/**
 * One browser for the tests of a file, started when the first wants it: a sample may have no test of the file. The result opens a
 * page and returns what it shows in the end.
 */
export function useBrowser() {
  let browser;
  after(async () => (await browser)?.close());
  return async (t, page, { faultsExpected = false } = {}) => {
    const context = await (await (browser ??= chromium.launch(CHROMIUM))).newContext();
    t.after(() => context.close());
    const tab = await context.newPage();
    const faults = [];
    tab.on("console", (message) => {
      if (["warning", "error"].includes(message.type()) && !isOfCheck(message)) faults.push(`${message.text()} (${message.location().url})`);
    });
    const uncaught = new Promise((_, reject) => {
      tab.on("pageerror", (error) => {
        faults.push(`uncaught: ${error.stack ?? error}`);
        reject(error);
      });
    });
    await tab.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
        console.error(`security policy: ${violatedDirective} ${blockedURI} ${sample}`);
      });
    });
    await tab.goto(withServices(page));
    const output = tab.locator("output").filter({ hasText: /\S/ });
    await Promise.race([output.waitFor({ timeout: LONG }), uncaught]).catch((error) => {
      throw new Error(`The page shows nothing; it had these faults:\n${faults.join("\n")}`, { cause: error });
    });
    const seen = await output.innerText();
    if (!faultsExpected) assert.deepEqual(faults, [], `the page had faults and shows: ${seen}`);
    return { seen, faults, tab };
  };
}
