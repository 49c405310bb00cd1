/**
 * One event stream for all tabs of an account: a browser has six connections to an origin of HTTP/1.1, and each stream keeps one.
 * The tab that holds a Web Lock reads the stream, and passes on what it says. Every tab knows the last event that it was told of:
 * who takes over goes on from there, and who missed something asks the Vault.
 */

import { native } from "./timers.js";

/** @typedef {import("./glue.js").RawSession} RawSession */
/** @typedef {import("./index.d.ts").LiveEvent} LiveEvent */
/**
 * What came after the event `from`, to the event `at`.
 *
 * @typedef {{ from: string | undefined, at: string | undefined, events: LiveEvent[] }} Passed
 */

/** Milliseconds between two questions to the tab that reads, at most. */
const PERIOD = 20_000;
/** Milliseconds after which a tab that does not answer counts as frozen, and loses the stream. */
const PATIENCE = 3000;

/** Questions to the tab that reads; the second also says that there is a network again. */
const ASK = "ask";
const WAKE = "wake";
/** The service cannot tell what happened since the last event. */
const MISSED = "missed";

/** The part of one tab. */
export class Stream {
  #raw;
  #name;
  #told;
  #subscription;
  #channel;
  /**
   * The wait for the lock, and then the time that it is held; none of a tab that cannot read.
   *
   * @type {AbortController | undefined}
   */
  #turn;
  /** @type {() => void} */
  #release = () => {};
  #reads = false;
  /** Whether the last question was answered. */
  #answered = true;
  /** Whether the last event of this tab is known to be one of this stream. */
  #joined = false;
  /**
   * What was read and not passed on yet, and the event before it.
   *
   * @type {LiveEvent[]}
   */
  #events = [];
  /** @type {string | undefined} */
  #at;
  #work = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {RawSession} raw
   * @param {string} name The account's name in this browser.
   * @param {readonly string[]} kinds
   * @param {(change: "event" | "missed") => void} told
   */
  constructor(raw, name, kinds, told) {
    this.#raw = raw;
    this.#told = told;
    raw.held = true;
    this.#subscription = raw.on(kinds, /** @param {LiveEvent} event */ (event) => {
      if (this.#reads) this.#events.push(event);
    });
    // Tabs of two versions of an app may know different kinds.
    this.#name = `vouchsafe events ${kinds} ${name}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#queue();
    this.#ask(ASK);
  }

  /**
   * Whether tabs can share a stream here. Browsers have locks on secure pages only.
   *
   * @param {RawSession} raw
   */
  static isPossible(raw) {
    const found = typeof BroadcastChannel !== "undefined" && typeof indexedDB !== "undefined" && globalThis.navigator?.locks;
    return Boolean(found) && raw.held !== undefined;
  }

  /** The newest event that this tab was told of is another. */
  moved() {
    if (this.#reads) this.#say(this.#at, this.#events.splice(0));
  }

  /** Events may be lost, for every tab. */
  missed() {
    if (this.#reads) this.#channel.postMessage(MISSED);
  }

  /** This tab cannot read: its session is over. */
  rest() {
    this.#raw.held = true;
    this.#stop();
  }

  #stop() {
    this.#turn?.abort();
    this.#turn = undefined;
    this.#reads = false;
    this.#events = [];
    this.#release();
  }

  /** The session may be a fresh one. */
  stir() {
    if (!this.#turn) this.#queue();
  }

  /** The page came back, from sleep or to the network. */
  wake() {
    if (!this.#reads) this.#ask(WAKE);
  }

  close() {
    this.#subscription.cancel();
    this.#stop();
    this.#channel.onmessage = null;
    this.#channel.close();
    native("clearTimeout")(this.#timer);
  }

  /** Waits for the lock, or takes it from a tab that does not answer. */
  #queue(steal = false) {
    this.#turn?.abort();
    const turn = new AbortController();
    this.#turn = turn;
    const options = steal ? { steal } : { signal: turn.signal };
    const lost = (/** @type {any} */ error) => {
      if (this.#turn !== turn) return;
      this.rest();
      // Somebody took it; or there are no locks for this page, as in a sandbox.
      if (error?.name === "AbortError") return this.#queue();
      this.#turn = turn;
      return this.#read(turn);
    };
    // Of a session that was freed nothing is read any more.
    navigator.locks.request(this.#name, options, () => this.#read(turn)).catch(lost).catch(() => {});
  }

  /**
   * Reads the stream until it is another tab's turn.
   *
   * @param {AbortController} turn
   * @returns {Promise<void>}
   */
  async #read(turn) {
    if (this.#turn !== turn) return;
    this.#reads = true;
    this.#say(this.#raw.lastEvent);
    const over = new Promise((resolve) => (this.#release = () => resolve(undefined)));
    await this.#work;
    if (this.#reads && this.#turn === turn) this.#raw.held = false;
    await over;
  }

  /**
   * Passes on what came after the event `from`.
   *
   * @param {string | undefined} from
   * @param {LiveEvent[]} [events]
   */
  #say(from, events = []) {
    this.#at = this.#raw.lastEvent;
    this.#channel.postMessage({ from, at: this.#at, events });
  }

  /** @param {string | Passed} data */
  #hear(data) {
    if (data === ASK || data === WAKE) {
      if (!this.#reads) return;
      if (data === WAKE) this.#raw.nudge();
      this.#say(this.#at);
    } else if (!this.#reads) {
      this.#answered = true;
      // One after the other, since some have to ask the Vault.
      this.#work = this.#work.then(() => this.#take(data)).catch(() => {});
    }
  }

  /** @param {string | Passed} data */
  async #take(data) {
    const raw = this.#raw;
    if (this.#reads || !this.#channel.onmessage) return;
    if (typeof data === "string") {
      raw.lastEvent = undefined;
      return this.#told(MISSED);
    }
    const { from, at, events } = data;
    const last = raw.lastEvent;
    if (at === undefined) return;
    if (last === undefined || last === from) {
      for (const { kind, id } of events) raw.hear(kind, id);
      raw.lastEvent = at;
      this.#told("event");
    } else if (!this.#joined || !(Number(at) <= Number(last))) {
      // The last event may be of a time that a restored service does not know.
      if (at !== last) await raw.lookBack();
    }
    this.#joined = true;
  }

  /**
   * Asks whether the tab that reads is there.
   *
   * @param {string} word
   */
  #ask(word) {
    this.#answered = this.#reads;
    if (!this.#reads) this.#channel.postMessage(word);
    this.#wait(PATIENCE, () => {
      if (this.#turn && !this.#reads && !this.#answered) this.#queue(true);
      this.#wait(PERIOD * (0.5 + Math.random() / 2), () => this.#ask(ASK));
    });
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} then
   */
  #wait(milliseconds, then) {
    native("clearTimeout")(this.#timer);
    this.#timer = native("setTimeout")(then, milliseconds);
  }
}
