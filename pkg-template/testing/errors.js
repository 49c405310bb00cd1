/** Errors of the stand-in: the module's sentences, in the plain form in which the module rejects. */

/** @typedef {import("../index.d.ts").ErrorCode} ErrorCode */
/** @typedef {{ code: ErrorCode, message: string, quota?: import("../index.d.ts").Quota, argument?: string, retryAfter?: number, cause?: unknown }} Failure */

/** @type {Record<ErrorCode, string>} */
export const SENTENCES = {
  wrong_credentials: "The passphrase or recovery key does not fit the account or link: check both and try again.",
  identity_rejected: "The Keystore does not take this identity token: sign in at your provider again.",
  recovery_needed: "The service lost what it needs to check passphrases: recover with the recovery key.",
  email_taken: "There is an account already: sign in instead.",
  wrong_code: "The code is wrong, or was replaced, tried too often or not used in time: check it, or ask for a new one.",
  session_expired: "The session is over: sign in again.",
  locked: "The session is locked: unlock it with the passphrase.",
  invitation_expired: "The invitation has expired: ask for a new one.",
  invitation_used: "The invitation was accepted before. If that was not you, somebody else opened the link: tell the inviter.",
  invitation_cancelled: "The inviter cancelled the invitation: ask for a new one.",
  invitation_declined: "The invitation was declined: ask for a new one.",
  not_found: "There is no such record, or it is not for this account.",
  connection_unverified: "Nobody has verified this person's keys: compare the safety number, or share with acceptUnverified.",
  safety_number_mismatch: "The safety numbers differ: somebody may stand between you. Do not share; compare again in person.",
  peer_key_changed: "The Vault shows other keys for this person than it should: do not share, and talk to them in person.",
  share_expired: "The share or link is over: ask for a new one.",
  passphrase_needed: "The link has a passphrase: ask for it whoever gave you the link.",
  card_shared: "The card is shared: say with `shares` whether to revoke or to keep its shares.",
  update_needed: "A later version of this app wrote what is stored: load the newest version, then try again.",
  record_rejected: "The record is damaged or forged and was not opened.",
  conflict: "The record was changed elsewhere: read it again.",
  bad_input: "An argument is not usable.",
  too_large: "A record has at most 1 MiB.",
  quota_exceeded: "The account has as much of this as the service allows.",
  rate_limited: "Too many attempts: wait a moment and try again.",
  offline: "The service cannot be reached: check the connection and try again.",
  aborted: "The call was aborted.",
  server_error: "The service failed: try again later.",
  no_randomness: "This device gives no random numbers, so nothing was made: use another browser or device.",
  insecure_context: "WebCrypto is missing: serve the page over https or from localhost.",
  worker_unavailable: "The worker could not be started.",
  storage_unavailable: "This browser keeps nothing for this page, as in some private windows.",
};

/**
 * @param {ErrorCode} code
 * @param {string} [message]
 * @param {Omit<Failure, "code" | "message">} [further]
 * @returns {Failure}
 */
export function failure(code, message = SENTENCES[code], further) {
  return { code, message, ...further };
}

/**
 * @param {ErrorCode} code
 * @param {string} [message]
 * @param {string} [argument] What is not usable.
 * @returns {never}
 */
export function fail(code, message, argument) {
  throw failure(code, message, argument === undefined ? {} : { argument });
}
