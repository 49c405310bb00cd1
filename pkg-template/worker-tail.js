
// Runs one operation, answers, and closes.
(() => {
  const scope = typeof self === "undefined" ? globalThis.process.getBuiltinModule("node:worker_threads").parentPort : self;

  const work = async ({ module, operation, parts }) => {
    wasm_bindgen.initSync({ module });
    return { ok: await wasm_bindgen.work(operation, parts) };
  };

  const explain = (error) => {
    if (typeof error?.code === "string" && !(error instanceof Error)) {
      return { error: { code: error.code, message: error.message } };
    }
    const cure = error instanceof WebAssembly.LinkError
      ? "Copy vouchsafe-worker.js anew: it is of another version than the page's script."
      : "Close other tabs or programs to free memory, and try again.";
    const cause = error instanceof Error ? error : undefined;
    return { error: { code: "worker_unavailable", message: `The worker failed (${error}). ${cure}`, cause } };
  };

  const receive = async (task) => {
    scope.postMessage(await work(task).catch(explain));
    scope.close();
  };

  if (typeof self === "undefined") scope.once("message", receive);
  else scope.onmessage = ({ data }) => receive(data);
})();
