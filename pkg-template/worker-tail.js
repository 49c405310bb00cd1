
// Takes one operation, answers it, and closes.
(() => {
  const scope = typeof self === "undefined" ? process.getBuiltinModule("node:worker_threads").parentPort : self;

  const finish = ({ module, operation, state, passphrase, response }) => {
    wasm_bindgen.initSync({ module });
    const run = operation === "registration" ? wasm_bindgen.finishRegistration : wasm_bindgen.finishSignIn;
    const { message, exportKey } = run(state, passphrase, response);
    return { ok: { message, exportKey } };
  };

  const explain = (error) => {
    if (typeof error?.code === "string" && !(error instanceof Error)) {
      return { error: { code: error.code, message: error.message } };
    }
    const message = `The worker failed (${error}). Close other tabs or programs to free memory, and try again.`;
    return { error: { code: "worker_unavailable", message } };
  };

  const answer = (task) => {
    try {
      return finish(task);
    } catch (error) {
      return explain(error);
    }
  };

  const receive = (task) => {
    scope.postMessage(answer(task));
    scope.close();
  };

  if (typeof self === "undefined") scope.once("message", receive);
  else scope.onmessage = ({ data }) => receive(data);
})();
