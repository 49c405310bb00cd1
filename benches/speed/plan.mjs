// What is measured: functions of the page by name, each with what it is given.

const SHARES = 100;
export const PEOPLE = 20;
const FILE = 16 * 2 ** 20;

/** What the package does, by the function of the page that does it, and what is measured beside it; `most` is the ratio that it may have. */
export const ROWS = [
  { name: "from nothing to ready, bundled", ours: ["ready", "/app.js"], beside: [{ name: "an empty module of the same size, compiled", does: ["emptyModule"], most: 1.5 }] },
  { name: "the same, in the package's files", ours: ["ready", "/vouchsafe/index.js"], beside: [{ name: "an empty module", does: ["emptyModule"] }] },
  { name: "sign in", ours: ["signIn"], beside: [{ name: "Argon2id by hash-wasm, and 2 `fetch`", does: ["stretchAndFetch"], most: 1.3 }] },
  { name: "create a card", ours: ["createCard"], beside: [{ name: "1 `fetch`", does: ["fetches", 1] }] },
  { name: "share a card", ours: ["share", 1], beside: [{ name: "2 `fetch`", does: ["fetches", 2] }] },
  { name: "10 shares at once", ours: ["share", 10], beside: [{ name: "1 share", does: ["share", 1], most: 3 }] },
  { name: `share with ${PEOPLE} people`, ours: ["shareWithAll"], beside: [{ name: `${PEOPLE} wraps by RSA-OAEP`, does: ["wraps", PEOPLE] }] },
  { name: `read ${SHARES} shares for the first time`, ours: ["readFirst", SHARES], beside: [{ name: `${SHARES} unwraps by RSA-OAEP`, does: ["unwraps", SHARES], most: 1.3 }] },
  {
    name: `read ${SHARES} claimed shares, from answers that are there`,
    ours: ["readClaimed", SHARES],
    beside: [
      { name: `${SHARES} checks by Ed25519`, does: ["checks", SHARES], most: 1.25 },
      { name: "libsodium: open and check", does: ["openBySodium", SHARES] },
      { name: "jose: open and check", does: ["openByJose", SHARES] },
      { name: "noble: open and check", does: ["openByNoble", SHARES] },
    ],
  },
  // Behind these a key is made ahead, which takes what comes next some time.
  { name: "invite by link", ours: ["invite"], beside: [{ name: "2 `fetch`, one after another", does: ["fetches", 2] }] },
  { name: "accept", ours: ["accept"], beside: [{ name: "3 `fetch`", does: ["fetches", 3] }] },
  { name: "add a file of 16 MiB", ours: ["addFile", FILE], beside: [{ name: "sealed by AES-GCM, and sent", does: ["sealAndSend", FILE] }] },
];

/** Claimed shares that are read in one go, and the connections that they came over. */
export const MANY = { count: 2000, connections: 8, counts: [1, 10, 50, 100, 200] };

/** What is done so many times, with an eye on the page; the first is the package. */
export const WATCHED = [
  { name: "Vouchsafe: claimed shares read, 200 by each call", does: ["readMany"] },
  { name: "crypto.subtle: checks by Ed25519, all at once", does: ["watchChecks"] },
  { name: "libsodium: open and check", does: ["watchSodium"] },
  { name: "Matrix: events of a room decrypted, one after another", does: ["watchMatrix"] },
  { name: "Bitwarden: notes of one's own decrypted, by one call", does: ["watchBitwarden"] },
  { name: "sentc: open and check, one after another", does: ["watchSentc"] },
];

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const CARDS = [64, KIB, 4 * KIB, 64 * KIB, MIB];
const FILES = [64 * KIB, MIB, 4 * MIB, 16 * MIB];
const FIRST = [1, 10, 50, 100];
const EVERY = [...new Set([...CARDS, ...FILES])];

/** The sizes that have to be prepared. */
export const SIZES = { cards: CARDS, files: FILES, others: { subtle: EVERY, sodium: EVERY, noble: EVERY, cryppo: CARDS } };

/** A line for each of those that seal or open one record of a size. */
const bySize = (card, file, other) => [
  { name: "Vouchsafe, a card", does: [card], at: CARDS },
  { name: "Vouchsafe, a file", does: [file], at: FILES },
  { name: "crypto.subtle, AES-GCM", does: [other, "subtle"], at: EVERY },
  { name: "libsodium, XChaCha20-Poly1305", does: [other, "sodium"], at: EVERY },
  { name: "noble, AES-GCM", does: [other, "noble"], at: EVERY },
  { name: "cryppo, AES-GCM", does: [other, "cryppo"], at: CARDS },
];

/** What takes longer the more there is of it: a line for each thing, and its points. */
export const CURVES = [
  { id: "seal", name: "one record, sealed", unit: "bytes", lines: bySize("sealCard", "sealFile", "sealBy") },
  { id: "open", name: "one record, opened", unit: "bytes", lines: bySize("openCard", "openFile", "openBy") },
  {
    id: "claimed",
    name: "claimed shares, read",
    unit: "shares",
    lines: [
      { name: "Vouchsafe", does: ["readClaimed"], at: MANY.counts },
      { name: "crypto.subtle, checks by Ed25519", does: ["checks"], at: MANY.counts },
      { name: "libsodium, open and check", does: ["openBySodium"], at: MANY.counts },
    ],
  },
  {
    id: "first",
    name: "shares, read for the first time",
    unit: "shares",
    lines: [
      { name: "Vouchsafe", does: ["readFirst"], at: FIRST },
      { name: "crypto.subtle, unwraps by RSA-OAEP", does: ["unwraps"], at: FIRST },
    ],
  },
];
