/** Identity tokens of the app's own sign-in: a string, or the app's function that gives a fresh one. */

import { address, optional, text } from "./checks.js";
import { VouchsafeError } from "./errors.js";

/** @typedef {import("./index.d.ts").IdentityToken} IdentityToken */
/** @typedef {import("./index.d.ts").Who} Who */

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {IdentityToken}
 */
function identityToken(value, name) {
  return typeof value === "function" ? /** @type {IdentityToken} */ (value) : text(value, name);
}

/**
 * Checks the address or the identity token of an account.
 *
 * @param {Who} who
 * @returns {{ email?: string, identityToken?: IdentityToken }}
 */
export function whoOf({ email, identityToken: token }) {
  const given = optional(token, "identityToken", identityToken);
  if (given === undefined) return { email: address(email, "email"), identityToken: undefined };
  if (optional(email, "email", text) === undefined) return { identityToken: given };
  throw new VouchsafeError("bad_input", "Pass `email` or `identityToken`, not both.");
}

/**
 * @param {unknown} value
 * @returns {IdentityToken | undefined}
 */
export function optionalToken(value) {
  return optional(value, "identityToken", identityToken);
}

/**
 * Gets the token itself.
 *
 * @param {IdentityToken | undefined} token
 * @returns {Promise<string | undefined>}
 */
export async function fresh(token) {
  if (typeof token !== "function") return token;
  const given = await Promise.resolve()
    .then(token)
    .catch((cause) => {
      throw new VouchsafeError("identity_rejected", "The app's function `identityToken` failed: see `cause`.", { cause });
    });
  return text(given, "identityToken");
}
