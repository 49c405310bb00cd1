/**
 * Storage beyond a page. IndexedDB holds each kept session sealed, beside the key that seals it, which scripts can use but not
 * read; likewise each upload that can go on; and for each account the marks, sealed under a key that only the account's own keys
 * give. The sessionStorage holds the id of this tab's session, and the last event that it saw.
 */

import { VouchsafeError } from "./errors.js";
import { kindOf } from "./own.js";

/** @typedef {import("./index.d.ts").PersistScope} PersistScope */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {number} format
 * @property {PersistScope} scope
 * @property {boolean} locked Whether it is kept without its keys.
 * @property {string} services
 * @property {string | null} account The app's name for the account, if it keeps several.
 * @property {CryptoKey} key
 * @property {Uint8Array} state Sealed by the module.
 * @property {Uint8Array | null} keys Sealed by the module; `null` when the session is locked, or kept without them.
 * @property {number} revision Grows with every change of `state` and `keys`.
 * @property {number} used The time of the last use.
 * @property {number | null} lockAfter
 */

/**
 * The marks of an account.
 *
 * @typedef {object} MarksEntry
 * @property {string} id
 * @property {number} count Grows with every write.
 * @property {Uint8Array} sealed By the module.
 */

const FORMAT = 1;
const SESSIONS = "sessions";
const MARKS = "marks";
/** Uploads of files, which `files/pending.js` reads and writes. */
export const UPLOADS = "uploads";
const DAY = 24 * 60 * 60 * 1000;
/** Milliseconds without use after which an entry counts as left behind: its tab was closed, or its sign-in is over. */
const KEPT = { tab: DAY, browser: 30 * DAY };

/** Milliseconds after which a database that does not open counts as none: some browsers never say that it fails. */
const PATIENCE = 5000;
const SILENT = new Error("IndexedDB is silent.");

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

/** Opens the database. One that opens after all is there for what comes then. */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("vouchsafe", 3);
    const timer = setTimeout(reject, PATIENCE, SILENT);
    request.onupgradeneeded = () => {
      const { result } = request;
      for (const name of [SESSIONS, MARKS, UPLOADS]) {
        if (!result.objectStoreNames.contains(name)) result.createObjectStore(name, { keyPath: "id" });
      }
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      clearTimeout(timer);
      const found = request.result;
      found.onclose = forget;
      found.onversionchange = () => {
        found.close();
        forget();
      };
      resolve(found);
      opening = Promise.resolve(found);
    };
  });
}

function forget() {
  opening = undefined;
}

/**
 * Runs one transaction in one store, and once more with a new handle if that fails: browsers lose handles. Nobody waits twice
 * for a database that is silent. `work` may call `give` with the result.
 *
 * @template T
 * @param {string} name
 * @param {(store: IDBObjectStore, give: (value: T) => void) => void} work
 * @param {IDBTransactionMode} [mode]
 * @param {IDBTransactionOptions} [options]
 * @returns {Promise<T>}
 */
export async function transact(name, work, mode = "readwrite", options) {
  for (let last = false; ; last = true) {
    try {
      const found = await (opening ??= open());
      return await new Promise((resolve, reject) => {
        const transaction = found.transaction(name, mode, options);
        /** @type {T} */
        let result;
        transaction.oncomplete = () => resolve(result);
        transaction.onabort = () => reject(transaction.error);
        work(transaction.objectStore(name), (value) => (result = value));
      });
    } catch (cause) {
      if (cause === SILENT) last = true;
      else forget();
      if (last) throw unavailable(cause);
    }
  }
}

/**
 * Whether uploads can go on here, of whatever account.
 *
 * @returns {Promise<boolean>}
 */
export async function hasUploads() {
  if (typeof indexedDB === "undefined") return false;
  const count = (/** @type {IDBObjectStore} */ store, /** @type {(found: boolean) => void} */ give) => {
    const request = store.count();
    request.onsuccess = () => give(request.result > 0);
  };
  return transact(UPLOADS, count, "readonly");
}

/** @param {unknown} cause */
function unavailable(cause) {
  const message = "This browser keeps nothing for this page, as in some private windows: stay on the page, or sign in again after a reload.";
  return new VouchsafeError("storage_unavailable", message, { cause });
}

/** Makes a key that can be stored but not read. Browsers have such keys on secure pages only. */
export async function makeKey() {
  try {
    return await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  } catch (cause) {
    throw unavailable(cause);
  }
}

/**
 * Calls `change` with an entry, or `undefined` if it is gone, and stores the entry that it returns.
 *
 * @param {string} id
 * @param {(entry: Entry | undefined) => Entry | undefined} change
 * @returns {Promise<Entry | undefined>} The entry as it was before.
 */
export function changeEntry(id, change) {
  return transact(SESSIONS, (store, give) => {
    const request = store.get(id);
    request.onsuccess = () => {
      const found = isEntry(request.result) ? request.result : undefined;
      give(found);
      const changed = change(found);
      if (changed) store.put(changed);
    };
  });
}

/**
 * Stores a new entry. An entry of the browser replaces the one before, of the same name.
 *
 * @param {Omit<Entry, "format" | "revision">} entry
 * @returns {Promise<{ added: Entry, replaced: string[] }>} The stored entry, and the ids of the replaced ones.
 */
export function addEntry(entry) {
  return transact(SESSIONS, (store, give) => {
    const request = store.getAll();
    request.onsuccess = () => {
      const others = entry.scope === "browser" ? request.result.filter((other) => isOfBrowser(other, entry.services) && other.account === entry.account) : [];
      for (const { id } of others) store.delete(id);
      const added = { ...entry, format: FORMAT, revision: 0 };
      store.put(added);
      give({ added, replaced: others.map(({ id }) => id) });
    };
  });
}

/**
 * @param {string} id
 * @returns {Promise<void>}
 */
export function removeEntry(id) {
  return transact(SESSIONS, (store) => store.delete(id));
}

/**
 * Finds this tab's entries, then the browser's, of each those used last first. Deletes entries that are unreadable or left
 * behind, and the keys of entries that should be locked by now.
 *
 * @param {string} services
 * @param {number | undefined} lockAfter
 * @returns {Promise<Entry[]>}
 */
export async function findEntries(services, lockAfter) {
  if (typeof indexedDB === "undefined") return [];
  const isOwn = (/** @type {Entry} */ entry) => entry.services === services && readTab(tabKey(services, entry.account)) === entry.id;
  const now = Date.now();
  /** @type {Entry[]} */
  const entries = await transact(SESSIONS, (store, give) => {
    const request = store.openCursor();
    /** @type {Entry[]} */
    const found = [];
    give(found);
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor) return;
      let entry = /** @type {Entry} */ (cursor.value);
      if (!isEntry(entry) || now - entry.used > KEPT[entry.scope]) {
        cursor.delete();
      } else {
        if (entry.keys && isIdle(entry, now, isOwn(entry) ? lockAfter : undefined)) {
          entry = { ...entry, keys: null, revision: entry.revision + 1 };
          cursor.update(entry);
        }
        found.push(entry);
      }
      cursor.continue();
    };
  });
  const found = entries.filter((entry) => isOwn(entry) || isOfBrowser(entry, services));
  return found.sort((one, other) => Number(isOwn(other)) - Number(isOwn(one)) || other.used - one.used);
}

/**
 * @param {Entry} entry
 * @param {number} now
 * @param {number | undefined} lockAfter
 */
function isIdle(entry, now, lockAfter) {
  const longest = Math.min(lockAfter ?? Infinity, entry.lockAfter ?? Infinity);
  return now - entry.used >= longest;
}

/**
 * @param {Entry} entry
 * @param {string} services
 */
function isOfBrowser(entry, services) {
  return entry?.scope === "browser" && entry.services === services;
}

/**
 * @param {Entry} entry
 * @returns {boolean}
 */
function isEntry(entry) {
  return (
    entry?.format === FORMAT &&
    entry.scope in KEPT &&
    typeof entry.locked === "boolean" &&
    (entry.account === null || typeof entry.account === "string") &&
    kindOf(entry.key) === "CryptoKey" &&
    kindOf(entry.state) === "Uint8Array" &&
    (entry.keys === null || kindOf(entry.keys) === "Uint8Array") &&
    Number.isSafeInteger(entry.revision) &&
    Number.isFinite(entry.used)
  );
}

/** The count of the marks of this name lies beside them, too: they can be a mebibyte, and most calls need no more of them. */
const countOf = (/** @type {string} */ id) => `${id} count`;

/**
 * Reads marks; without them, if their count is the one that is known.
 *
 * @param {string} id
 * @param {number} known
 * @returns {Promise<MarksEntry | { count: number, sealed?: undefined } | undefined>}
 */
export function readMarks(id, known) {
  const read = (/** @type {IDBObjectStore} */ store, /** @type {(found: Awaited<ReturnType<typeof readMarks>>) => void} */ give) => {
    const counted = store.get(countOf(id));
    counted.onsuccess = () => {
      if (counted.result?.count === known) return give({ count: known });
      const request = store.get(id);
      request.onsuccess = () => give(marksOf(request.result));
    };
  };
  return transact(MARKS, read, "readonly");
}

/**
 * Stores marks, if the stored ones have the count before theirs.
 *
 * @param {MarksEntry} entry
 * @returns {Promise<{ written: boolean, before: MarksEntry | undefined }>} Also the entry as it was before.
 */
export function writeMarks(entry) {
  return transact(MARKS, (store, give) => {
    const request = store.get(entry.id);
    request.onsuccess = () => {
      const before = marksOf(request.result);
      const written = (before?.count ?? 0) === entry.count - 1;
      if (written) {
        store.put(entry);
        store.put({ id: countOf(entry.id), count: entry.count });
      }
      give({ written, before });
    };
  });
}

/**
 * @param {string} id
 * @returns {Promise<void>}
 */
export function removeMarks(id) {
  return transact(MARKS, (store) => {
    store.delete(id);
    store.delete(countOf(id));
  });
}

/**
 * @param {MarksEntry | undefined} entry
 * @returns {MarksEntry | undefined}
 */
function marksOf(entry) {
  return Number.isSafeInteger(entry?.count) && kindOf(entry?.sealed) === "Uint8Array" ? entry : undefined;
}

/**
 * @param {string} services
 * @param {string | null} account
 */
export function tabKey(services, account) {
  return `vouchsafe session ${services}${account === null ? "" : ` ${account}`}`;
}

/** @param {string} id */
export function eventKey(id) {
  return `vouchsafe event ${id}`;
}

/**
 * @param {string} name
 * @returns {string | undefined}
 */
export function readTab(name) {
  try {
    return sessionStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where there is no sessionStorage, there is nothing to remove.
 *
 * @param {string} name
 * @param {string | undefined} value
 */
export function writeTab(name, value) {
  try {
    if (value === undefined) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch (cause) {
    if (value !== undefined) throw unavailable(cause);
  }
}
