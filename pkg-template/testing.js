/** A stand-in for the package in tests of apps: the same calls, answered in memory. It encrypts nothing but files, and sends nothing. */

import { defineVouchsafe } from "./client.js";
import { calling } from "./errors.js";
import { Session } from "./session.js";
import { RawClient } from "./testing/client.js";
import { SENTENCES, failure } from "./testing/errors.js";
import { fetchFiles } from "./testing/files.js";
import { Keeper } from "./testing/keeper.js";
import { accountById, push, reset, turn, world } from "./testing/world.js";

export { Session };
export { VouchsafeError, isVouchsafeError } from "./errors.js";

/** @typedef {import("./index.d.ts").ErrorCode} ErrorCode */
/** @typedef {import("./testing.d.ts").Call} Call */
/** @typedef {import("./testing.d.ts").FailOptions} FailOptions */

const loaded = /** @type {import("./glue.js").Bindings & { module: WebAssembly.Module }} */ (/** @type {unknown} */ ({ RawClient }));

export const Vouchsafe = defineVouchsafe({
  glue: () => loaded,
  keeper: /** @type {typeof import("./keeper.js").Keeper} */ (/** @type {unknown} */ (Keeper)),
  load: () => calling(() => turn("open")).then(() => loaded),
  workerFile: () => new URL("https://stand-in.invalid/"),
  fetchFiles,
  // The options of every entry.
  members: ["wasm", "engine"],
  // The one that needs no WebCrypto.
  engine: () => "rust",
});

export const standIn = {
  /** The mails that the Vault would have sent, newest first. */
  get mails() {
    return world.mails.map((mail) => ({ ...mail }));
  },

  reset,

  /**
   * @param {Call} call
   * @param {ErrorCode} code
   * @param {FailOptions} [options]
   */
  failNext(call, code, { times = 1, message, quota, argument, retryAfter, cause } = {}) {
    if (!Object.hasOwn(SENTENCES, code)) throw new TypeError(`There is no error code "${code}".`);
    const given = Object.entries({ quota, argument, retryAfter, cause });
    const further = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    push(world.faults, known(call), { error: failure(code, message, further), times });
  },

  /** @param {Call} call */
  hold(call) {
    /** @type {() => void} */
    let release = () => {};
    push(world.holds, known(call), new Promise((resolve) => (release = () => resolve(undefined))));
    world.releases.push(release);
    return release;
  },

  /** @param {string} id */
  damage(id) {
    world.damaged.add(id);
  },

  /** @param {string} account */
  changeKeys(account) {
    if (!accountById(account)) throw new TypeError(`There is no account "${account}".`);
    world.changed.add(account);
  },
};

/** The calls that can fail: all that give a promise. */
const calls = new Set(
  ["open", ...Object.getOwnPropertyNames(Vouchsafe.prototype), ...Object.getOwnPropertyNames(Session.prototype)].filter(
    (name) => !["constructor", "account", "email", "locked", "failedSignIns", "on", "lockAfter", "readLink", "exportAccount"].includes(name),
  ),
);

/**
 * @param {Call} call
 * @returns {Call}
 */
function known(call) {
  if (calls.has(call)) return call;
  throw new TypeError(`There is no call "${call}" that could fail.`);
}
