/** What the Vault gives of a file is checked before a byte of it is handed out. */

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { VouchsafeError, isVouchsafeError } from "../errors.js";
import { fromText, toText } from "../files/bytes.js";
import { Cipher, SEGMENT, countOf, filled, segmentAt, sha256 } from "../files/format.js";
import { addFile, openFile } from "../files/index.js";
import { Vault, bytesOf, pageOf, refusal } from "./files-common.js";

const code = (wanted, more = {}) => (error) => {
  assert.ok(isVouchsafeError(error, wanted), String(error));
  for (const [name, value] of Object.entries(more)) assert.equal(error[name], value);
  return true;
};
const OCTETS = { "content-type": "application/octet-stream" };
const BYTES = bytesOf(3_500_000);
const COUNT = 4;
const TOTAL = filled(BYTES.length);

let vault, access, ref, foreign, earlier, forged;

before(async () => {
  vault = new Vault();
  ({ access } = pageOf(vault));
  const upload = async (bytes) => addFile(access, new Blob([bytes]), { name: "scan.pdf", type: "application/pdf" });
  const contentOf = ({ id }) => vault.files.get(id).content;
  earlier = contentOf(await upload(BYTES));
  ref = await upload(BYTES);
  foreign = contentOf(await upload(bytesOf(BYTES.length, "another file")));
  // Everybody who may read a file has its key, and could encrypt another one with it.
  const header = contentOf(ref).subarray(0, 40);
  const cipher = await Cipher.of(fromText(ref.key, 32), header, ref.id, "encrypt");
  const sealed = [];
  for (let index = 0; index < COUNT; index += 1) {
    const segment = segmentAt(index, TOTAL);
    sealed.push(await cipher.seal(segment, new Uint8Array(segment.end - segment.start)));
  }
  forged = Buffer.concat(sealed);
});

/** The `fetch` of a Vault that says `content` in the file's place; `hides` says how it lies about the size. */
function lyingFetch(content, { hides = true, list, cuts } = {}) {
  const { digests, content: own } = vault.files.get(ref.id);
  return async (url, init) => {
    if (url.endsWith("/digests")) return new Response(list ?? digests, { headers: OCTETS });
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(init.headers.range).map(Number);
    if (!hides) {
      vault.files.set("lie", { content });
      return vault.fetch(url.replace(ref.id, "lie"), init);
    }
    const range = `bytes ${first}-${last}/${own.length}`;
    const headers = hides === "all" ? OCTETS : { ...OCTETS, "content-range": range };
    // At its end it gives more than was asked for, if it has more.
    const end = last + 1 === own.length ? undefined : last + 1;
    return new Response(cuts?.(first, last) ?? content.subarray(first, end), { status: 206, headers });
  };
}
const lyingHandle = (content, lie) => openFile({ ...access, fetch: lyingFetch(content, lie) }, ref);

/** What a stream gives before it fails, and how it fails. */
async function readOut(stream) {
  const pieces = [];
  try {
    for await (const piece of stream) pieces.push(piece);
    return { bytes: Buffer.concat(pieces) };
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error };
  }
}

const at = (index) => index * SEGMENT;
const LIES = {
  flipped: (content, index) => {
    const changed = Buffer.from(content);
    changed[at(index) + 77] ^= 1;
    return changed;
  },
  "flipped in its tag": (content, index) => {
    const changed = Buffer.from(content);
    changed[Math.min(at(index + 1), content.length) - 1] ^= 0x80;
    return changed;
  },
  dropped: (content, index) => Buffer.concat([content.subarray(0, at(index)), content.subarray(at(index + 1))]),
  doubled: (content, index) => Buffer.concat([content.subarray(0, at(index + 1)), content.subarray(at(index))]),
  swapped: (content, index) => {
    const other = (index + 1) % 3;
    const parts = [0, 1, 2, 3].map((part) => content.subarray(at(part), at(part + 1)));
    [parts[index], parts[other]] = [parts[other], parts[index]];
    return Buffer.concat(parts);
  },
  truncated: (content, index) => Buffer.concat([content.subarray(0, at(index + 1) - 1), content.subarray(at(index + 1))]).subarray(0, content.length - 1),
  "cut off": (content, index) => content.subarray(0, at(index) + 500),
  "cut off before it": (content, index) => content.subarray(0, at(index)),
  extended: (content, index) => Buffer.concat([content.subarray(0, at(index + 1)), Buffer.of(0), content.subarray(at(index + 1))]),
  "of another file": (content, index) => replaced(content, index, foreign),
  "of an earlier upload": (content, index) => replaced(content, index, earlier),
  "forged by a reader": (content, index) => replaced(content, index, forged),
};
const replaced = (content, index, other) =>
  Buffer.concat([content.subarray(0, at(index)), other.subarray(at(index), at(index + 1)), content.subarray(at(index + 1))]);

for (const [name, lie] of Object.entries(LIES)) {
  test(`a segment that is ${name} is refused before a byte of it is handed out`, async () => {
    const { content } = vault.files.get(ref.id);
    for (let index = 0; index < COUNT; index += 1) {
      const changed = lie(content, index);
      assert.ok(!changed.equals(content));
      for (const hides of [false, true, "all"]) {
        const { bytes, error } = await readOut(lyingHandle(changed, { hides }).stream());
        code("record_rejected", { cause: undefined })(error);
        assert.ok(bytes.length <= segmentAt(index + Number(name === "extended" || name === "doubled"), TOTAL).start, `${index} ${bytes.length}`);
        assert.equal(bytes.compare(BYTES.subarray(0, bytes.length)), 0);
        // What is not asked for may be whatever it is.
        if (!hides || /dropped|doubled|extended|truncated|cut|swapped/.test(name)) continue;
        const { start, end } = segmentAt(index, TOTAL);
        await assert.rejects(lyingHandle(changed, { hides }).bytes({ start: start + 5, end: start + 6 }), code("record_rejected"));
        if (index === 0) continue;
        assert.equal(Buffer.compare(await lyingHandle(changed, { hides }).bytes({ end: start }), BYTES.subarray(0, start)), 0);
        assert.ok(end > start);
      }
    }
  });
}

test("a list of digests that fits a forged file is refused", async () => {
  const digests = [];
  for (let index = 0; index < COUNT; index += 1) digests.push(await sha256(forged.subarray(at(index), at(index + 1))));
  const { digests: own } = vault.files.get(ref.id);
  for (const list of [Buffer.concat(digests), own.subarray(32), Buffer.concat([own, own]), own.subarray(1), Buffer.alloc(0)]) {
    const { bytes, error } = await readOut(lyingHandle(forged, { list }).stream());
    code("record_rejected")(error);
    assert.equal(bytes.length, 0);
  }
});

test("a fill that is not zero, and a size that is another, are refused", async () => {
  // The uploader's own doing: digest and key fit.
  for (const [size, wrong] of [[1_000_000, 3], [1_048_520, 0], [10, 4000]]) {
    const total = filled(size);
    const content = new Uint8Array(total);
    content[size + wrong] = 1;
    const id = ref.id;
    const cipher = await Cipher.of(fromText(ref.key, 32), new Uint8Array(vault.files.get(id).content.subarray(0, 40)), id, "encrypt");
    const sealed = [];
    for (let index = 0; index < countOf(total); index += 1) {
      const segment = segmentAt(index, total);
      sealed.push(await cipher.seal(segment, content.subarray(segment.start, segment.end)));
    }
    const list = Buffer.concat(await Promise.all(sealed.map(sha256)));
    const whole = Buffer.concat(sealed);
    const fetch = async (url, { headers }) => {
      if (url.endsWith("/digests")) return new Response(list, { headers: OCTETS });
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range).map(Number);
      return new Response(whole.subarray(first, last + 1), { status: 206, headers: OCTETS });
    };
    const made = { ...ref, size, digest: toText(await sha256(list)) };
    await assert.rejects(openFile({ ...access, fetch }, made).bytes(), code("record_rejected"));
    // By its signed size it would have the one byte, too.
    await assert.rejects(openFile({ ...access, fetch }, { ...made, size: size - 1 }).bytes(), code("record_rejected"));
  }
  for (const size of [BYTES.length - 1, BYTES.length - 200_000, 10, BYTES.length + 200_000, 5 * 2 ** 30]) {
    const { bytes, error } = await readOut(openFile(access, { ...ref, size }).stream());
    code("record_rejected")(error);
    assert.equal(bytes.compare(BYTES.subarray(0, bytes.length)), 0);
  }
});

test("another key, digest or id is refused", async () => {
  const other = toText(crypto.getRandomValues(new Uint8Array(32)));
  await assert.rejects(openFile(access, { ...ref, key: other }).bytes(), code("record_rejected"));
  await assert.rejects(openFile(access, { ...ref, digest: other }).bytes(), code("record_rejected"));
  await assert.rejects(openFile(access, { ...ref, id: crypto.randomUUID() }).bytes(), code("not_found"));
  for (const [argument, value] of [
    ["id", "../cards"],
    ["id", ref.id.toUpperCase()],
    ["size", -1],
    ["size", 5 * 2 ** 30 + 1],
    ["size", "7"],
    ["key", ref.key.slice(1)],
    ["digest", `${ref.digest}A`],
    ["name", 7],
    ["type", undefined],
  ]) {
    assert.throws(() => openFile(access, { ...ref, [argument]: value }), code("bad_input", { argument }));
  }
  assert.throws(() => openFile(access, "a file"), code("bad_input"));
});

test("any range of bytes is read, and no more segments than hold it", async () => {
  const borders = [0, 1, 1_048_519, 1_048_520, 1_048_521, 2_097_079, 2_097_080, 2_097_081, 3_499_999, 3_500_000];
  const handle = openFile(access, ref);
  for (const start of borders) {
    for (const end of borders.filter((one) => one >= start)) {
      const bytes = await handle.bytes({ start, end });
      assert.equal(Buffer.compare(bytes, BYTES.subarray(start, end)), 0, `${start} ${end}`);
    }
  }
  assert.equal((await handle.bytes({ start: 3_499_990, end: 4_000_000 })).length, 10);
  for (const [argument, range] of [
    ["start", { start: -1 }],
    ["start", { start: 3_500_001 }],
    ["end", { start: 2, end: 1 }],
    ["end", { end: 0.5 }],
    ["strat", { strat: 1 }],
  ]) {
    await assert.rejects(handle.bytes(range), code("bad_input", { argument }));
  }
});

test("a seek takes three requests, and each further one a single one", async () => {
  const before = vault.requests.length;
  const handle = openFile(access, ref);
  assert.deepEqual(await handle.bytes({ start: 2_500_000, end: 2_500_010 }), BYTES.slice(2_500_000, 2_500_010));
  const asked = () => vault.requests.slice(before).map(({ path, range }) => range ?? path.split("/").at(-1));
  assert.deepEqual(asked(), ["digests", "bytes=0-1048575", "bytes=2097152-3145727"]);
  await handle.bytes({ start: 1_100_000, end: 1_100_001 });
  assert.deepEqual(asked().slice(3), ["bytes=1048576-2097151"]);
});

test("an empty range asks for nothing, and an empty file comes as one", async () => {
  const before = vault.requests.length;
  assert.equal((await openFile(access, ref).bytes({ start: 7, end: 7 })).length, 0);
  assert.equal(vault.requests.length, before);
  const empty = await addFile(access, new Blob([]), { name: "empty" });
  assert.equal((await openFile(access, empty).blob()).size, 0);
});

test("a connection that breaks is made again where it broke", async () => {
  const { content } = vault.files.get(ref.id);
  const asked = [];
  const cuts = (first, last) => {
    asked.push(first);
    // Every other answer brings nothing; the others break in their second segment.
    const bytes = asked.length % 2 === 0 ? 0 : SEGMENT + 300_000;
    let sent = false;
    return new ReadableStream({
      pull(stream) {
        if (sent) return first + bytes > last ? stream.close() : stream.error(new TypeError("network error"));
        sent = true;
        return stream.enqueue(content.subarray(first, Math.min(first + bytes, last + 1)));
      },
    });
  };
  const { bytes, error } = await readOut(lyingHandle(content, { cuts }).stream());
  assert.equal(error, undefined);
  assert.equal(bytes.compare(BYTES), 0);
  assert.deepEqual(asked.map((first) => first / SEGMENT), [0, 1, 1, 2, 2, 3, 3]);
});

test("a connection that always breaks ends as offline", async () => {
  const cause = new TypeError("network error");
  let count = 0;
  const cuts = () => {
    count += 1;
    return new ReadableStream({ pull: (stream) => stream.error(cause) });
  };
  await assert.rejects(lyingHandle(forged, { cuts }).bytes(), code("offline", { cause }));
  assert.equal(count, 5);
});

test("a body that falls silent is asked for again", async () => {
  const { content } = vault.files.get(ref.id);
  let count = 0;
  const cuts = (first) => {
    count += 1;
    // It brings half a segment, and then nothing.
    return count === 1 ? new ReadableStream({ start: (stream) => stream.enqueue(content.subarray(first, first + 500_000)) }) : undefined;
  };
  const quick = openFile({ ...access, timeout: 300, fetch: lyingFetch(content, { cuts }) }, ref);
  assert.equal((await quick.bytes()).length, BYTES.length);
  assert.equal(count, 2);
});

test("a read can be aborted, and a stream cancelled", async () => {
  const { content } = vault.files.get(ref.id);
  const closed = [];
  const cuts = (first, last) => {
    let sent = first;
    return new ReadableStream({
      pull(stream) {
        // The rest never comes.
        if (sent > last + 200_000) return new Promise(() => {});
        stream.enqueue(content.subarray(sent, (sent += 250_000)));
        return undefined;
      },
      cancel: () => void closed.push(first),
    });
  };
  const abort = new AbortController();
  const reason = new Error("The person left.");
  const progress = [];
  const reading = lyingHandle(content, { cuts }).bytes({
    signal: abort.signal,
    onProgress: ({ bytes, total }) => {
      progress.push(bytes);
      assert.equal(total, BYTES.length);
      if (bytes > 2_000_000) abort.abort(reason);
    },
  });
  await assert.rejects(reading, code("aborted", { cause: reason }));
  assert.deepEqual(progress, [1_048_520, 2_097_080]);
  assert.deepEqual(closed, [0]);
  await assert.rejects(openFile(access, ref).blob({ signal: AbortSignal.abort(reason) }), code("aborted", { cause: reason }));

  const first = (start, last) => cuts(start, Math.min(last, SEGMENT));
  const reader = lyingHandle(content, { cuts: first }).stream().getReader();
  await reader.read();
  await reader.cancel();
  assert.deepEqual(closed, [0, 0]);
});

test("a stream brings no more than is taken", async () => {
  const { content } = vault.files.get(ref.id);
  let taken = 0;
  const cuts = (first, last) => {
    let sent = first;
    const pull = (stream) => {
      if (sent > last) return stream.close();
      const piece = content.subarray(sent, Math.min((sent += 65_536), last + 1));
      taken += piece.length;
      return stream.enqueue(piece);
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  };
  const stream = lyingHandle(content, { cuts }).stream();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(taken, 0);
  const reader = stream.getReader();
  await reader.read();
  // One segment was handed out, and one may wait.
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(taken <= 2 * SEGMENT + 65_536, String(taken));
  await reader.cancel();
});

test("a file goes into a Response and into a Blob, which runs no scripts", async () => {
  const handle = openFile(access, ref);
  assert.deepEqual([handle.id, handle.name, handle.type, handle.size], [ref.id, "scan.pdf", "application/pdf", BYTES.length]);
  assert.equal((await new Response(handle.stream()).arrayBuffer()).byteLength, BYTES.length);
  for (const [type, shown] of [
    ["application/pdf", "application/pdf"],
    ["image/png", "image/png"],
    ["video/mp4; codecs=avc1", "video/mp4; codecs=avc1"],
    ["text/plain;charset=utf-8", "text/plain;charset=utf-8"],
    ["text/html", "application/octet-stream"],
    ["TEXT/HTML", "application/octet-stream"],
    ["image/svg+xml", "application/octet-stream"],
    ["application/xhtml+xml", "application/octet-stream"],
    ["image/png+xml", "application/octet-stream"],
    ["text/javascript", "application/octet-stream"],
    ["", "application/octet-stream"],
  ]) {
    const blob = await openFile(access, { ...ref, type }).blob({ start: 5, end: 25 });
    assert.deepEqual([blob.type, blob.size], [shown, 20]);
  }
  assert.equal(Buffer.compare(new Uint8Array(await (await handle.blob()).arrayBuffer()), BYTES), 0);
});

test("what is gone, away or refused is told as everywhere", async () => {
  for (const [answer, wanted] of [
    [() => refusal(404, "not_found"), "not_found"],
    [() => refusal(410, "share_expired"), "share_expired"],
    [() => refusal(416, "bad_input"), "record_rejected"],
    [() => refusal(500, "server_error"), "server_error"],
    [() => new Response("all of it", { status: 200, headers: OCTETS }), "server_error"],
    [() => new Response("<p>Welcome</p>", { status: 206, headers: { "content-type": "text/html" } }), "server_error"],
    [() => Promise.reject(new TypeError("Failed to fetch")), "offline"],
  ]) {
    const fetch = async (url, init) => (url.endsWith("/digests") ? vault.fetch(url, init) : answer());
    await assert.rejects(openFile({ ...access, timeout: 300, fetch }, ref).bytes(), code(wanted));
  }
});

test("who has a link reads by its ticket, and gets a fresh one", async () => {
  const seen = [];
  let ticket = "first";
  const fetch = async (url, init) => {
    seen.push([new URL(url).pathname.replace(ref.id, "ID"), init.headers.authorization]);
    if (init.headers.authorization !== `Bearer ${ticket}`) return refusal(404, "not_found");
    return vault.fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${vault.token}` } });
  };
  const token = async (fresh) => (fresh && ticket !== "third" ? ticket : "first");
  const link = { base: access.base, within: "/links/L", token, fetch };
  assert.equal((await openFile(link, ref).bytes()).length, BYTES.length);
  assert.deepEqual(seen, [["/vault/v1/links/L/files/ID/digests", "Bearer first"], ["/vault/v1/links/L/files/ID", "Bearer first"]]);
  ticket = "second";
  assert.equal((await openFile(link, ref).bytes()).length, BYTES.length);
  ticket = "third";
  await assert.rejects(openFile(link, ref).bytes(), code("not_found"));
});

test("a download ends with its session, and goes on while the token's service is away", async () => {
  for (const [wanted, ends] of [["locked", true], ["session_expired", true], ["offline", false]]) {
    const { access } = pageOf(vault);
    let isOver = false;
    const token = async (fresh) => {
      if (isOver) throw new VouchsafeError(wanted, "Not now.");
      return access.token(fresh);
    };
    const reader = openFile({ ...access, token }, ref).stream().getReader();
    await reader.read();
    isOver = true;
    const rest = (async () => {
      while (!(await reader.read()).done);
    })();
    if (ends) await assert.rejects(rest, code(wanted));
    else await rest;
  }
});
