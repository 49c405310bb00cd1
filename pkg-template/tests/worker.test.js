/** The ways to get the slow work done: workers, blobs, this thread. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { asPage, called, code, folder, signIn } from "./common.js";

test("what fails in the worker arrives with its code", async () => {
  await assert.rejects(signIn("wrong passphrase"), code("wrong_credentials"));
  const caused = (error) => code("worker_unavailable")(error) && error.cause instanceof Error && error.cause.message === "out of memory";
  await assert.rejects(signIn("out of memory"), caused);
});

test("without the worker's file the worker is made from what is loaded", async () => {
  const missing = new URL("nowhere.js", import.meta.url);
  delete globalThis.vouchsafeWorked;
  await signIn("a passphrase", { worker: missing });
  assert.deepEqual([...called("finished")[0].exportKey], [9]);
  assert.equal(globalThis.vouchsafeWorked, undefined, "this thread did the work");
  await assert.rejects(signIn("wrong passphrase", { worker: missing }), code("wrong_credentials"));
});

test("where there are no workers the thread does the work itself", async (t) => {
  t.mock.method(process, "getBuiltinModule", () => undefined);
  await signIn();
  assert.ok(globalThis.vouchsafeWorked);
  const [finished, state] = called("finished");
  assert.equal(new TextDecoder().decode(finished.message), "a@example.com");
  assert.ok([...state].every((byte) => byte === 0));
  await assert.rejects(signIn("wrong passphrase"), code("wrong_credentials"));
  await assert.rejects(signIn("out of memory"), (error) => code("worker_unavailable")(error) && !/[Cc]opy/.test(error.message));
});

test("a page in which no worker starts is told the cure, and does not stand still", async (t) => {
  const named = (error) => code("worker_unavailable")(error) && /vouchsafe-worker\.js/.test(error.message) && error.cause === mine;
  const mine = new Error("no");
  const started = [];
  const throwing = class {
    constructor(address, { type } = {}) {
      started.push(`${address} ${type}`);
      throw mine;
    }
  };
  await assert.rejects(signIn("a passphrase", { worker: () => new throwing() }), named);
  asPage(t, { document: {}, Worker: throwing });
  await assert.rejects(signIn(), named);
  assert.match(started.join("\n"), /^undefined undefined\n.*vouchsafe-worker\.js undefined\n.*vouchsafe-worker\.js module\nblob:\S+ undefined\nblob:\S+ module$/);
});

test("a worker that cannot be handed the module gets its bytes", async (t) => {
  const given = [];
  class Worker {
    constructor(address) {
      this.address = String(address);
    }
    postMessage({ module }) {
      given.push([this.address.slice(0, 5), Object.prototype.toString.call(module)]);
      if (module instanceof WebAssembly.Module) throw new DOMException("It could not be cloned.", "DataCloneError");
      queueMicrotask(() => this.onmessage({ data: { ok: { message: Uint8Array.of(), exportKey: Uint8Array.of() } } }));
    }
    terminate() {}
  }
  asPage(t, { document: {}, Worker });
  await signIn();
  assert.deepEqual(given, [["file:", "[object WebAssembly.Module]"], ["blob:", "[object Uint8Array]"]]);
});

test("values of another window's classes are known by what they are", async () => {
  const strange = (script) => runInNewContext(script, { WebAssembly });
  const { compileFrom } = await import(pathToFileURL(join(folder, "load.js")));
  const bytes = strange("new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])");
  assert.ok(!(bytes instanceof Uint8Array));
  const compiled = strange("new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))");
  for (const wasm of [bytes, bytes.buffer, compiled]) assert.ok((await compileFrom(() => wasm)) instanceof WebAssembly.Module);
  const session = await signIn();
  await session.invite({ delivery: "link", name: "Bob", expiresAt: strange("new Date(5)") });
  assert.equal(called("invite")[0].expiresAt, 5);
  const error = strange(`Object.assign(new Error("gone"), { name: "VouchsafeError", code: "not_found" })`);
  assert.ok(code("not_found")(error) && !(error instanceof Error));
});
