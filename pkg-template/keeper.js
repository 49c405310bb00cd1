/** Keeps a session beyond its page, and in step with the other tabs that have the same one. */

import { addEntry, changeEntry, eventKey, findEntries, makeKey, readTab, removeEntry, tabKey, writeTab } from "./storage.js";
import { calling } from "./errors.js";

/** @typedef {import("./glue.js").RawClient} RawClient */
/** @typedef {import("./glue.js").RawSession} RawSession */
/** @typedef {import("./index.d.ts").PersistScope} PersistScope */
/** @typedef {import("./storage.js").Entry} Entry */

/** Milliseconds between two writes of the time of the last use at least. */
const TOUCH = 1000;

/** Messages to the other tabs. */
const CHANGED = "changed";
const LOCKED = "locked";
const ENDED = "ended";

/** Keeps a session. */
export class Keeper {
  /** @type {RawSession} */
  #raw;
  /** @type {Pick<Entry, "id" | "services" | "account" | "key" | "locked">} */
  #entry;
  #revision;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  #told;
  #dirty = false;
  /** Whether this tab has a newer access than the storage: it was locked or unlocked here, or signed in anew. */
  #access = false;
  #touched = 0;
  #gone = false;
  /** @type {Promise<void> | undefined} */
  #saving;

  /**
   * @param {RawSession} raw
   * @param {Entry} entry
   * @param {() => void} told Called when another tab has locked, unlocked or ended the session.
   */
  constructor(raw, entry, told) {
    this.#raw = raw;
    this.#entry = entry;
    this.#revision = entry.revision;
    this.#told = told;
    if (typeof BroadcastChannel === "undefined") return;
    this.#channel = new BroadcastChannel(channelOf(entry.id));
    this.#channel.onmessage = ({ data }) => {
      if (data === ENDED) this.#end();
      else if (data === LOCKED) this.#raw.lock();
      else this.refresh().catch(() => {});
    };
  }

  /**
   * Stores a session for the first time.
   *
   * @param {RawSession} raw
   * @param {Pick<Entry, "scope" | "locked" | "services" | "account" | "lockAfter">} how
   * @param {Keeper | undefined} before The keeper that this one replaces.
   * @returns {Promise<Entry>}
   */
  static async create(raw, how, before) {
    const key = await makeKey();
    const id = crypto.randomUUID();
    const sealed = await calling(() => raw.seal(key, contextOf(id, how.services), !how.locked));
    const entry = { ...how, ...sealed, id, key, used: Date.now() };
    // This also deletes old entries.
    await findEntries(how.services, undefined);
    const { added, replaced } = await addEntry(entry);
    try {
      writeTab(tabKey(how.services, how.account), how.scope === "tab" ? id : undefined);
    } catch (error) {
      await removeEntry(id);
      throw error;
    }
    before?.close();
    for (const other of replaced) announce(other, ENDED);
    return added;
  }

  /**
   * Opens the stored session. An entry that does not open is deleted.
   *
   * @param {RawClient} client
   * @param {string} services
   * @param {number | undefined} lockAfter
   * @param {string | undefined} account
   */
  static async resume(client, services, lockAfter, account) {
    const entries = await findEntries(services, lockAfter);
    const entry = entries.find((found) => account === undefined || found.account === account);
    if (!entry) return null;
    const { id, key, state, keys } = entry;
    try {
      const raw = await calling(() => client.resume(key, contextOf(id, services), state, keys ?? undefined));
      raw.lastEvent = readTab(eventKey(id));
      return { raw, entry };
    } catch {
      await removeEntry(id);
      return null;
    }
  }

  /**
   * Lists the stored sessions, in the order in which they are resumed.
   *
   * @param {string} services
   * @param {number | undefined} lockAfter
   */
  static async kept(services, lockAfter) {
    const entries = await findEntries(services, lockAfter);
    return entries.map(({ account, scope, keys, used }) => ({ account, scope, locked: keys === null, usedAt: used }));
  }

  /**
   * Stores the session as it is now.
   *
   * @param {boolean} access
   * @returns {Promise<void>}
   */
  save(access) {
    this.#dirty = true;
    this.#access ||= access;
    this.#saving ??= this.#saveAll().finally(() => (this.#saving = undefined));
    return this.#saving;
  }

  async #saveAll() {
    while (this.#dirty && !this.#gone) {
      const access = this.#access;
      this.#dirty = this.#access = false;
      try {
        const { id, key, services, locked } = this.#entry;
        const sealed = await calling(() => this.#raw.seal(key, contextOf(id, services), !locked));
        let written = 0;
        const stored = await changeEntry(id, (entry) => {
          if (this.#gone || entry?.revision !== this.#revision) return undefined;
          written = entry.revision + 1;
          return { ...entry, ...sealed, revision: written };
        });
        if (written > 0) {
          this.#revision = Math.max(this.#revision, written);
          if (access) this.#channel?.postMessage(CHANGED);
          continue;
        }
        // Another tab was faster: take in its changes, then try again.
        this.#dirty = true;
        this.#access ||= access;
        await this.#catchUp(stored);
      } catch (error) {
        this.#access ||= access;
        throw error;
      }
    }
  }

  /**
   * Takes in the changes that other tabs stored.
   *
   * @returns {Promise<boolean>} Whether there were changes.
   */
  async refresh() {
    if (this.#gone) return false;
    const before = this.#revision;
    await this.#catchUp(await changeEntry(this.#entry.id, () => undefined));
    return !this.#gone && this.#revision !== before;
  }

  /** @param {Entry | undefined} stored */
  async #catchUp(stored) {
    if (this.#gone) return;
    if (!stored) return this.#end();
    if (stored.revision <= this.#revision) return;
    const { id, key, services, locked } = this.#entry;
    const { state, keys, revision } = stored;
    // This tab's access is newer than that of the others.
    if (!this.#access) await calling(() => this.#raw.catchUp(key, contextOf(id, services), state, keys ?? undefined, !locked));
    this.#revision = revision;
    this.#told();
  }

  /**
   * Notes that the session was used.
   *
   * @param {number} used
   */
  touch(used) {
    if (Math.abs(used - this.#touched) < TOUCH) return;
    this.#touched = used;
    this.#change((entry) => ({ ...entry, used: Math.max(used, entry.used) }));
  }

  /** Locks the session in the other tabs that have it, where no stored keys tell them. */
  tellLocked() {
    if (this.#entry.locked) this.#channel?.postMessage(LOCKED);
  }

  /** @param {number | null} lockAfter */
  setLockAfter(lockAfter) {
    this.#change((entry) => ({ ...entry, lockAfter }));
  }

  /** @param {(entry: Entry) => Entry} change */
  #change(change) {
    const changed = changeEntry(this.#entry.id, (entry) => (entry && !this.#gone ? change(entry) : undefined));
    // The next use writes it again.
    changed.catch(() => {});
  }

  /** Gives the time at which any tab last used the session. */
  async lastUsed() {
    const entry = await changeEntry(this.#entry.id, () => undefined);
    return entry?.used ?? 0;
  }

  /** Notes the last event that this tab was told of. Without storage, events begin anew after a reload. */
  eventSeen() {
    try {
      writeTab(eventKey(this.#entry.id), this.#raw.lastEvent);
    } catch {}
  }

  /** Deletes the entry and ends the session in every tab. */
  async remove() {
    const { id, services, account } = this.#entry;
    this.close();
    announce(id, ENDED);
    if (readTab(tabKey(services, account)) === id) writeTab(tabKey(services, account), undefined);
    writeTab(eventKey(id), undefined);
    await removeEntry(id);
  }

  /** Stops keeping; the entry stays. */
  close() {
    this.#gone = true;
    this.#channel?.close();
  }

  /** Ends the session here, because it ended elsewhere. */
  #end() {
    if (this.#gone) return;
    this.close();
    this.#raw.end();
    this.#told();
  }
}

/**
 * @param {string} id
 * @param {string} services
 */
function contextOf(id, services) {
  return `${id} ${services}`;
}

/** @param {string} id */
function channelOf(id) {
  return `vouchsafe ${id}`;
}

/**
 * @param {string} id
 * @param {string} message
 */
function announce(id, message) {
  if (typeof BroadcastChannel === "undefined") return;
  const channel = new BroadcastChannel(channelOf(id));
  channel.postMessage(message);
  channel.close();
}
