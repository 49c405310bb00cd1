/** Uploads that were cut go on from another page: nothing is sent twice, and never other bytes in place of those that were sent. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { VouchsafeError, isVouchsafeError } from "../errors.js";
import * as here from "../files/index.js";
import { Vault, bytesOf, freshModules, owner, pageOf, streamOf, withStorage } from "./files-common.js";

const code = (wanted, more = {}) => (error) => {
  assert.ok(isVouchsafeError(error, wanted), String(error));
  for (const [name, value] of Object.entries(more)) assert.equal(error[name], value);
  return true;
};
const MIB = 2 ** 20;
const BYTES = bytesOf(2_600_000);
const NAME = "passport.pdf";
/** Sources, which take turns. */
const SOURCES = [() => new Blob([BYTES]), () => streamOf(BYTES), () => BYTES];

/** Begins an upload whose page dies at this request, before it arrives or before its answer does. */
async function cut(vault, dieAt, after = false, source = new Blob([BYTES])) {
  const { access } = pageOf(vault, { dieAt, after });
  await assert.rejects(here.addFile(access, source, { name: NAME, type: "application/pdf", size: BYTES.length }), code("locked"));
}

/** Holds that no nonce was ever used for two plaintexts: for each place there came one body at most. */
function assertOneBodyEach(vault) {
  for (const [place, bodies] of vault.bodies) assert.equal(bodies.size, 1, place);
}

const putsOf = (vault) => vault.requests.filter(({ method }) => method === "PUT").map(({ range }) => range);

/** Goes on, on a page of its own, and holds what must be true of every upload. */
async function goOn(t, vault, source = new Blob([BYTES]), options) {
  const { addFile, openFile, pendingUploads, resumeUpload } = await freshModules(t);
  assert.ok(addFile !== here.addFile);
  const { access } = pageOf(vault);
  const [pending, ...others] = await pendingUploads(access);
  assert.deepEqual(others, []);
  const there = [...vault.files.values()].flatMap((file) => vault.rangesOf(file)).map(({ first, last }) => `bytes ${first}-${last}/*`);
  const before = vault.requests.length;
  const ref = await resumeUpload(access, pending.id, source, options);
  const again = putsOf({ requests: vault.requests.slice(before) });
  assert.deepEqual(again.filter((range) => there.includes(range)), []);
  assert.equal(Buffer.compare(await openFile(access, ref).bytes(), BYTES), 0);
  assert.deepEqual(await pendingUploads(access), []);
  assertOneBodyEach(vault);
  return { pending, ref, again };
}

// To begin, three parts, and to finish.
for (let dieAt = 1; dieAt <= 5; dieAt += 1) {
  for (const after of [false, true]) {
    test(`an upload that is cut ${after ? "behind" : "before"} request ${dieAt} goes on`, async (t) => {
      const storage = withStorage(t);
      const vault = new Vault();
      const source = SOURCES[(dieAt + Number(after)) % SOURCES.length];
      await cut(vault, dieAt, after, source());
      const { pending, ref } = await goOn(t, vault, source());
      assert.deepEqual([pending.name, pending.type, pending.size], [NAME, "application/pdf", BYTES.length]);
      assert.deepEqual([ref.id, ref.name, ref.type, ref.size], [pending.id, NAME, "application/pdf", BYTES.length]);
      assert.ok(pending.bytes >= 0 && pending.bytes <= BYTES.length && Math.abs(pending.startedAt - Date.now()) < 60_000);
      assert.deepEqual([...storage.entries], []);
    });
  }
}

test("an upload may be cut at each page that goes on with it", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 2, true);
  for (const dieAt of [1, 2, 3]) {
    const { pendingUploads, resumeUpload } = await freshModules(t);
    const { access } = pageOf(vault, { dieAt });
    const [{ id }] = await pendingUploads(access);
    await assert.rejects(resumeUpload(access, id, new Blob([BYTES])), code("locked"));
  }
  await goOn(t, vault);
  assertOneBodyEach(vault);
});

test("progress goes on with what need not be sent again", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 3);
  const told = [];
  const { pending } = await goOn(t, vault, new Blob([BYTES]), { onProgress: (progress) => told.push(progress) });
  assert.ok(pending.bytes >= MIB - 56);
  assert.deepEqual(told[0], { bytes: MIB - 56, total: BYTES.length });
  assert.deepEqual(told.at(-1), { bytes: BYTES.length, total: BYTES.length });
});

test("a source that was changed where it was sent is refused, and the right one taken afterwards", async (t) => {
  for (const at of [0, MIB - 57, MIB, 2 * MIB + 100]) {
    withStorage(t);
    const vault = new Vault();
    await cut(vault, 5);
    const { pendingUploads, resumeUpload } = await freshModules(t);
    const { access } = pageOf(vault);
    const [{ id }] = await pendingUploads(access);
    const changed = BYTES.slice();
    changed[at] ^= 1;
    const before = putsOf(vault);
    await assert.rejects(resumeUpload(access, id, new Blob([changed])), code("bad_input", { argument: "source" }));
    for (const other of [BYTES.subarray(1), new Uint8Array([...BYTES, 0])]) {
      await assert.rejects(resumeUpload(access, id, other), code("bad_input", { argument: "source" }));
    }
    await assert.rejects(resumeUpload(access, id, streamOf(BYTES.subarray(0, -1))), code("bad_input", { argument: "size" }));
    assert.deepEqual(putsOf(vault), before);
    assertOneBodyEach(vault);
    await goOn(t, vault);
  }
});

test("a Vault that denies parts gets the same bytes, or nothing", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 5);
  const deny = ({ path }) => {
    if (!path.endsWith("/parts")) return undefined;
    return new Response(JSON.stringify({ state: "uploading", ranges: [] }), { headers: { "content-type": "application/json" } });
  };
  vault.before = deny;
  const { pendingUploads, resumeUpload } = await freshModules(t);
  const { access } = pageOf(vault);
  const [{ id }] = await pendingUploads(access);
  for (let at = 0; at < BYTES.length; at += 400_000) {
    const changed = BYTES.slice();
    changed[at] ^= 1;
    await assert.rejects(resumeUpload(access, id, changed), code("bad_input", { argument: "source" }));
  }
  assertOneBodyEach(vault);
  // It also forgets them, and gets them once more.
  vault.files.get(id).parts.clear();
  const { ref } = await goOn(t, vault);
  assert.equal(ref.id, id);
});

test("a Vault that claims parts that it has not cannot end the upload", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 2);
  const claim = ({ path }) => {
    if (!path.endsWith("/parts")) return undefined;
    const ranges = [{ first: 0, last: 5 * MIB }];
    return new Response(JSON.stringify({ state: "uploading", ranges }), { headers: { "content-type": "application/json" } });
  };
  vault.before = claim;
  const { pendingUploads, resumeUpload } = await freshModules(t);
  const { access } = pageOf(vault);
  const [{ id }] = await pendingUploads(access);
  await assert.rejects(resumeUpload(access, id, new Blob([BYTES])), code("conflict"));
  vault.before = async () => undefined;
  await goOn(t, vault);
});

test("an upload that the Vault has erased is over", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  await cut(vault, 3);
  for (const file of vault.files.values()) file.deleted = true;
  const { access } = pageOf(vault);
  const [{ id }] = await here.pendingUploads(access);
  await assert.rejects(here.resumeUpload(access, id, new Blob([BYTES])), code("not_found"));
  assert.equal(storage.entries.size, 0);
  await assert.rejects(here.resumeUpload(access, id, new Blob([BYTES])), code("not_found"));
});

test("each segment is noted on the disk before it is sent", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  let count = 0;
  vault.before = ({ method, path, range }) => {
    if (method !== "PUT") return;
    const index = Number(/\d+/.exec(range)) / MIB;
    assert.ok(storage.entries.has(`${path.slice(7)} ${index}`), range);
    count += 1;
  };
  await here.addFile(pageOf(vault).access, new Blob([BYTES]), { name: NAME });
  assert.equal(count, 3);
  assert.ok(storage.durabilities.length > 1 && storage.durabilities.every((one) => one === "strict"));
});

test("a segment that cannot be noted is not sent", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  let writes = 0;
  storage.fails = () => (writes += 1) > 2;
  const { access } = pageOf(vault);
  await assert.rejects(here.addFile(access, new Blob([BYTES]), { name: NAME }), code("storage_unavailable"));
  assert.equal(putsOf(vault).length, storage.entries.size - 1);
  storage.fails = () => false;
  await goOn(t, vault);
});

test("where nothing can be kept the upload goes on, and cannot be resumed", async (t) => {
  const storage = withStorage(t);
  storage.fails = () => true;
  const vault = new Vault();
  const { access } = pageOf(vault);
  const ref = await here.addFile(access, new Blob([BYTES]), { name: NAME });
  assert.equal(ref.size, BYTES.length);
  delete globalThis.indexedDB;
  assert.equal((await here.addFile(access, new Blob([BYTES]), { name: NAME })).size, BYTES.length);
  assert.deepEqual(await here.pendingUploads(access), []);
});

test("a stream of unknown length cannot be resumed, and leaves nothing", async (t) => {
  withStorage(t);
  const vault = new Vault();
  const { access } = pageOf(vault);
  const gone = vault.waitFor("DELETE", /files/);
  vault.before = ({ method, range }) => {
    if (method === "PUT" && range.startsWith("bytes 2097152")) return new Response("", { status: 500 });
    return undefined;
  };
  await assert.rejects(here.addFile(access, streamOf(BYTES), { name: NAME }), code("server_error"));
  await gone;
  assert.deepEqual(await here.pendingUploads(access), []);
});

test("what is kept opens for its own account alone, and shows neither name nor key", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  await cut(vault, 4);
  const { access } = pageOf(vault);
  const [{ id }] = await here.pendingUploads(access);
  const stranger = { ...access, owner: owner.replace("an-account", "another") };
  assert.deepEqual(await here.pendingUploads(stranger), []);
  await assert.rejects(here.resumeUpload(stranger, id, new Blob([BYTES])), code("not_found"));
  for (const entry of storage.entries.values()) {
    const { sealed, key, ...rest } = entry;
    assert.ok(!Buffer.from(sealed).includes(NAME));
    assert.ok(!JSON.stringify(rest).includes("an-account"));
    assert.ok(key === undefined || !key.extractable);
  }
  // Nobody can put one entry in place of another.
  const [zero, one] = [storage.entries.get(`${id} 0`), storage.entries.get(`${id} 1`)];
  storage.entries.set(`${id} 0`, { ...one, id: `${id} 0` });
  await assert.rejects(here.resumeUpload(access, id, new Blob([BYTES])), { name: "OperationError" });
  storage.entries.set(`${id} 0`, zero);
  await goOn(t, vault);
});

test("an upload that nobody went on with is forgotten", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  await cut(vault, 4);
  const { access } = pageOf(vault);
  storage.entries.set("damaged", { id: "damaged", at: 1 });
  assert.equal((await here.pendingUploads(access)).length, 1);
  // A segment without its upload, as a crash may leave one.
  storage.entries.set(`${owner.padEnd(36, "-").slice(0, 36)} 0`, { ...storage.entries.get([...storage.entries.keys()][1]), id: `${owner.padEnd(36, "-").slice(0, 36)} 0` });
  for (const entry of storage.entries.values()) entry.at -= 3 * 24 * 60 * 60 * 1000;
  assert.deepEqual(await here.pendingUploads(access), []);
  assert.deepEqual([...storage.entries.keys()], ["damaged"]);
});

test("an upload can be given up", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  const { access } = pageOf(vault);
  for (const isErased of [false, true]) {
    await cut(vault, 4);
    const [{ id }] = await here.pendingUploads(access);
    vault.files.get(id).deleted = isErased;
    await here.discardUpload(access, id);
    assert.ok(vault.files.get(id).deleted);
    assert.equal(storage.entries.size, 0);
  }
});

/** Web Locks, as all tabs share them. */
function withLocks(t) {
  const held = new Set();
  const locks = {
    async request(name, { signal }, work) {
      if (held.has(name)) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      held.add(name);
      return work({ name }).finally(() => held.delete(name));
    },
    query: async () => ({ held: [...held].map((name) => ({ name })) }),
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  t.after(() => (before ? Object.defineProperty(globalThis, "navigator", before) : delete globalThis.navigator));
  return locks;
}

test("one tab at a time goes on with an upload", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 3);
  const other = await freshModules(t);
  const { access } = pageOf(vault);
  for (const locked of [false, true]) {
    if (locked) withLocks(t);
    const [{ id }] = await here.pendingUploads(access);
    const begun = vault.waitFor("GET", /parts/);
    let release;
    const failing = new Promise((resolve) => (release = () => resolve(new Response("", { status: 500 }))));
    vault.before = ({ method }) => (method === "PUT" ? failing.then((response) => response.clone()) : undefined);
    const first = here.resumeUpload(access, id, new Blob([BYTES]));
    await begun;
    assert.deepEqual(await here.pendingUploads(access), []);
    await assert.rejects(here.resumeUpload(access, id, new Blob([BYTES])), code("conflict"));
    if (locked) {
      assert.deepEqual(await other.pendingUploads(access), []);
      await assert.rejects(other.resumeUpload(access, id, new Blob([BYTES])), code("conflict"));
    }
    release();
    await assert.rejects(first, code("server_error"));
    vault.before = async () => undefined;
  }
  await goOn(t, vault);
});

test("without locks, two tabs note no segment twice", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 1);
  const { access } = pageOf(vault);
  const [{ id }] = await here.pendingUploads(access);
  const changed = BYTES.slice();
  changed[5] ^= 1;
  const [one, other] = [await freshModules(t), await freshModules(t)];
  const outcomes = await Promise.allSettled([
    one.resumeUpload(access, id, new Blob([BYTES])),
    other.resumeUpload(pageOf(vault).access, id, new Blob([changed])),
  ]);
  assertOneBodyEach(vault);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

test("a page without locks uploads all the same", async (t) => {
  const locks = withLocks(t);
  locks.request = async () => {
    throw new DOMException("Not here.", "SecurityError");
  };
  locks.query = locks.request;
  const ref = await here.addFile(pageOf(new Vault()).access, new Blob(["a"]), { name: "a" });
  assert.equal(ref.size, 1);
  assert.deepEqual(await here.pendingUploads(pageOf(new Vault()).access), []);
});

test("an upload that is aborted while the session is locked is not lost", async (t) => {
  withStorage(t);
  const vault = new Vault();
  const page = pageOf(vault);
  let isLocked = false;
  const token = async (fresh) => {
    if (isLocked) throw new VouchsafeError("locked", "Unlock first.");
    return page.access.token(fresh);
  };
  const access = { ...page.access, token, isLocked: () => isLocked };
  const controller = new AbortController();
  const onProgress = () => {
    isLocked = true;
    controller.abort();
  };
  await assert.rejects(here.addFile(access, new Blob([BYTES]), { name: NAME, signal: controller.signal, onProgress }), code("aborted"));
  assert.ok(!vault.requests.some(({ method }) => method === "DELETE"));
  await goOn(t, vault);
});

test("what was noted after its upload was forgotten goes with the next look", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  await cut(vault, 4);
  const [upload] = storage.entries.keys();
  storage.entries.delete(upload);
  assert.ok(storage.entries.size > 0);
  assert.deepEqual(await here.pendingUploads(pageOf(vault).access), []);
  assert.deepEqual([...storage.entries.keys()], []);
});

test("a list of parts that is none is told as the service's", async (t) => {
  withStorage(t);
  const vault = new Vault();
  await cut(vault, 4);
  const { access } = pageOf(vault);
  const [{ id }] = await here.pendingUploads(access);
  for (const ranges of [[null], [{}], [{ first: "0", last: 5 }], null]) {
    vault.before = ({ path }) =>
      path.endsWith("/parts") ? new Response(JSON.stringify({ ranges }), { headers: { "content-type": "application/json" } }) : undefined;
    await assert.rejects(here.resumeUpload(access, id, new Blob([BYTES])), code("server_error"));
  }
  vault.before = async () => undefined;
  await goOn(t, vault);
});
