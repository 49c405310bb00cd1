// What runs in the page: the package, what bounds it, and others that do the same. Each function does a thing, and gives the milliseconds
// that it took; what is too small for a clock it does again and again, and gives those of one time.

import { gcm } from "@noble/ciphers/aes.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { argon2id } from "hash-wasm";
import { CompactEncrypt, CompactSign, compactDecrypt, compactVerify } from "jose";
import sodium from "libsodium-wrappers";
import { MIB, expectLength, inGroups, random, somebody, state, timed } from "./common.js";
import { watched } from "./many.js";

export { beginMany, readClaimed, readMany } from "./many.js";
export { beginPeers, watchBitwarden, watchMatrix, watchSentc } from "./peers.js";
export { beginSizes, openBy, openCard, openFile, sealBy, sealCard, sealFile } from "./sizes.js";

/** Of each card that is shared. */
const TEXT = "She said: \"All of it, please.\" ".repeat(9).slice(0, 256);

/** From nothing to a client that is ready. */
export async function ready(services, entry) {
  return timed(async () => {
    const { Vouchsafe } = await import(entry);
    state.app = await Vouchsafe.open({ ...services, invitationUrl: location.href });
  });
}

/** Fetching and compiling a module of so many bytes in which nothing is. */
export async function emptyModule() {
  return timed(() => WebAssembly.compileStreaming(fetch("/empty.wasm")));
}

/** From an address and a passphrase to a session. */
export async function signIn() {
  // With a client of its own: signing out forgets the key that a client has in stock.
  const { Vouchsafe } = await import("/vouchsafe/index.js");
  const app = await Vouchsafe.open(state.services);
  let session;
  const took = await timed(async () => (session = await app.signIn(state.account)));
  await session.signOut();
  return took;
}

/** What a sign-in cannot do without: Argon2id as the package has it, and two requests. */
export async function stretchAndFetch() {
  const { passphrase } = state.account;
  const stretching = await timed(() => argon2id({ password: passphrase, salt: new Uint8Array(16), iterations: 3, parallelism: 1, memorySize: 64 * 1024, hashLength: 32 }));
  return stretching + (await fetches(2));
}

/** Two people who are connected, and what the limits need. */
export async function begin(services, people) {
  state.services = services;
  // People on two sides have a client each, as on two devices.
  const { Vouchsafe } = await import("/vouchsafe/index.js");
  const other = await Vouchsafe.open(services);
  state.account = somebody("alice");
  state.alice = (await state.app.signUp(state.account)).session;
  state.peers = await inGroups(people, 2, async () => (await other.signUp(somebody("peer"))).session);
  state.connections = await inGroups(people, 2, async (number) => {
    const { link } = await state.alice.invite({ delivery: "link", name: "Peer" });
    return (await state.peers[number].accept({ link }, { name: "Alice" })).id;
  });

  const wrap = await crypto.subtle.generateKey({ name: "RSA-OAEP", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, false, ["encrypt", "decrypt"]);
  state.rsa = { ...wrap, wrapped: await crypto.subtle.encrypt("RSA-OAEP", wrap.publicKey, random(32)) };
  const signing = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const message = new TextEncoder().encode(TEXT);
  state.ed25519 = { ...signing, message, signature: await crypto.subtle.sign("Ed25519", signing.privateKey, message) };
  state.aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  await beginOthers(signing, message);
}

const card = (text = TEXT) => ({ label: "A card", fields: [{ name: "text", label: "Text", value: text }] });

/** One request after another to the Vault that nothing has to be done for. */
export async function fetches(count) {
  const { vault } = state.services;
  return timed(async () => {
    for (let done = 0; done < count; done += 1) await (await fetch(`${vault}/health`, { cache: "no-store", credentials: "omit" })).text();
  });
}

export const createCard = () => timed(async () => (state.card = (await state.alice.createCard(card())).id));

export const invite = () => timed(async () => (state.link = (await state.alice.invite({ delivery: "link", name: "Somebody" })).link));

export async function accept() {
  const link = state.link;
  return timed(() => state.peers[0].accept({ link }, { name: "Alice" }));
}

/** New cards, shared at once with one person. */
export async function share(count) {
  const ids = await inGroups(count, 10, async () => (await state.alice.createCard(card())).id);
  const [connection] = state.connections;
  return timed(() => Promise.all(ids.map((id) => state.alice.share({ card: id, connection }))));
}

/** A new card, shared with everybody. */
export async function shareWithAll() {
  const { id } = await state.alice.createCard(card());
  return timed(() => state.alice.shareWithMany({ card: id, connections: state.connections }));
}

/** New shares, read for the first time by somebody whose list has them. */
export async function readFirst(count) {
  const [connection] = state.connections;
  const cards = await inGroups(count, 10, async () => (await state.alice.createCard(card())).id);
  await inGroups(count, 10, (number) => state.alice.share({ card: cards[number], connection }));
  const [bob] = state.peers;
  const { items } = await bob.incomingShares({ limit: count });
  const ids = items.map(({ id }) => id);
  return timed(async () => {
    for (const { error } of await bob.readShares(ids)) if (error) throw error;
  });
}

/** A file up, in parts. */
export async function addFile(bytes) {
  // Another one each time: the same file goes on where it was cut.
  const blob = new Blob([random(64), ...Array.from({ length: bytes / MIB - 1 }, () => new Uint8Array(MIB)), new Uint8Array(MIB - 64)]);
  return timed(() => state.alice.addFile(blob, { name: "file", type: "application/octet-stream" }));
}

/** What cannot be left out of these, by `crypto.subtle`. */
const all = (count, one) => timed(() => Promise.all(Array.from({ length: count }, one)));
export const unwraps = (count) => all(count, () => crypto.subtle.decrypt("RSA-OAEP", state.rsa.privateKey, state.rsa.wrapped));
export const wraps = (count) => all(count, () => crypto.subtle.encrypt("RSA-OAEP", state.rsa.publicKey, random(32)));
export const checks = (count) => all(count, check);
const check = () => crypto.subtle.verify("Ed25519", state.ed25519.publicKey, state.ed25519.signature, state.ed25519.message);
export const watchChecks = (count) => watched(() => Promise.all(Array.from({ length: count }, check)));

/** A file of this size sealed in parts, each sent to the page's own server, some at a time. */
export async function sealAndSend(bytes) {
  const send = async () => {
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: random(12) }, state.aes, new Uint8Array(MIB));
    await (await fetch("/sink", { method: "PUT", body: sealed })).text();
  };
  return timed(() => inGroups(bytes / MIB, 4, send));
}

/** A message of the same length, signed and sealed as each of the others does it. */
async function beginOthers(signing, message) {
  await sodium.ready;
  const { jws, box, seal, noble } = { jws: {}, box: {}, seal: {}, noble: {} };
  const keys = sodium.crypto_sign_keypair();
  box.publicKey = keys.publicKey;
  box.key = sodium.crypto_aead_xchacha20poly1305_ietf_keygen();
  box.nonce = random(24);
  box.sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sodium.crypto_sign(message, keys.privateKey), null, null, box.nonce, box.key);
  seal.key = random(32);
  jws.publicKey = signing.publicKey;
  const signed = await new CompactSign(message).setProtectedHeader({ alg: "EdDSA" }).sign(signing.privateKey);
  seal.jwe = await new CompactEncrypt(new TextEncoder().encode(signed)).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(seal.key);
  const pair = ed25519.keygen();
  noble.publicKey = pair.publicKey;
  noble.key = random(32);
  noble.nonce = random(12);
  const signature = ed25519.sign(message, pair.secretKey);
  noble.sealed = gcm(noble.key, noble.nonce).encrypt(Uint8Array.from([...signature, ...message]));
  state.others = { jws, box, seal, noble };
}

const inTurn = (count, one) => () => Array.from({ length: count }, one);

function openOneBySodium() {
  const { box } = state.others;
  const signed = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box.sealed, null, box.nonce, box.key);
  const opened = sodium.crypto_sign_open(signed, box.publicKey);
  expectLength(opened, TEXT.length);
  return opened;
}

export const openBySodium = (count) => timed(inTurn(count, openOneBySodium));
export const watchSodium = (count) => watched(inTurn(count, openOneBySodium));

export async function openByJose(count) {
  const { jws, seal } = state.others;
  return timed(async () => {
    for (let done = 0; done < count; done += 1) {
      const { plaintext } = await compactDecrypt(seal.jwe, seal.key);
      expectLength((await compactVerify(plaintext, jws.publicKey)).payload, TEXT.length);
    }
  });
}

export async function openByNoble(count) {
  const { noble } = state.others;
  return timed(() => {
    for (let done = 0; done < count; done += 1) {
      const opened = gcm(noble.key, noble.nonce).decrypt(noble.sealed);
      if (!ed25519.verify(opened.subarray(0, 64), opened.subarray(64), noble.publicKey)) throw new Error("not signed");
    }
  });
}
