/** The stand-in for what keeps sessions: in memory, for as long as the test's process. */

import { calling } from "../errors.js";
import { State } from "./account.js";
import { fail } from "./errors.js";
import { RawSession } from "./session.js";
import { turn, world } from "./world.js";

/** @typedef {import("../index.d.ts").PersistScope} PersistScope */
/** @typedef {import("./client.js").RawClient} RawClient */

/**
 * A kept session.
 *
 * @typedef {object} Kept
 * @property {PersistScope} scope
 * @property {boolean} locked Whether it is kept without its keys.
 * @property {string} services
 * @property {string | null} name The app's name for the account, if it keeps several.
 * @property {number | null} lockAfter
 * @property {number} used
 * @property {import("./world.js").Account} account
 * @property {string | undefined} email
 * @property {object} login
 * @property {boolean} unlocked
 * @property {Set<Keeper>} keepers Of every tab that has it.
 */

/** Keeps a session. */
export class Keeper {
  #raw;
  #kept;
  #told;

  /**
   * @param {RawSession} raw
   * @param {Kept} kept
   * @param {() => void} told
   */
  constructor(raw, kept, told) {
    this.#raw = raw;
    this.#kept = kept;
    this.#told = told;
    kept.keepers.add(this);
  }

  /**
   * @param {RawSession} raw
   * @param {Pick<Kept, "scope" | "locked" | "services" | "lockAfter"> & { account: string | null }} how
   * @param {Keeper | undefined} before
   * @returns {Promise<Kept>}
   */
  static async create(raw, how, before) {
    await raw.ready("persist");
    if (raw.over) fail("session_expired");
    const { account, email, login, unlocked } = raw.state;
    const { account: name, ...rest } = how;
    const others = world.kept.filter((kept) => kept.services === how.services && kept.name === name);
    for (const other of others.filter(({ scope }) => scope === "browser" && how.scope === "browser")) drop(other, before);
    // The tab goes on with this one.
    world.kept = world.kept.filter((kept) => kept.scope !== "tab" || !others.includes(kept));
    /** @type {Kept} */
    const kept = { ...rest, name, account, email, login, unlocked: unlocked && !how.locked, used: Date.now(), keepers: new Set() };
    world.kept.push(kept);
    before?.close();
    return kept;
  }

  /**
   * @param {RawClient} client
   * @param {string} services
   * @param {number | undefined} lockAfter
   * @param {string | undefined} name
   */
  static async resume(client, services, lockAfter, name) {
    await calling(() => turn("resume"));
    const entry = find(services, lockAfter).find((kept) => name === undefined || kept.name === name);
    if (!entry) return null;
    const state = new State(entry.account, client.pages, { email: entry.email, identityToken: "" }, client.receipts);
    state.take(entry.login, entry.unlocked);
    return { raw: new RawSession(state), entry };
  }

  /**
   * @param {string} services
   * @param {number | undefined} lockAfter
   */
  static async kept(services, lockAfter) {
    await calling(() => turn("kept"));
    return find(services, lockAfter).map(({ name, scope, unlocked, used }) => ({ account: name, scope, locked: !unlocked, usedAt: used }));
  }

  /**
   * Tells the other tabs what became of the session here.
   *
   * @param {boolean} access Whether it was locked or unlocked.
   */
  async save(access) {
    if (!access || !this.#kept.keepers.has(this)) return;
    const { login, unlocked } = this.#raw.state;
    this.#kept.login = login;
    this.#kept.unlocked = unlocked && !this.#kept.locked;
    for (const other of this.#kept.keepers) {
      if (other === this) continue;
      // Kept without keys, each tab is unlocked by itself, and all are locked together.
      const { state } = other.#raw;
      state.take(login, this.#kept.locked && unlocked ? state.unlocked : unlocked);
      other.#told();
    }
  }

  /** There is nothing that this tab does not know. */
  async refresh() {
    return false;
  }

  /** Saving tells them. */
  tellLocked() {}

  /** No event is lost here. */
  eventSeen() {}

  /** @param {number} used */
  touch(used) {
    this.#kept.used = used;
  }

  /** @param {number | null} lockAfter */
  setLockAfter(lockAfter) {
    this.#kept.lockAfter = lockAfter;
  }

  async lastUsed() {
    return this.#kept.used;
  }

  /** Forgets the session, and ends it in every other tab. */
  async remove() {
    drop(this.#kept, this);
    this.close();
  }

  close() {
    this.#kept.keepers.delete(this);
  }

  /** Ends the session here, because it ended elsewhere. */
  end() {
    this.close();
    this.#raw.end();
    this.#told();
  }
}

/**
 * The tab's sessions, then the browser's, of each those used last first.
 *
 * @param {string} services
 * @param {number | undefined} lockAfter
 */
function find(services, lockAfter) {
  const found = world.kept.filter((kept) => kept.services === services);
  for (const kept of found) {
    if (Date.now() - kept.used >= Math.min(lockAfter ?? Infinity, kept.lockAfter ?? Infinity)) kept.unlocked = false;
  }
  const isTabs = (/** @type {Kept} */ { scope }) => Number(scope === "tab");
  return found.sort((one, other) => isTabs(other) - isTabs(one) || other.used - one.used);
}

/**
 * @param {Kept} kept
 * @param {Keeper | undefined} mine The tab that goes on.
 */
function drop(kept, mine) {
  world.kept = world.kept.filter((other) => other !== kept);
  for (const keeper of [...kept.keepers]) {
    if (keeper !== mine) keeper.end();
  }
}
