/** Keeps what this device has seen of records beyond the session, so that no service can show something older to a later one. */

import { calling, isVouchsafeError } from "./errors.js";
import { readMarks, writeMarks } from "./storage.js";

/** @typedef {import("./glue.js").RawSession} RawSession */
/** @typedef {import("./storage.js").MarksEntry} MarksEntry */

/** The marks of a session's account. Where the browser stores nothing they last as long as the session. */
export class Marks {
  /** @type {RawSession} */
  #raw;
  /** The count of the entry whose marks the session has. */
  #count = 0;
  /** The number that the session gave to the marks that are stored; -1 when they are gone. */
  #stored = 0;
  #saving = Promise.resolve();

  /** @param {RawSession} raw */
  constructor(raw) {
    this.#raw = raw;
  }

  /** Takes in what other tabs and earlier sessions have seen. */
  async load() {
    try {
      const id = this.#raw.marksId;
      if (id !== undefined) await this.#take(await readMarks(id, this.#count));
    } catch {
      // The next call tries again.
    }
  }

  /** Stores what the session has seen. */
  save() {
    this.#saving = this.#saving.then(() => this.#saveAll()).catch(() => {
      // The next call tries again.
    });
    return this.#saving;
  }

  async #saveAll() {
    for (;;) {
      const { marksId: id, marksChanges: changes } = this.#raw;
      if (id === undefined || changes === this.#stored) return;
      const sealed = await calling(() => this.#raw.sealMarks());
      const entry = { id, count: this.#count + 1, sealed };
      const { written, before } = await writeMarks(entry);
      if (written) {
        this.#count = entry.count;
        this.#stored = changes;
      } else {
        await this.#take(before);
      }
    }
  }

  /**
   * Takes in stored marks. Where they are gone, or do not open, they are stored anew.
   *
   * @param {{ count: number, sealed?: Uint8Array } | undefined} entry
   */
  async #take(entry) {
    const { count, sealed } = entry ?? { count: 0, sealed: undefined };
    if (count === this.#count) return;
    try {
      if (sealed) await calling(() => this.#raw.openMarks(sealed));
      else this.#stored = -1;
    } catch (error) {
      if (!isVouchsafeError(error, "record_rejected")) throw error;
      this.#stored = -1;
    }
    this.#count = count;
  }
}
