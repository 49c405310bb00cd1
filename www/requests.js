// The steps of which the client tells nothing: those of links to cards, and of taking back. They are known by the requests that
// the browser counts, as its own tools do.

const ID = "[0-9a-f-]{36}";

/** Sent in either order: who reads a share needs the key, who has a link needs the ciphertext. */
const TAKING_BACK = [
  { path: new RegExp(`/spaces/${ID}$`), step: "j" },
  { path: new RegExp(`/(shares|links)/${ID}$`), step: "k" },
];

/**
 * By call, the requests that are steps: `before` are the steps that were done when the request was sent, `then` those that are done
 * when the call has succeeded.
 */
const CALLS = {
  shareByLink: [
    { path: new RegExp(`/cards/${ID}$`), step: "a" },
    { path: /\/spaces$/, step: "d", before: ["b", "c"] },
    { path: new RegExp(`/links/${ID}$`), step: "e" },
  ],
  updateCard: [{ path: /\/links$/, step: "e", before: ["c", "d"] }],
  openLink: [
    { path: new RegExp(`/links/${ID}/open$`), step: "f" },
    { path: new RegExp(`/links/${ID}/read$`), step: "h", before: ["g"], then: ["i"] },
  ],
  revokeShare: TAKING_BACK,
  revokeLink: TAKING_BACK,
  deleteCard: TAKING_BACK,
};

/** The calls that are followed, also those that have ended: the browser may count a request a little later. */
const runs = new Set();
let observer = null;

/** The errors of calls whose last request was answered as it should be: what the answer held ended the call. */
const ANSWERED = ["passphrase_needed", "record_rejected"];

/** One call. Its steps are told once each, however often a request is made. */
class Run {
  #call;
  #tell;
  #id = crypto.randomUUID();
  #start = performance.now();
  #end = Infinity;
  #told = new Set();
  /**
   * The newest request that is a step, until another one shows that its answer was right: browsers do not say how requests without
   * credentials were answered.
   */
  #open = null;
  #error;

  constructor(call, tell) {
    this.#call = call;
    this.#tell = tell;
  }

  get isOver() {
    return this.#end < Infinity;
  }

  count({ name, startTime, duration }) {
    if (startTime < this.#start || startTime > this.#end) return;
    const { pathname } = new URL(name);
    const found = CALLS[this.#call].find(({ path }) => path.test(pathname));
    if (found === undefined) return;
    if (found.step !== this.#open?.step) this.#settle();
    this.#open = { ...found, duration };
    if (this.isOver) this.#finish();
  }

  /** Notes how the call ended: with an error, or `null`. */
  end(error) {
    this.#end = performance.now();
    this.#error = error;
    this.#finish();
  }

  #finish() {
    if (this.#error === null || ANSWERED.includes(this.#error.code)) this.#settle();
  }

  /** Tells of the open request, and of what was done before it, or follows. */
  #settle() {
    if (this.#open === null) return;
    const { before = [], step, duration, then = [] } = this.#open;
    this.#open = null;
    for (const done of before) this.#report(done);
    this.#report(step, duration);
    if (this.#error === null) for (const done of then) this.#report(done);
  }

  /** Tells of a step; `duration` is `null` where no request says how long it took. All steps of a call have the same `run`. */
  #report(step, duration = null) {
    if (this.#told.has(step)) return;
    this.#told.add(step);
    this.#tell({ number: step, duration, run: this.#id });
  }
}

const count = (entries) => {
  for (const entry of entries) for (const run of runs) run.count(entry);
};

/** Tells of the steps of a call that is about to be made. Returns a function that is given its error, or `null`, and whether that is a refusal. */
export function follow(call, tell) {
  if (!Object.hasOwn(CALLS, call)) return () => {};
  if (observer === null) {
    observer = new PerformanceObserver((list) => count(list.getEntries()));
    observer.observe({ type: "resource" });
  }
  for (const run of runs) if (run.isOver) runs.delete(run);
  const run = new Run(call, tell);
  runs.add(run);
  return (error, isRefusal) => {
    count(observer.takeRecords());
    run.end(error);
    // Nothing is told behind a refusal.
    if (isRefusal) runs.delete(run);
  };
}
