/** Locks a session that was not used for a while. It goes by the clock: a timer stands still while the machine sleeps. */

import { native } from "./timers.js";

/** Milliseconds between two looks at the clock at most. */
const LOOK = 30_000;

/** Watches one session. */
export class Idle {
  /** @type {number | null} */
  #after = null;
  #used = Date.now();
  #running = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #lock;
  #lastUsed;

  /**
   * @param {() => unknown} lock Called when the time is over.
   * @param {() => Promise<number>} lastUsed Gives the time of the last use in any tab.
   */
  constructor(lock, lastUsed) {
    this.#lock = lock;
    this.#lastUsed = lastUsed;
  }

  get after() {
    return this.#after;
  }

  /**
   * Sets the milliseconds without a call after which to lock; `null` for never.
   *
   * @param {number | null} after
   * @param {number} [used] The time of the last use, on another page.
   */
  set(after, used = Date.now()) {
    this.#after = after;
    this.#used = used;
    this.#arm();
  }

  /** A call begins. */
  begin() {
    this.#running += 1;
    this.#used = Date.now();
  }

  /** A call has ended. */
  end() {
    this.#running -= 1;
    this.#used = Date.now();
    this.#arm();
  }

  /** Whether the time is over, as far as this tab knows. */
  get over() {
    return this.#left() <= 0;
  }

  /** Locks if the time is over. */
  async check() {
    if (!this.over) return;
    // Another tab may have used it. If the storage does not tell, it counts as unused.
    this.#used = Math.max(this.#used, await this.#lastUsed().catch(() => 0));
    if (this.over) await this.#lock();
  }

  /** Stops looking at the clock. */
  stop() {
    native("clearTimeout")(this.#timer);
    this.#after = null;
  }

  #left() {
    if (this.#after === null || this.#running > 0) return Infinity;
    const now = Date.now();
    // A clock that was set back must not prolong anything.
    this.#used = Math.min(this.#used, now);
    return this.#used + this.#after - now;
  }

  #arm() {
    native("clearTimeout")(this.#timer);
    const left = this.#left();
    if (left === Infinity) return;
    const look = async () => {
      await this.check();
      if (!this.over) this.#arm();
    };
    // The timer is none of zone.js, but what happens then is its matter.
    const wait = new Promise((resolve) => {
      this.#timer = native("setTimeout")(resolve, Math.min(Math.max(left, 0), LOOK));
    });
    wait.then(look);
    // Node.js may end while it waits.
    /** @type {{ unref?(): void }} */ (/** @type {unknown} */ (this.#timer)).unref?.();
  }
}
