// Files as the services have them: nothing of what is in one, of its name or its key lies there, or goes there.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { thorough } from "../../e2e/sample.mjs";
import { project, setting } from "../support.mjs";

/** A text that stands in the file at several places, more than once in a segment. */
const SECRET = "a secret of nobody else's";
const NAME = "Lichtbild von Zofie.png";
const MIB = 2 ** 20;

/** Bytes that look like nothing, with the secret in each segment and across the border of two. */
function scan() {
  const bytes = Buffer.from(createHash("shake256", { outputLength: 3 * MIB + 5 }).update("scan").digest());
  for (const at of [0, 5000, MIB - 60, 2 * MIB + 7, bytes.length - SECRET.length]) bytes.write(SECRET, at);
  return bytes;
}

/** The ways in which a text or bytes could lie somewhere. */
function spellings(secret) {
  const bytes = Buffer.from(secret);
  // At each of three offsets other letters stand for it; those at the ends mix with the neighbours.
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").slice(shift && shift + 1, -4));
  return [bytes, bytes.toString("hex"), ...base64, ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))].map((one) => Buffer.from(one));
}

/** Everything in a folder, file by file. */
async function stored(folder) {
  const found = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) found.push({ path: join(entry.parentPath ?? entry.path, entry.name), bytes: await readFile(join(entry.parentPath ?? entry.path, entry.name)) });
  }
  return found;
}

const has = (bytes, secret) => spellings(secret).some((one) => bytes.includes(one));

test("the search finds a secret in every spelling", () => {
  for (const prefix of ["", "a", "ab"]) {
    for (const encoding of ["base64", "base64url", "hex"]) assert.ok(has(Buffer.from(Buffer.from(`${prefix}${SECRET}!`).toString(encoding)), SECRET));
  }
  assert.ok(has(scan(), SECRET));
  assert.ok(!has(Buffer.from("something else"), SECRET));
});

test("of a file that is shared the services have ciphertext alone", async (t) => {
  const folder = await project(t, "consumers/node");
  const { Vouchsafe } = await import(pathToFileURL(join(folder, "node_modules/vouchsafe/index.js")));
  const sent = [];
  const recorded = async (url, init) => {
    const body = init.body instanceof Blob ? Buffer.from(await init.body.arrayBuffer()) : Buffer.from(String(init.body ?? ""));
    sent.push(Buffer.concat([Buffer.from(`${url} ${JSON.stringify(init.headers)} `), body]));
    return fetch(url, init);
  };
  const app = await Vouchsafe.open({ vault: setting("VAULT"), keystore: setting("KEYSTORE"), invitationUrl: "https://app.example/", fetch: recorded });
  const person = async (name) => (await app.signUp({ email: `${name}.${Date.now()}@example.com`, passphrase: "a long enough passphrase" })).session;
  const [alice, bob] = [await person("alice"), await person("bob")];
  const { link } = await alice.invite({ delivery: "link", name: "Bob" });
  const { id } = await bob.accept({ link }, { name: "Alice" });
  const bytes = scan();
  const file = await alice.addFile(new Blob([bytes]), { name: NAME, type: "image/x-of-zofie" });
  const card = await alice.createCard({ label: "Passport", fields: [], files: [file] });
  const share = await alice.share({ card: card.id, connection: id });
  const shown = await alice.shareByLink({ card: card.id, expiresAt: Date.now() + 86_400_000, name: "Alice" });
  const received = await bob.readShare(share.id);
  assert.deepEqual(Buffer.from(await (await bob.file(received.card.files[0])).bytes()), bytes);
  const view = await app.openLink(shown.link);
  assert.deepEqual(Buffer.from(await (await view.file(view.card.files[0])).bytes({ start: MIB })), bytes.subarray(MIB));

  const lies = await stored(setting("DATA"));
  const parts = lies.filter(({ path }) => path.includes(file.id));
  assert.deepEqual(parts.length, 4, "the parts of the file were not found");
  assert.ok(parts.every((part) => part.bytes.length > 0));
  assert.ok(sent.some((one) => one.length > MIB), "no part was sent");
  const everything = [...lies, ...sent.map((one, index) => ({ path: `request ${index}`, bytes: one }))];
  for (const secret of [SECRET, NAME, "image/x-of-zofie", Buffer.from(file.key, "base64url"), file.key]) {
    for (const { path, bytes: place } of everything) assert.ok(!has(place, secret), `${secret} is in ${path}`);
  }
});

/** A stream of so many bytes, none of which is held for long, and what hashes them. */
function longStream(size) {
  const hash = createHash("sha256");
  let [at, number] = [0, 0];
  const stream = new ReadableStream({
    pull(controller) {
      const piece = Buffer.alloc(Math.min(MIB, size - at), `piece ${(number += 1)}`);
      hash.update(piece);
      controller.enqueue(piece);
      at += piece.length;
      if (at === size) controller.close();
    },
  });
  return { stream, digest: () => hash.digest("hex") };
}

test("a file of 2 GiB goes up and comes down", { skip: !thorough && "only with --thorough" }, async (t) => {
  const folder = await project(t, "consumers/node");
  const { Vouchsafe } = await import(pathToFileURL(join(folder, "node_modules/vouchsafe/index.js")));
  const app = await Vouchsafe.open({ vault: setting("VAULT"), keystore: setting("KEYSTORE") });
  const { session } = await app.signUp({ email: `long.${Date.now()}@example.com`, passphrase: "a long enough passphrase" });
  const size = 2 * 1024 * MIB + 12_345;
  const { stream, digest } = longStream(size);
  const file = await session.addFile(stream, { name: "long.bin", size });
  const hash = createHash("sha256");
  let length = 0;
  const opened = await session.file(file);
  for await (const piece of opened.stream()) {
    hash.update(piece);
    length += piece.length;
  }
  assert.deepEqual([length, hash.digest("hex")], [size, digest()]);
  // A place far behind is read without what is before it.
  const end = await opened.bytes({ start: size - 10 });
  assert.equal(end.length, 10);
});
