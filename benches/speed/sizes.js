// One record after another, sealed or opened, by size: the package's own code, with answers from memory, and others.

import { gcm } from "@noble/ciphers/aes.js";
import sodium from "libsodium-wrappers";
import { answers } from "./answers.js";
import { MIB, expectLength, random, randomBytes, somebody, state, timedOne } from "./common.js";

/** What the largest card has beside its text: its label, its field's names, and what JSON and the envelope need. */
const BESIDE = 1024;

/** The bytes of a text that a card of this size can have. */
const textLength = (size) => Math.min(size, MIB - BESIDE);

const WORDS = "She said all of it. ";

const text = (size) => WORDS.repeat(Math.ceil(size / WORDS.length)).slice(0, textLength(size));

/** Somebody's session whose answers come from where it says, and what it has to open. */
export async function beginSizes({ cards, files, others }) {
  const { Vouchsafe } = await import("/vouchsafe/index.js");
  const source = answers();
  const app = await Vouchsafe.open({ ...state.services, fetch: source.fetch });
  const { session } = await app.signUp(somebody("writer"));
  const own = { source, session, cards: new Map(), files: new Map() };
  for (const size of cards) own.cards.set(size, (await session.createCard(content(size))).id);
  for (const size of files) own.files.set(size, await session.addFile(new Blob([randomBytes(size)]), { name: "file" }));
  source.mode = "noted";
  for (const id of own.cards.values()) await session.card(id);
  for (const ref of own.files.values()) await (await session.file(ref)).bytes();
  state.sizes = own;
  await beginOthers(others);
}

const content = (size) => ({ label: "A card", fields: [{ name: "text", label: "Text", value: text(size) }] });

async function from(mode, work) {
  const { source } = state.sizes;
  source.mode = mode;
  const took = await timedOne(work);
  source.mode = "network";
  return took;
}

export function sealCard(size) {
  const { session } = state.sizes;
  const card = content(size);
  return from("away", () => session.createCard(card));
}

export function openCard(size) {
  const { session, cards } = state.sizes;
  const id = cards.get(size);
  return from("memory", async () => expectLength((await session.card(id)).fields[0].value, textLength(size)));
}

export function sealFile(size) {
  const { session } = state.sizes;
  const blob = new Blob([randomBytes(size)]);
  return from("away", () => session.addFile(blob, { name: "file" }));
}

export function openFile(size) {
  const { session, files } = state.sizes;
  const ref = files.get(size);
  return from("memory", async () => expectLength(await (await session.file(ref)).bytes(), size));
}

/** Each of the others: how it seals, and how it opens what it sealed. */
const OTHERS = {
  subtle: {
    begin: () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]),
    async seal(bytes, key) {
      const iv = random(12);
      return { iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
    },
    open: async ({ iv, sealed }, key) => new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed)),
  },
  sodium: {
    async begin() {
      await sodium.ready;
      return sodium.crypto_aead_xchacha20poly1305_ietf_keygen();
    },
    seal(bytes, key) {
      const nonce = random(24);
      return { nonce, sealed: sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(bytes, null, null, nonce, key) };
    },
    open: ({ nonce, sealed }, key) => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key),
  },
  noble: {
    begin: () => random(32),
    seal(bytes, key) {
      const nonce = random(12);
      return { nonce, sealed: gcm(key, nonce).encrypt(bytes) };
    },
    open: ({ nonce, sealed }, key) => gcm(key, nonce).decrypt(sealed),
  },
  cryppo: {
    async begin() {
      const { encryptWithGeneratedKey } = await import("/cryppo.js");
      return (await encryptWithGeneratedKey({ data: random(1), strategy: "AES-GCM" })).generatedKey;
    },
    async seal(data, key) {
      const { encryptWithKey } = await import("/cryppo.js");
      return (await encryptWithKey({ key, data, strategy: "AES-GCM" })).serialized;
    },
    async open(serialized, key) {
      const { decryptWithKey } = await import("/cryppo.js");
      return decryptWithKey({ serialized, key });
    },
  },
};

/** `sizes` has those of each. */
async function beginOthers(sizes) {
  state.sealers = new Map();
  for (const [name, { begin, seal }] of Object.entries(OTHERS)) {
    const key = await begin();
    const records = new Map();
    for (const size of sizes[name]) {
      const bytes = randomBytes(size);
      records.set(size, { bytes, sealed: await seal(bytes, key) });
    }
    state.sealers.set(name, { key, records });
  }
}

export function sealBy(name, size) {
  const { key, records } = state.sealers.get(name);
  const { bytes } = records.get(size);
  return timedOne(() => OTHERS[name].seal(bytes, key));
}

export function openBy(name, size) {
  const { key, records } = state.sealers.get(name);
  const { sealed } = records.get(size);
  return timedOne(async () => expectLength(await OTHERS[name].open(sealed, key), size));
}
