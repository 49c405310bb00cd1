// A Vault and a Keystore as they are released, and a page of a third origin.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { answers, ports } from "../servers.mjs";

/** The server, the package, and the folder of those that it is compared with. */
const { VOUCHSAFE_SPEED_SERVER: program, VOUCHSAFE_SPEED_PACKAGE: vouchsafe, VOUCHSAFE_SPEED_PEERS: peers } = process.env;

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

/** Where the page finds what modules name. */
const IMPORTS = {
  "@noble/ciphers/": "/peers/@noble/ciphers/",
  "@noble/curves/": "/peers/@noble/curves/",
  "@noble/hashes/": "/peers/@noble/hashes/",
  "hash-wasm": "/peers/hash-wasm/dist/index.esm.min.js",
  jose: "/peers/jose/dist/webapi/index.js",
  libsodium: "/peers/libsodium/dist/modules-esm/libsodium.mjs",
  "libsodium-wrappers": "/peers/libsodium-wrappers/dist/modules-esm/libsodium-wrappers.mjs",
};
const PAGE = `<!doctype html><meta charset="utf-8"><title>Speed</title><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script><script>window.ask = async (name, ...given) => (await import("/page.js"))[name](...given);</script>`;

/** A module that is as large as the package's, and has nothing but a section that nobody reads. */
async function emptyModule() {
  const { length } = await readFile(join(vouchsafe, "vouchsafe_bg.wasm"));
  const header = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0]);
  // In five bytes, as LEB128 may be.
  const leb = (value) => Buffer.from([0, 7, 14, 21, 28].map((shift, index) => ((value >>> shift) & 0x7f) | (index < 4 ? 0x80 : 0)));
  const content = Buffer.concat([Buffer.from([0]), randomBytes(length - header.length - 6)]);
  return Buffer.concat([header, leb(content.length), content]);
}

/** What is made for bundlers, in one file. */
async function bundled(name, resolveDir = peers) {
  const { build } = createRequire(join(peers, "from.js"))("esbuild");
  const stdin = { contents: `export * from "${name}";`, resolveDir };
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, write: false, format: "esm", define: { global: "globalThis" } });
  return outputFiles[0].contents;
}

/** Does `work` with the addresses of the page and of both services. */
export async function withServices(work) {
  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-speed-"));
  const ended = [];
  try {
    const page = await servePage(ended);
    const [vault, keystore] = await ports(2);
    const services = { vault: `http://127.0.0.1:${vault}/vault`, keystore: `http://127.0.0.1:${keystore}/keystore` };
    for (const [name, port] of [["keystore", keystore], ["vault", vault]]) {
      const words = [name, "--listen", `127.0.0.1:${port}`, "--data", join(folder, name), "--vault-url", services.vault, "--keystore-url", services.keystore];
      const child = spawn(program, [...words, "--cors-origin", new URL(page).origin, "--no-rate-limits"], { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, VOUCHSAFE_LOG: "error" } });
      ended.push(async () => {
        child.kill("SIGTERM");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      });
      await answers(`${services[name]}/health`, child);
    }
    await work(page, services);
  } finally {
    for (const end of ended.reverse()) await end();
    await rm(folder, { recursive: true, force: true });
  }
}

async function servePage(ended) {
  const made = { "/empty.wasm": await emptyModule(), "/cryppo.js": await bundled("@meeco/cryppo"), "/app.js": await bundled("./index.js", vouchsafe) };
  const own = (await readdir(new URL(".", import.meta.url))).filter((name) => extname(name) === ".js");
  const roots = { vouchsafe, peers };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://page");
    const send = (type, body) => response.writeHead(200, { "content-type": type }).end(body);
    try {
      if (pathname === "/") return send(TYPES[".html"], PAGE);
      if (made[pathname]) return send(TYPES[extname(pathname)], made[pathname]);
      if (own.includes(pathname.slice(1))) return send(TYPES[".js"], await readFile(new URL(pathname.slice(1), import.meta.url)));
      if (pathname === "/sink") {
        for await (const _ of request);
        return send("text/plain", "");
      }
      const [, root, ...rest] = normalize(pathname).split("/");
      return send(TYPES[extname(pathname)] ?? "application/octet-stream", await readFile(join(roots[root], ...rest)));
    } catch {
      return response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return `http://127.0.0.1:${server.address().port}/`;
}
