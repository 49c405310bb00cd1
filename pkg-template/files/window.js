/** Work that runs side by side: more of it while each piece is quick, and one piece at a time on a slow line. */

const MOST = 4;
/** Milliseconds. */
const QUICK = 2000;

export class Window {
  #limit = 1;
  /** @type {Set<Promise<void>>} */
  #running = new Set();
  /** @type {{ error: unknown } | undefined} */
  #failure;

  /**
   * Begins a piece once there is room. Rejects if one before has failed.
   *
   * @param {() => Promise<void>} work
   */
  async add(work) {
    while (this.#running.size >= this.#limit) await Promise.race(this.#running);
    if (this.#failure) throw this.#failure.error;
    const began = performance.now();
    const one = work().then(
      () => {
        this.#limit = performance.now() - began < QUICK ? Math.min(this.#limit + 1, MOST) : 1;
      },
      (error) => {
        this.#failure ??= { error };
      },
    );
    this.#running.add(one);
    one.then(() => this.#running.delete(one));
  }

  /** Waits for all that runs. Rejects if one has failed. */
  async over() {
    await Promise.all(this.#running);
    if (this.#failure) throw this.#failure.error;
  }
}
