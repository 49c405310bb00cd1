import { el } from "./dom.js";

/** Whether `error` is the package's, and of this code if one is given. Works before the package has loaded. */
export const isVouchsafeError = (error, code) => error?.name === "VouchsafeError" && (code === undefined || error.code === code);

/** A sentence that says what to do, by error code. `bad_input` and unknown codes speak for themselves. */
const SENTENCES = {
  wrong_credentials: "The email address or the passphrase is wrong. Check both and try again.",
  identity_rejected: "Your sign-in was not accepted. Sign in anew.",
  recovery_needed: "This server was set up anew and cannot check passphrases from before. Use your recovery key.",
  email_taken: "There is an account with this email address already. Sign in, or take another address.",
  wrong_code: "This code is wrong or too old. Check it, or ask for a new one.",
  session_expired: "Your session has ended. Sign out and sign in again.",
  locked: "Your keys are locked. Unlock them with your passphrase.",
  storage_unavailable: "This browser keeps nothing for this page, so you have to sign in again after a reload.",
  invitation_expired: "This invitation has expired. Ask the person who invited you for a new one.",
  invitation_used:
    "This invitation was used already. If that was not you, somebody else may have opened the link: tell the person who invited you.",
  invitation_cancelled: "This invitation was cancelled. Ask the person who invited you for a new one.",
  invitation_declined: "This invitation was declined. Ask the person who invited you for a new one.",
  not_found: "This is no longer there. Refresh the list.",
  connection_unverified: "Nobody has checked yet that these keys are the other person's. Compare the safety number first.",
  safety_number_mismatch:
    "The numbers differ. Check that you both look at the same connection. If they still differ, somebody may stand between you: do not share, and disconnect.",
  peer_key_changed:
    "The keys of this person are not those from before. Somebody may stand between you: do not share, and talk to the person.",
  share_expired: "This share or link is over. Ask the person to share the card again.",
  passphrase_needed: "This link has a passphrase. Ask the person who gave you the link for it.",
  card_shared: "This card is shared. Say first what becomes of its shares: revoke them, or keep them.",
  record_rejected: "This record is not what it claims to be, so it is not shown. It may have been damaged or tampered with.",
  update_needed: "A newer version of this page wrote what is stored. Reload the page.",
  conflict: "This was changed elsewhere in the meantime. Refresh, then make your change again.",
  too_large: "This is too large. Make it shorter and try again.",
  quota_exceeded: "This account has as much as it may have. Delete something, or revoke a share, then try again.",
  rate_limited: "Too many attempts. Wait a minute, then try again.",
  offline: "The server cannot be reached. Check the connection and try again.",
  aborted: "This was stopped. Try again.",
  server_error: "The server failed. Try again in a moment.",
  no_randomness: "This browser cannot make safe keys. Use another browser or device.",
  insecure_context: "This page was not loaded securely. Open it through https or on localhost.",
  worker_unavailable: "The helper that stretches your passphrase did not start. Reload the page.",
};

/** The sentence for `error`; `own` holds wordings that fit the place better. */
export function sentence(error, own = {}) {
  const code = isVouchsafeError(error) ? error.code : null;
  return own[code] ?? SENTENCES[code] ?? (error instanceof Error ? error.message : String(error));
}

/** A box for an error, next to the place where it happened. */
export function problemBox(own) {
  const root = el("div", { class: "problem", role: "alert" });
  return {
    root,
    show(error) {
      if (!isVouchsafeError(error)) console.error(error);
      root.replaceChildren(el("p", {}, sentence(error, own)));
    },
    /** Shows nodes instead of a sentence. */
    explain: (...nodes) => root.replaceChildren(...nodes),
    clear: () => root.replaceChildren(),
  };
}
