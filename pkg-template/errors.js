/** The error of this package, and its making from errors of the WebAssembly module. */

import { kindOf, own } from "./own.js";

/** @typedef {import("./index.d.ts").ErrorCode} ErrorCode */

/**
 * The codes of calls that can succeed later without anybody doing anything.
 *
 * @type {readonly string[]}
 */
const retryable = ["rate_limited", "offline", "server_error"];

/** A failed call. `message` says in a sentence what to do. */
export class VouchsafeError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {import("./index.d.ts").VouchsafeErrorOptions} [options]
   */
  constructor(code, message, options) {
    const given = options && own(options);
    super(message, given);
    // Other errors have no such properties.
    if (given?.quota !== undefined) {
      /** @readonly */
      this.quota = given.quota;
    }
    if (given?.argument !== undefined) {
      /** @readonly */
      this.argument = given.argument;
    }
    if (given?.retryAfter !== undefined) {
      /** @readonly */
      this.retryAfter = given.retryAfter;
    }
    /** @readonly */
    this.code = code;
    /** @readonly */
    this.retryable = given?.retryable ?? retryable.includes(code);
  }

  // A getter, so that the name neither depends on a minifier nor lists as a property of each error.
  get name() {
    return "VouchsafeError";
  }
}

/**
 * Whether `error` is a {@link VouchsafeError}, and of this code if one is given. It looks at the names, and so knows the errors
 * of a second copy of the package, and of a frame.
 *
 * @param {unknown} error
 * @param {ErrorCode} [code]
 * @returns {error is VouchsafeError}
 */
export function isVouchsafeError(error, code) {
  const given = kindOf(error) === "Error" ? /** @type {Error & { code?: unknown }} */ (error) : undefined;
  return given?.name === "VouchsafeError" && (code === undefined ? "code" in given : given.code === code);
}

/**
 * Makes an error of the module's plain `{ code, message, quota, argument, retryAfter, retryable, cause }`. Anything else is a defect and stays as it is.
 *
 * @param {unknown} raw
 * @returns {unknown}
 */
export function toError(raw) {
  if (kindOf(raw) === "Error" || typeof raw !== "object" || raw === null) return raw;
  const { code, message, ...rest } = own(
    /** @type {{ code?: unknown, message?: unknown } & import("./index.d.ts").VouchsafeErrorOptions} */ (raw),
  );
  if (typeof code !== "string" || typeof message !== "string") return raw;
  // Without a cause the error has no such property.
  return new VouchsafeError(/** @type {ErrorCode} */ (code), message, rest);
}

/**
 * Awaits a call of the module, and rejects with the package's error.
 *
 * @template T
 * @param {() => T | Promise<T>} call
 * @returns {Promise<Awaited<T>>}
 */
export async function calling(call) {
  try {
    return await call();
  } catch (raw) {
    throw toError(raw);
  }
}

/**
 * Makes the `error` of a result of a list, if it has one, a {@link VouchsafeError}.
 *
 * @template T
 * @param {T} result
 * @returns {T}
 */
export function withError(result) {
  const { error } = own(/** @type {{ error?: unknown }} */ (result));
  return error ? /** @type {T} */ ({ ...result, error: toError(error) }) : result;
}
