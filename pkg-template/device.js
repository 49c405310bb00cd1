/**
 * A secret by which the Keystore knows this browser again, so that strangers who try to sign in to an account cannot use up
 * the attempts that its owner has here. It stays in the localStorage, also after a sign-out, names nobody and opens nothing;
 * each account is shown another value made from it.
 */

const NAME = "vouchsafe device";
const BYTES = 32;

/** @returns {Storage | undefined} */
function storage() {
  try {
    return globalThis.window?.localStorage;
  } catch {
    // Some pages may not ask for it.
    return undefined;
  }
}

/** The secret that is stored, or a new one. */
export function deviceSecret() {
  const digits = stored() ?? "";
  const bytes = new Uint8Array(BYTES);
  if (!/^[0-9a-f]{64}$/.test(digits)) return crypto.getRandomValues(bytes);
  return bytes.map((_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

function stored() {
  try {
    return storage()?.getItem(NAME);
  } catch {
    return undefined;
  }
}

/**
 * Keeps the secret, once somebody has signed in.
 *
 * @param {Uint8Array} secret
 */
export function keepDevice(secret) {
  const digits = Array.from(secret, (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    storage()?.setItem(NAME, digits);
  } catch {
    // Where nothing is kept, the browser is a stranger's next time.
  }
}
