/** A Vault of files in memory, pages that die, and storage that outlives them. */

import { createHash } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { VouchsafeError } from "../errors.js";

const template = fileURLToPath(new URL("..", import.meta.url));
const JSON_TYPE = { "content-type": "application/json" };
const OCTETS = { "content-type": "application/octet-stream" };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

export const owner = "an-account https://example.com/vault";

const refusal = (status, code, more) => new Response(JSON.stringify({ error: { code, message: `${code}.`, ...more } }), { status, headers: JSON_TYPE });
export { refusal };
const answer = (value, status = 200) => new Response(JSON.stringify(value), { status, headers: JSON_TYPE });

/** The bytes from `start` up to `end` of the parts of a file. */
const piece = (bytes, start, end) => bytes.subarray(start, end);

/** The Vault. `requests` is what came, in order; `bodies` tells for each place of a file which bytes ever came for it. */
export class Vault {
  files = new Map();
  requests = [];
  bodies = new Map();
  token = "a token";
  /** What is done before each request; it may answer, or throw. */
  before = async () => undefined;
  /** Waits for the next request like this one. */
  #waits = [];

  waitFor(method, path) {
    return new Promise((resolve) => this.#waits.push({ method, path, resolve }));
  }

  fetch = async (url, init) => {
    const { method, headers, signal } = init;
    const body = init.body instanceof Blob ? Buffer.from(await init.body.arrayBuffer()) : init.body;
    const path = new URL(url).pathname.replace("/vault/v1", "");
    const request = { method, path, range: headers.range ?? headers["content-range"], token: headers.authorization };
    this.requests.push(request);
    if (signal?.aborted) throw signal.reason;
    if (method === "PUT") this.#note(path, request.range, body);
    const early = await this.before(request, init);
    const given = early ?? this.#answer(request, body);
    this.#waits = this.#waits.filter((wait) => {
      const isIt = wait.method === method && wait.path.test(path);
      if (isIt) wait.resolve(request);
      return !isIt;
    });
    return given;
  };

  #note(path, range, body) {
    const place = `${path} ${range}`;
    const known = this.bodies.get(place) ?? new Set();
    this.bodies.set(place, known.add(sha256(body).toString("hex")));
  }

  #answer({ method, path, range, token }, body) {
    if (token !== `Bearer ${this.token}`) return refusal(401, "session_expired");
    const [, id, what] = /^(?:\/links\/[^/]+)?\/files\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    if (!id) return this.#create(JSON.parse(body));
    const file = this.files.get(id);
    if (!file || file.deleted) return refusal(404, "not_found");
    switch (`${method} ${what ?? ""}`) {
      case "PUT ":
        return this.#put(file, range, body);
      case "GET parts":
        return answer({ state: file.digests ? "finished" : "uploading", ranges: this.rangesOf(file) });
      case "POST finish":
        return this.#finish(file, JSON.parse(body));
      case "GET digests":
        return new Response(file.digests, { headers: OCTETS });
      case "GET ":
        return this.#read(file, range);
      default:
        file.deleted = true;
        return new Response(null, { status: 204 });
    }
  }

  #create({ id }) {
    const known = this.files.get(id);
    if (known?.deleted) return refusal(409, "conflict");
    if (!known) this.files.set(id, { id, parts: new Map() });
    return answer({ id, state: "uploading" }, known ? 200 : 201);
  }

  #put(file, range, body) {
    const [, first, last] = /^bytes (\d+)-(\d+)\/\*$/.exec(range);
    if (body.length !== last - first + 1) return refusal(400, "bad_input");
    const before = file.parts.get(Number(first));
    if (before && !before.equals(body)) return refusal(409, "conflict");
    file.parts.set(Number(first), body);
    return new Response(null, { status: 204 });
  }

  rangesOf({ parts }) {
    return [...parts].map(([first, { length }]) => ({ first, last: first + length - 1 }));
  }

  #finish(file, { size, digests }) {
    const parts = [...file.parts].sort(([one], [other]) => one - other).map(([, part]) => part);
    const whole = Buffer.concat(parts.map(sha256));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (size !== length || digests !== whole.toString("base64url")) return refusal(409, "conflict");
    file.digests = whole;
    file.content = Buffer.concat(parts);
    return answer({ id: file.id, state: "finished" });
  }

  #read({ content }, range) {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range).map(Number);
    if (first >= content.length) return refusal(416, "bad_input");
    const bytes = piece(content, first, last + 1);
    const headers = { ...OCTETS, "content-range": `bytes ${first}-${first + bytes.length - 1}/${content.length}` };
    return new Response(bytes, { status: 206, headers });
  }
}

/** The way to a Vault, of a page that can die: then no answer comes, no request leaves it, and nothing is tried again. */
export function pageOf(vault, { timeout = 20_000, dieAt = Infinity, after = false } = {}) {
  const page = { count: 0, isDead: false };
  const lost = () => {
    page.isDead = true;
    throw new TypeError("Failed to fetch");
  };
  const access = {
    base: "https://example.com/vault",
    owner,
    check: async () => {},
    isLocked: () => false,
    timeout,
    token: async (fresh) => {
      if (page.isDead) throw new VouchsafeError("locked", "This page is gone.");
      return fresh ? vault.token : (page.token ??= vault.token);
    },
    fetch: async (url, init) => {
      page.count += 1;
      if (page.count >= dieAt && !after) lost();
      const given = await vault.fetch(url, init);
      return page.count >= dieAt ? lost() : given;
    },
  };
  return { access };
}

/** The modules as a page that was loaded anew has them. */
export async function freshModules(t) {
  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-files-"));
  t.after(() => rm(folder, { recursive: true }));
  await cp(template, folder, { recursive: true, filter: (path) => !/\/tests|\/testing|\.md$/.test(path) });
  return import(pathToFileURL(join(folder, "files/index.js")));
}

/** A storage in memory, as much of IndexedDB as the package uses for uploads. `fails` makes writes fail. */
class Storage {
  entries = new Map();
  durabilities = [];
  fails = () => false;

  open() {
    const request = {};
    queueMicrotask(() => {
      request.result = { transaction: (name, mode, options) => this.#transaction(mode, options) };
      request.onsuccess();
    });
    return request;
  }

  #transaction(mode, options) {
    const transaction = {};
    const [changes, added] = [[], []];
    const { entries } = this;
    const within = ({ lower, upper }) => [...entries.keys()].filter((id) => id >= lower && id <= upper);
    const later = (read) => {
      const request = {};
      changes.push(() => {
        request.result = read();
        request.onsuccess();
      });
      return request;
    };
    const store = {
      add: (entry) => {
        added.push(entry.id);
        changes.push(() => entries.set(entry.id, { ...entry }));
      },
      delete: (range) => changes.push(() => within(range).forEach((id) => entries.delete(id))),
      getAll: () => later(() => [...entries.values()]),
      count: () => later(() => entries.size),
      get: () => later(() => undefined),
    };
    transaction.objectStore = () => store;
    setImmediate(() => {
      if ((mode === "readwrite" && this.fails()) || added.some((id) => entries.has(id))) {
        transaction.error = new DOMException("The disk is full, or the entry is there.", "AbortError");
        return transaction.onabort();
      }
      if (options?.durability) this.durabilities.push(options.durability);
      for (const change of changes) change();
      return transaction.oncomplete();
    });
    return transaction;
  }
}

/** One for all tests: a page opens it once. */
const storage = new Storage();

/** Gives the page an empty storage for a test. */
export function withStorage(t) {
  storage.entries.clear();
  storage.durabilities = [];
  storage.fails = () => false;
  globalThis.indexedDB = storage;
  globalThis.IDBKeyRange = { bound: (lower, upper) => ({ lower, upper }) };
  t.after(() => {
    delete globalThis.indexedDB;
    delete globalThis.IDBKeyRange;
  });
  return storage;
}

/** Bytes that look random, the same each time. */
export function bytesOf(size, seed = "a file") {
  return new Uint8Array(createHash("shake256", { outputLength: size }).update(seed).digest());
}

/** A stream of bytes in pieces of this length. */
export function streamOf(bytes, length = 70_000) {
  let at = 0;
  return new ReadableStream({
    pull(stream) {
      if (at >= bytes.length) return stream.close();
      return stream.enqueue(bytes.slice(at, (at += length)));
    },
  });
}
