// A file of 256 MiB up and down, beside the same bytes by plain `fetch` and WebCrypto, to and from the same Vault; and the memory of the
// page's process meanwhile.

import { randomBytes } from "node:crypto";
import { mkdtemp, open, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measured } from "./figures.mjs";

const PARTS = 256;
const MIB = 2 ** 20;
/** Milliseconds between two looks at the memory. */
const OFTEN = 100;

/** Each of the four ways in a fresh page; the plain ones come first, on either way. */
export async function filesOf(browser, address) {
  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-bench-"));
  const context = await browser.newContext();
  try {
    const path = join(folder, "random");
    const file = await open(path, "w");
    for (let part = 0; part < PARTS; part += 1) await file.write(randomBytes(MIB));
    await file.close();
    const page = await context.newPage();
    await page.goto(address, { waitUntil: "networkidle" });
    await page.evaluate(field);
    // A file of the disk: what a page made itself would count to its memory.
    await page.setInputFiles("#bench", path);
    await page.evaluate(prepare, { parts: PARTS, size: MIB });
    const rows = [];
    for (const [name, way] of Object.entries({ "up, plainly": "plainUp", up: "ourUp", "down, plainly": "plainDown", down: "ourDown" })) {
      await page.evaluate(() => globalThis.gc?.());
      const memory = watch();
      const { figures } = await measured(browser, () => page.evaluate((called) => ways[called](), way));
      rows.push({ name, figures: { ...figures, "MiB/s": (1000 * PARTS) / figures["all of it"], "MiB more at most": await memory.over() } });
    }
    return rows;
  } finally {
    await context.close();
    await rm(folder, { recursive: true });
  }
}

/** The memory of the largest page's process, as Linux tells it: how much more it becomes. */
function watch() {
  const looks = [];
  const timer = setInterval(() => looks.push(largest()), OFTEN);
  const first = largest();
  return {
    async over() {
      clearInterval(timer);
      const [before, ...all] = await Promise.all([first, ...looks]);
      return Math.max(...all, before) - before;
    },
  };
}

/** In MiB; 0 elsewhere. */
async function largest() {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const sizes = ids.map(async (id) => {
    try {
      if (!(await readFile(`/proc/${id}/cmdline`, "utf8")).includes("--type=renderer")) return 0;
      return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...(await Promise.all(sizes)));
}

// The rest runs in the page.

function field() {
  const input = Object.assign(document.createElement("input"), { type: "file", id: "bench" });
  document.body.append(input);
}

async function prepare({ parts, size }) {
  const { Vouchsafe } = await import("/vouchsafe/index.js");
  const vault = `${location.origin}/vault`;
  let authorization;
  const observed = (url, init) => {
    if (url.includes("/files")) ({ authorization } = init.headers);
    return fetch(url, init);
  };
  const app = await Vouchsafe.open({ vault, keystore: `${location.origin}/keystore`, fetch: observed });
  const { session } = await app.signUp({ email: `bench.${Date.now()}@example.com`, passphrase: "a long enough passphrase" });
  const source = document.querySelector("#bench").files[0];
  const { subtle } = crypto;
  const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const gcm = { name: "AES-GCM", iv: new Uint8Array(12) };
  const ask = async (path, method, headers, body) => {
    const response = await fetch(`${vault}/v1/files${path}`, { method, headers: { authorization, ...headers }, body });
    if (!response.ok) throw new Error(await response.text());
    return response;
  };
  const json = { "content-type": "application/json" };
  const id = (await session.addFile(new Blob(["a"]), { name: "a" })).id.replace(/^.{8}/, "01a00000");
  let ref;

  globalThis.ways = {
    /** Four parts at a time, as the package does at its best. */
    async plainUp() {
      await ask("", "POST", json, JSON.stringify({ id }));
      const digests = new Uint8Array(32 * parts);
      let next = 0;
      const work = async () => {
        for (let part = next++; part < parts; part = next++) {
          const sealed = await subtle.encrypt(gcm, key, await source.slice(part * size, (part + 1) * size - 16).arrayBuffer());
          digests.set(new Uint8Array(await subtle.digest("SHA-256", sealed)), 32 * part);
          const range = `bytes ${part * size}-${(part + 1) * size - 1}/*`;
          await ask(`/${id}`, "PUT", { "content-type": "application/octet-stream", "content-range": range }, new Blob([sealed]));
        }
      };
      await Promise.all([work(), work(), work(), work()]);
      const text = btoa(String.fromCharCode(...digests)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      await ask(`/${id}/finish`, "POST", json, JSON.stringify({ size: parts * size, digests: text }));
    },

    async ourUp() {
      ref = await session.addFile(source);
    },

    async plainDown() {
      const reader = (await ask(`/${id}`, "GET")).body.getReader();
      const room = new Uint8Array(size);
      let at = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        for (let from = 0; from < value.length; ) {
          const piece = value.subarray(from, from + size - at);
          room.set(piece, at);
          from += piece.length;
          at += piece.length;
          if (at < size) continue;
          await subtle.digest("SHA-256", room);
          await subtle.decrypt(gcm, key, room);
          at = 0;
        }
      }
    },

    async ourDown() {
      const reader = (await session.file(ref)).stream().getReader();
      while (!(await reader.read()).done);
    },
  };
}
