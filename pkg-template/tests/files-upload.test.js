/** Files go up and come down again, from every kind of source. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { VouchsafeError, isVouchsafeError } from "../errors.js";
import { addFile, openFile, pendingUploads } from "../files/index.js";
import { Vault, bytesOf, pageOf, refusal, streamOf, withStorage } from "./files-common.js";

const code = (wanted, more = {}) => (error) => {
  assert.ok(isVouchsafeError(error, wanted), String(error));
  for (const [name, value] of Object.entries(more)) assert.equal(error[name], value);
  return true;
};
const MIB = 2 ** 20;
const FIRST = MIB - 56;

async function roundTrip(source, options, vault = new Vault()) {
  const { access } = pageOf(vault);
  const ref = await addFile(access, source, { name: "a file", ...options });
  return { ref, vault, access, handle: openFile(access, ref) };
}

const FORMS = {
  "a Blob": (bytes) => new Blob([bytes]),
  "a File": (bytes) => new File([bytes], "scan.png", { type: "image/png" }),
  "a Uint8Array": (bytes) => bytes,
  "an ArrayBuffer": (bytes) => bytes.slice().buffer,
  "a DataView within more": (bytes) => new DataView(Uint8Array.of(7, ...bytes, 8).buffer, 1, bytes.length),
  "bytes of another window": (bytes) => runInNewContext("new Uint8Array(bytes)", { bytes: [...bytes] }),
  "a stream": (bytes) => streamOf(bytes),
  "a stream of single bytes": (bytes) => streamOf(bytes.subarray(0, 5000), 1),
};
for (const [name, form] of Object.entries(FORMS)) {
  test(`${name} comes back as it was`, async () => {
    const bytes = bytesOf(name.includes("window") || name.includes("within") ? 9000 : 2_600_000);
    const source = form(bytes);
    const { ref, handle } = await roundTrip(source);
    const expected = name.includes("single") ? bytes.subarray(0, 5000) : bytes;
    assert.deepEqual([ref.size, handle.size], [expected.length, expected.length]);
    assert.equal(Buffer.compare(await handle.bytes(), expected), 0);
    assert.equal(ref.type, name === "a File" ? "image/png" : "application/octet-stream");
  });
}

test("files of every size around the borders come back", async () => {
  for (const size of [0, 1, 4095, 4096, 4097, 65_536, FIRST - 1, FIRST, FIRST + 1, MIB, FIRST + MIB - 16, 2 ** 21, 2 ** 21 + 1]) {
    const bytes = bytesOf(size);
    for (const source of [bytes, streamOf(bytes)]) {
      const { handle } = await roundTrip(source);
      assert.equal(Buffer.compare(await handle.bytes(), bytes), 0, String(size));
    }
  }
});

test("the Vault gets whole segments, and never the file's own size", async () => {
  assert.equal((await roundTrip(new Blob(["a"], { type: "text/css" }), { name: "a", type: "" })).ref.type, "text/css");
  const { ref, vault } = await roundTrip(bytesOf(3_000_000), { name: "a name", type: "text/plain" });
  const { method, path } = vault.requests[0];
  assert.deepEqual([method, path], ["POST", "/files"]);
  const puts = vault.requests.filter((request) => request.method === "PUT");
  assert.deepEqual(puts.map(({ range }) => range).sort(), ["bytes 0-1048575/*", "bytes 1048576-2097151/*", "bytes 2097152-3014743/*"]);
  const { content } = vault.files.get(ref.id);
  // Filled up to 3014656 bytes.
  assert.equal(content.length, 3_014_656 + 40 + 3 * 16);
  const { id, key, digest, ...rest } = ref;
  assert.deepEqual(rest, { name: "a name", type: "text/plain", size: 3_000_000 });
  assert.match(id, /^[\da-f-]{36}$/);
  assert.match(key, /^[\w-]{43}$/);
  assert.match(digest, /^[\w-]{43}$/);
});

test("each upload has a key, a header and an id of its own", async () => {
  const vault = new Vault();
  const bytes = bytesOf(100);
  const [one, other] = [await roundTrip(bytes, {}, vault), await roundTrip(bytes, {}, vault)];
  assert.notEqual(one.ref.id, other.ref.id);
  assert.notEqual(one.ref.key, other.ref.key);
  const contents = [one, other].map(({ ref }) => vault.files.get(ref.id).content);
  assert.notDeepEqual(contents[0].subarray(1, 40), contents[1].subarray(1, 40));
});

test("progress is told in bytes, up and down", async () => {
  const told = [];
  const size = 2_500_000;
  const onProgress = (progress) => told.push(progress);
  const { handle } = await roundTrip(new Blob([bytesOf(size)]), { onProgress });
  assert.deepEqual(told.at(-1), { bytes: size, total: size });
  assert.equal(told.length, 3);
  const stream = [];
  await roundTrip(streamOf(bytesOf(size)), { onProgress: (progress) => stream.push(progress) });
  assert.deepEqual(stream.map(({ total }) => total).sort(), [null, null, size].sort());
  assert.ok(stream.some(({ bytes }) => bytes === size));
  told.length = 0;
  await handle.bytes({ onProgress });
  assert.deepEqual(told.map(({ bytes }) => bytes), [FIRST, FIRST + MIB - 16, size]);
});

test("sources and options that are none are refused before anything is sent", async () => {
  const vault = new Vault();
  const { access } = pageOf(vault);
  const locked = streamOf(bytesOf(5));
  locked.getReader();
  const gone = new Uint8Array(9);
  structuredClone(gone, { transfer: [gone.buffer] });
  const blob = new Blob(["a"]);
  for (const [argument, source, options] of [
    ["source", "a text", { name: "a" }],
    ["source", locked, { name: "a" }],
    ["source", gone, { name: "a" }],
    ["source", gone.buffer, { name: "a" }],
    ["name", blob, {}],
    ["name", blob, { name: 5 }],
    ["type", blob, { name: "a", type: 5 }],
    ["size", blob, { name: "a", size: 2 }],
    ["size", streamOf(bytesOf(5)), { name: "a", size: -1 }],
    ["size", streamOf(bytesOf(5)), { name: "a", size: 0.5 }],
    ["nmae", blob, { nmae: "a" }],
    ["signal", blob, { name: "a", signal: {} }],
  ]) {
    await assert.rejects(addFile(access, source, options), code("bad_input", { argument }));
  }
  await assert.rejects(addFile(access, streamOf(bytesOf(5)), { name: "a", size: 5 * 2 ** 30 + 1 }), code("too_large"));
  const check = async (...said) => {
    throw new VouchsafeError("bad_input", said.join(" "));
  };
  await assert.rejects(addFile({ ...access, check }, blob, { name: "a", type: "b" }), { code: "bad_input", message: "a b" });
  const stream = streamOf(bytesOf(5));
  await assert.rejects(addFile({ ...access, check }, stream, { name: "a" }), code("bad_input"));
  assert.equal(stream.locked, false, "whoever corrects the name passes it again");
  assert.deepEqual(vault.requests, []);
});

test("a stream that is not as long as was said ends in nothing", async (t) => {
  withStorage(t);
  for (const size of [1_000_000, 2_000_000]) {
    const vault = new Vault();
    const { access } = pageOf(vault);
    const gone = vault.waitFor("DELETE", /files/);
    await assert.rejects(addFile(access, streamOf(bytesOf(1_500_000)), { name: "a", size }), code("bad_input", { argument: "size" }));
    await gone;
    assert.ok(vault.requests.every(({ path }) => !path.endsWith("finish")));
    assert.deepEqual(await pendingUploads(access), []);
  }
});

test("a source that fails names the reason", async () => {
  const cause = new Error("The file was moved.");
  const broken = new ReadableStream({
    pull() {
      throw cause;
    },
  });
  await assert.rejects(roundTrip(broken), code("bad_input", { argument: "source", cause }));
  await assert.rejects(roundTrip(new ReadableStream({ start: (stream) => stream.enqueue("text") })), code("bad_input", { argument: "source" }));
});

test("an upload that is aborted ends at once, and the Vault forgets it", async (t) => {
  withStorage(t);
  for (const source of [() => new Blob([bytesOf(3_000_000)]), () => streamOf(bytesOf(3_000_000)), () => new ReadableStream()]) {
    const vault = new Vault();
    const { access } = pageOf(vault, { timeout: 20_000 });
    const abort = new AbortController();
    const reason = new Error("The person clicked.");
    const gone = vault.waitFor("DELETE", /files/);
    vault.before = (request, { signal }) => {
      const isSecond = request.range?.startsWith("bytes 1048576");
      const isStalled = request.method === "POST" && String(source).includes("new ReadableStream");
      if (isSecond || isStalled) queueMicrotask(() => abort.abort(reason));
      if (!isSecond) return undefined;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    await assert.rejects(addFile(access, source(), { name: "a", signal: abort.signal }), code("aborted", { cause: reason }));
    await gone;
    assert.ok([...vault.files.values()].every(({ deleted }) => deleted));
    assert.deepEqual(await pendingUploads(access), []);
  }
});

test("a signal that was aborted before lets nothing out", async () => {
  const vault = new Vault();
  const { access } = pageOf(vault);
  const done = addFile(access, new Blob(["a"]), { name: "a", signal: AbortSignal.abort("no") });
  await assert.rejects(done, code("aborted", { cause: "no" }));
  assert.deepEqual(vault.requests, []);
});

test("a token that ran out is replaced once", async () => {
  const vault = new Vault();
  const { access } = pageOf(vault);
  let count = 0;
  vault.before = () => {
    count += 1;
    if (count === 3) vault.token = "a second token";
  };
  const ref = await addFile(access, new Blob([bytesOf(2_000_000)]), { name: "a" });
  assert.ok(vault.files.get(ref.id).digests);
  // It is fetched once, however often the request is sent then.
  const fresh = [];
  let isAway = true;
  vault.before = () => {
    if (!fresh.includes(true) || !isAway) return undefined;
    isAway = false;
    return refusal(503, "server_error");
  };
  const token = async (isFresh) => {
    fresh.push(isFresh);
    return fresh.includes(true) ? vault.token : "a stale one";
  };
  await addFile({ ...access, token }, new Blob(["a"]), { name: "a" });
  assert.equal(fresh.filter(Boolean).length, 1);
  const refused = addFile({ ...access, token: async () => "a foreign one" }, new Blob(["a"]), { name: "a" });
  await assert.rejects(refused, code("session_expired"));
});

test("what passes is sent again, what lasts is told", async () => {
  for (const [answer, wanted, more] of [
    [() => refusal(403, "quota_exceeded", { quota: "file_bytes" }), "quota_exceeded", { quota: "file_bytes" }],
    [() => refusal(409, "conflict"), "conflict", {}],
    [() => refusal(500, "server_error"), "server_error", { retryable: true }],
    [() => new Response("<p>Sign in</p>", { status: 403 }), "server_error", { retryable: false }],
    [() => new Response("<p>Too large</p>", { status: 413 }), "too_large", {}],
    [() => new Response("<p>Hello</p>", { status: 200 }), "server_error", { retryable: true }],
    [() => new Response("null", { status: 200, headers: { "content-type": "application/json" } }), "server_error", { retryable: true }],
    [() => new Response("{}", { status: 200, headers: { "content-type": "application/json" } }), "server_error", { retryable: true }],
    [() => new Response(null, { status: 302 }), "server_error", { retryable: false }],
    [() => refusal(400, "made_up"), "server_error", { retryable: false }],
  ]) {
    const vault = new Vault();
    vault.before = ({ method, path }) => (method === "POST" && path.endsWith("/finish") ? answer() : undefined);
    await assert.rejects(roundTrip(new Blob(["a"]), {}, vault), code(wanted, more));
    assert.equal(vault.requests.filter(({ path }) => path.endsWith("/finish")).length, 1);
  }
  for (const passing of [
    () => refusal(503, "server_error"),
    () => new Response("<p>Away</p>", { status: 502 }),
    () => new Response("", { status: 429 }),
    () => Promise.reject(new TypeError("Failed to fetch")),
  ]) {
    const vault = new Vault();
    const seen = new Set();
    vault.before = ({ method, path, range }) => {
      const one = `${method} ${path} ${range}`;
      if (seen.has(one) || method === "DELETE") return undefined;
      seen.add(one);
      return passing();
    };
    const { access } = pageOf(vault, { timeout: 20_000 });
    const ref = await addFile(access, new Blob([bytesOf(1_200_000)]), { name: "a" });
    assert.equal(vault.requests.length, 2 * seen.size);
    assert.equal((await openFile(access, ref).bytes()).length, 1_200_000);
  }
});

test("a service that asks for a wait gets it", async () => {
  const vault = new Vault();
  let isFirst = true;
  vault.before = () => {
    if (!isFirst) return undefined;
    isFirst = false;
    return new Response("", { status: 429, headers: { "retry-after": "3600" } });
  };
  // It is longer than the call may take.
  await assert.rejects(roundTrip(new Blob(["a"]), {}, vault), code("rate_limited", { retryAfter: 3_600_000 }));
});

test("files go up and come down where ports hand nothing over", async (t) => {
  const { postMessage } = MessagePort.prototype;
  t.after(() => (MessagePort.prototype.postMessage = postMessage));
  MessagePort.prototype.postMessage = function (message, transfer) {
    if (transfer) throw new Error("Transfer list is not supported.");
    return postMessage.call(this, message);
  };
  await roundTrip(bytesOf(1_300_000), { name: "a" });
});
