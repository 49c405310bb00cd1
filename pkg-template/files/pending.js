/**
 * What a device keeps of uploads, so that one that was cut can go on from another page: the file's key and header, and of each
 * segment the SHA-256 of its plaintext, stored before the segment is sent. A segment is encrypted with its nonce once, so it must never
 * be made of other bytes. Everything is sealed under a key that scripts can use but not read, and opens for its account alone.
 */

import { VouchsafeError } from "../errors.js";
import { kindOf } from "../own.js";
import { UPLOADS, makeKey, transact } from "../storage.js";
import { areEqual, fromText, joined, toText } from "./bytes.js";
import { subtle } from "./format.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * An upload whose size is known, or one that cannot go on elsewhere.
 *
 * @typedef {{ id: string, name: string, type: string, size: number | undefined, key: Bytes, header: Bytes }} Upload
 */

/**
 * An entry of the store: of an upload, or of a segment of one, whose id is that of the upload and its place.
 *
 * @typedef {{ id: string, at: number, sealed: Bytes, key?: CryptoKey }} Entry
 */

const DAY = 24 * 60 * 60 * 1000;
/** Milliseconds after which the Vault has erased an upload that got no part. */
const KEPT = 2 * DAY;
const IV = 12;

/** @param {string} id */
const ofUpload = (id) => id.slice(0, 36);

/** An upload as it is kept. */
export class Pending {
  #owner;
  #id;
  #key;
  /**
   * What was sent, sealed, by its place.
   *
   * @type {Map<number, Bytes>}
   */
  #sent;
  /**
   * What the next write notes, which the one before holds up.
   *
   * @type {{ index: number, digest: Bytes }[]}
   */
  #waiting = [];
  /** @type {Promise<void>} */
  #written = Promise.resolve();
  /** @type {Promise<void> | undefined} */
  #next;

  /**
   * @param {string} owner
   * @param {string} id
   * @param {CryptoKey} key
   * @param {Map<number, Bytes>} sent
   */
  constructor(owner, id, key, sent) {
    this.#owner = owner;
    this.#id = id;
    this.#key = key;
    this.#sent = sent;
  }

  /**
   * Keeps a new upload; where the browser keeps nothing, there is none to go on with.
   *
   * @param {string} owner
   * @param {Upload} upload
   */
  static async begin(owner, { id, key, header, ...rest }) {
    if (typeof indexedDB === "undefined" || rest.size === undefined) return undefined;
    try {
      const sealing = await makeKey();
      const content = JSON.stringify({ ...rest, key: toText(key), header: toText(header) });
      const sealed = await seal(sealing, `${owner} ${id}`, new TextEncoder().encode(content));
      await write([{ id, at: Date.now(), sealed, key: sealing }]);
      return new Pending(owner, id, sealing, new Map());
    } catch {
      return undefined;
    }
  }

  /**
   * Finds the uploads of an account, with when they began and how much of them may have been sent. Deletes those that are over.
   *
   * @param {string} owner
   * @returns {Promise<{ upload: Upload & { size: number }, begun: number, pending: Pending, sent: number }[]>}
   */
  static async find(owner) {
    if (typeof indexedDB === "undefined") return [];
    const entries = (await readAll()).filter(isEntry);
    const newest = new Map();
    for (const { id, at } of entries) newest.set(ofUpload(id), Math.max(at, newest.get(ofUpload(id)) ?? 0));
    const whole = new Set(entries.filter(({ key }) => key).map(({ id }) => id));
    for (const [id, at] of newest) {
      // What was noted after its upload was forgotten is of nobody.
      if (Date.now() - at > KEPT || !whole.has(id)) await erase(id);
    }
    const found = [];
    for (const { id, at, sealed, key } of entries) {
      const upload = key && Date.now() - newest.get(id) <= KEPT && (await opened(key, owner, id, sealed));
      if (!upload) continue;
      const own = entries.filter((entry) => !entry.key && ofUpload(entry.id) === id);
      const sent = new Map(own.map((entry) => [Number(entry.id.slice(37)), entry.sealed]));
      found.push({ upload, begun: at, pending: new Pending(owner, id, key, sent), sent: sent.size });
    }
    return found;
  }

  /**
   * Whether a segment may have been sent. Rejects if that was with other bytes.
   *
   * @param {number} index
   * @param {Bytes} digest The SHA-256 of its plaintext.
   */
  async knows(index, digest) {
    const before = this.#sent.get(index);
    if (!before) return false;
    if (areEqual(await unseal(this.#key, this.#contextOf(index), before), digest)) return true;
    const message = "This is not the file that the upload began with: choose that one, or upload this one anew.";
    throw new VouchsafeError("bad_input", message, { argument: "source" });
  }

  /**
   * Notes a segment that is about to be sent. Only once this resolves, it may be.
   *
   * @param {number} index
   * @param {Bytes} digest The SHA-256 of its plaintext.
   * @returns {Promise<void>}
   */
  async note(index, digest) {
    this.#waiting.push({ index, digest });
    this.#next ??= this.#written.then(() => {
      this.#next = undefined;
      return (this.#written = this.#write(this.#waiting.splice(0)));
    });
    await this.#next;
  }

  /**
   * Writes together what came while the disk was busy.
   *
   * @param {{ index: number, digest: Bytes }[]} noted
   */
  async #write(noted) {
    const entries = noted.map(async ({ index, digest }) => {
      const sealed = await seal(this.#key, this.#contextOf(index), digest);
      return { id: `${this.#id} ${index}`, at: Date.now(), sealed };
    });
    await write(await Promise.all(entries));
  }

  /** @param {number} index */
  #contextOf(index) {
    return `${this.#owner} ${this.#id} ${index}`;
  }

  /** Forgets the upload. */
  async remove() {
    await (this.#next ?? this.#written).catch(() => {});
    await erase(this.#id);
  }
}

/** @returns {Promise<Entry[]>} */
function readAll() {
  const read = (/** @type {IDBObjectStore} */ store, /** @type {(found: Entry[]) => void} */ give) => {
    const request = store.getAll();
    request.onsuccess = () => give(request.result);
  };
  return transact(UPLOADS, read, "readonly");
}

/**
 * Writes new entries, and waits until the disk has them. One that is there already stays, and it fails.
 *
 * @param {Entry[]} entries
 * @returns {Promise<void>}
 */
function write(entries) {
  const add = (/** @type {IDBObjectStore} */ store) => {
    for (const entry of entries) store.add(entry);
  };
  return transact(UPLOADS, add, "readwrite", { durability: "strict" });
}

/**
 * @param {string} id
 * @returns {Promise<void>}
 */
function erase(id) {
  return transact(UPLOADS, (store) => store.delete(IDBKeyRange.bound(id, `${id} ~`)));
}

/**
 * @param {Entry} entry
 * @returns {boolean}
 */
function isEntry({ id, at, sealed, key }) {
  const isSealed = kindOf(sealed) === "Uint8Array" && Number.isFinite(at);
  return isSealed && (key ? kindOf(key) === "CryptoKey" && id.length === 36 : /^.{36} \d+$/.test(id));
}

/**
 * The upload of an entry, unless it is another account's.
 *
 * @param {CryptoKey} sealing
 * @param {string} owner
 * @param {string} id
 * @param {Bytes} sealed
 */
async function opened(sealing, owner, id, sealed) {
  try {
    const content = await unseal(sealing, `${owner} ${id}`, sealed);
    const { key, header, ...rest } = JSON.parse(new TextDecoder().decode(content));
    return { ...rest, id, key: fromText(key, 32), header: fromText(header, 40) };
  } catch {
    return undefined;
  }
}

/**
 * @param {CryptoKey} key
 * @param {string} context
 * @param {Bytes} content
 */
async function seal(key, context, content) {
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const algorithm = { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(context) };
  return joined([iv, new Uint8Array(await subtle().encrypt(algorithm, key, content))]);
}

/**
 * @param {CryptoKey} key
 * @param {string} context
 * @param {Bytes} sealed
 */
async function unseal(key, context, sealed) {
  const algorithm = { name: "AES-GCM", iv: sealed.slice(0, IV), additionalData: new TextEncoder().encode(context) };
  return new Uint8Array(await subtle().decrypt(algorithm, key, sealed.subarray(IV)));
}
