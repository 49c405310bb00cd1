/** The work of a thread. The text of these functions is a worker's script, so they use nothing but what they are given. */

/** @typedef {import("./glue.js").Bindings} Bindings */
/** @typedef {{ module: WebAssembly.Module | BufferSource, operation: string, parts: Uint8Array[] }} Task */
/** @typedef {{ ok?: Record<string, Uint8Array>, error?: { code: string, message: string, cause?: unknown } }} Answer */

/**
 * Runs one operation in the module's new bindings, whose memory goes with them.
 *
 * @param {Bindings} bindings
 * @param {Task} task
 * @returns {Promise<Answer>}
 */
export const operate = ({ init, work }, { module, operation, parts }) =>
  init(module)
    .then(() => work(operation, parts))
    .then(
      (ok) => ({ ok }),
      (error) => {
        if (typeof error?.code === "string") return { error: { code: error.code, message: error.message } };
        const cure =
          error?.name === "LinkError"
            ? "Copy vouchsafe-worker.js anew: it is of another version than the page's script."
            : "Close other tabs or programs to free memory, and try again.";
        return { error: { code: "worker_unavailable", message: `The worker failed (${error}). ${cure}`, cause: error } };
      },
    );

/**
 * Waits in a worker for one task, answers, and closes.
 *
 * @param {() => Bindings} glue
 * @param {typeof operate} run
 */
export const thread = (glue, run) => {
  const isNode = typeof self === "undefined";
  const scope = isNode ? /** @type {any} */ (globalThis).process.getBuiltinModule("node:worker_threads").parentPort : self;
  const answer = (/** @type {Answer} */ message) => {
    scope.postMessage(message);
    scope.close();
  };
  const receive = (/** @type {Task} */ task) => run(glue(), task).then(answer);
  if (isNode) scope.once("message", receive);
  else {
    scope.onmessage = (/** @type {MessageEvent} */ { data }) => receive(data);
    scope.onmessageerror = () => answer({ error: { code: "worker_unavailable", message: "The worker was not given the module." } });
  }
};
