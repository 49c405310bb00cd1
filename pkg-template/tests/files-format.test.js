/** The bytes of encrypted files: those that Tink itself made, the fill, and where each byte lies. */

import assert from "node:assert/strict";
import { createHash, hkdfSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fromText, joined, newId, toText } from "../files/bytes.js";
import { Cipher, SEGMENT, countOf, filled, indexOf, newHeader, sealedRange, segmentAt, sha256 } from "../files/format.js";

const { id, key, vectors } = JSON.parse(await readFile(new URL("../../tests/vectors/files.json", import.meta.url), "utf8"));
const GIB = 2 ** 30;

/** The plaintext of a vector, with its fill. */
const plaintextOf = ({ size, filled: total }) => {
  const whole = new Uint8Array(total);
  whole.set(createHash("shake256", { outputLength: size }).update("vouchsafe file").digest());
  return whole;
};
const segmentsOf = (total) => Array.from({ length: countOf(total) }, (_, index) => segmentAt(index, total));

for (const vector of vectors) {
  const { size, filled: total, header, length, segments, digest, ciphertext } = vector;
  test(`Tink's ciphertext of ${size} bytes, filled up to ${total}, comes out and opens`, async () => {
    const plaintext = plaintextOf(vector);
    const seal = await Cipher.of(fromText(key, 32), fromText(header, 40), id, "encrypt");
    const sealed = [];
    for (const segment of segmentsOf(total)) sealed.push(await seal.seal(segment, plaintext.subarray(segment.start, segment.end)));
    assert.equal(joined(sealed).length, length);
    const digests = await Promise.all(sealed.map(sha256));
    assert.deepEqual(digests.map(toText), segments);
    assert.equal(toText(await sha256(joined(digests))), digest);
    if (ciphertext) assert.equal(toText(joined(sealed)), ciphertext);

    // By the digests above these bytes are Tink's own.
    const open = await Cipher.of(fromText(key, 32), Cipher.headerOf(sealed[0]), id, "decrypt");
    const opened = await Promise.all(segmentsOf(total).map((segment, index) => open.open(segment, sealed[index])));
    assert.deepEqual(Buffer.compare(joined(opened), plaintext), 0);
  });
}

test("the document's example is Tink's", async () => {
  const page = await readFile(new URL("../../docs/protocol.md", import.meta.url), "utf8");
  const [{ size, header, segments, digest, length }] = vectors;
  const bytes = Buffer.from(header, "base64url");
  const derived = hkdfSync("sha256", Buffer.from(key, "base64url"), bytes.subarray(1, 33), `vouchsafe/1 file ${id}`, 32);
  const nonce = `${bytes.subarray(33).toString("hex")}0000000001`;
  assert.equal(size, 0);
  for (const value of [id, key, header, ...segments, digest, `has ${length} bytes`, nonce, Buffer.from(derived).toString("base64url")]) {
    assert.ok(page.replaceAll(/\s+/g, " ").includes(value), value);
  }
});

test("a segment opens at its own place alone, with its own key, header and id", async () => {
  const [vector] = vectors.slice(-1);
  const { filled: total } = vector;
  const plaintext = plaintextOf(vector);
  const [raw, header] = [fromText(key, 32), fromText(vector.header, 40)];
  const seal = await Cipher.of(raw, header, id, "encrypt");
  const segment = segmentAt(1, total);
  const sealed = await seal.seal(segment, plaintext.subarray(segment.start, segment.end));
  const opens = async ({ with: open, as = segment }) => (await Cipher.of(...open, "decrypt")).open(as, sealed);
  assert.equal((await opens({ with: [raw, header, id] })).length, segment.end - segment.start);
  for (const wrong of [
    { with: [raw, header, newId()] },
    { with: [raw, newHeader(), id] },
    { with: [crypto.getRandomValues(new Uint8Array(32)), header, id] },
    { with: [raw, header, id], as: segmentAt(2, total) },
    { with: [raw, header, id], as: segmentAt(1, segment.end) },
  ]) {
    await assert.rejects(opens(wrong), { name: "OperationError" });
  }
});

test("files are filled up as Padmé says", () => {
  for (const [size, expected] of [
    [0, 4096],
    [1, 4096],
    [4096, 4096],
    [4097, 4352],
    [8191, 8192],
    [8192, 8192],
    [8193, 8704],
    [65_535, 65_536],
    [65_537, 67_584],
    [10_000_000, 10_223_616],
    [2 ** 31 - 1, 2 ** 31],
    [2 ** 31 + 1, 2 ** 31 + 2 ** 26],
    [2 ** 32, 2 ** 32],
    [2 ** 32 + 1, 2 ** 32 + 2 ** 26],
    [5 * GIB - 1, 5 * GIB],
    [5 * GIB, 5 * GIB],
  ]) {
    assert.equal(filled(size), expected, String(size));
  }
  for (const { size, filled: total } of vectors.slice(0, 4)) assert.equal(filled(size), total);
  for (let power = 12; power <= 32; power += 1) {
    for (const size of [2 ** power - 1, 2 ** power, 2 ** power + 1]) {
      const total = filled(size);
      assert.ok(total >= size && total <= 1.12 * size + 1, String(size));
      assert.equal(filled(total), total);
    }
  }
});

test("segments lie one behind another, in files of 5 GiB too", () => {
  for (const total of [4096, 1_048_520, 1_048_521, 2_097_080, 2_097_081, 3_000_000, 2 ** 32 + 2 ** 26, 5 * GIB]) {
    const segments = segmentsOf(total);
    let [plain, sealed] = [0, 0];
    for (const segment of segments) {
      const range = sealedRange(segment);
      assert.deepEqual([segment.start, range.start], [plain, sealed]);
      assert.equal(segment.last, segment.index === segments.length - 1);
      assert.ok(segment.last || range.end - range.start === SEGMENT);
      assert.deepEqual([indexOf(segment.start), indexOf(segment.end - 1)], [segment.index, segment.index]);
      [plain, sealed] = [segment.end, range.end];
    }
    assert.equal(plain, total);
    assert.equal(sealed, total + 40 + 16 * segments.length);
  }
  assert.deepEqual(sealedRange(segmentAt(countOf(5 * GIB) - 1, 5 * GIB)), { start: 5_368_709_120, end: 5_368_791_096 });
});

test("texts of bytes have one spelling, and ids are UUIDs of version 7", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);
  assert.equal(toText(bytes), Buffer.from(bytes).toString("base64url"));
  assert.deepEqual(fromText(toText(bytes), 32), bytes);
  // The last letter holds four bits.
  for (const wrong of [`${toText(bytes)}=`, toText(bytes).slice(1), `${toText(bytes).slice(0, -1)}h`, " ".repeat(43), null, 7]) {
    assert.equal(fromText(wrong, 32), undefined);
  }
  const made = newId();
  assert.match(made, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.ok(Math.abs(Number.parseInt(made.replace("-", "").slice(0, 12), 16) - Date.now()) < 1000);
});
