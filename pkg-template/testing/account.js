/** Whom the stand-in knows: accounts, and who is signed in. */

import { fail } from "./errors.js";
import { WRONG_KEY, checkEmail, checkPassphrase, parseCode, parseIdentity, parseRecoveryKey } from "./text.js";
import { DIGITS, makeId, makeText, order, world } from "./world.js";

/** @typedef {import("./world.js").Account} Account */
/** @typedef {{ email?: string | undefined, identityToken?: string | undefined }} Who */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MAX_TRIES = 5;
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Every recovery key that was given. What was not has a typing error, which the module knows by a checksum. */
const recoveryKeys = /** @type {Set<string>} */ (new Set());

/**
 * The account's name at the Keystore, and its address for mails.
 *
 * @param {Who} who
 */
export function loginOf({ email, identityToken }) {
  if (email === undefined) return parseIdentity(identityToken);
  const address = checkEmail(email);
  return { login: `email ${address}`, email: address };
}

/**
 * The account that the passphrase opens.
 *
 * @param {Who} who
 * @param {string} typed
 */
export function prove(who, typed) {
  const { login } = loginOf(who);
  const passphrase = checkPassphrase(typed);
  const account = world.accounts.get(login);
  if (account?.passphrase === passphrase) return account;
  if (account) account.failedSignIns += 1;
  return fail("wrong_credentials");
}

/** @param {string} letters */
const written = (letters) => (letters.match(/.{4}/g) ?? []).join("-");

/**
 * A new recovery key, which takes the place of the account's.
 *
 * @param {Account} account
 */
export function makeRecoveryKey(account) {
  account.recoveryKey = makeText(`recovery ${makeId(7)}`, 56, LETTERS);
  recoveryKeys.add(account.recoveryKey);
  return written(account.recoveryKey);
}

/**
 * Reads a recovery key that was given at some time.
 *
 * @param {string} typed
 */
export function readRecoveryKey(typed) {
  const key = parseRecoveryKey(typed);
  return recoveryKeys.has(key) ? key : fail("bad_input", WRONG_KEY, "recoveryKey");
}

/**
 * Mails a code to the account's address.
 *
 * @param {Account} account
 * @param {string | null} [language]
 */
export function sendCode(account, language = null) {
  const { email, code } = account;
  if (email === null) return fail("bad_input", "Use an address that mails can go to: this account has none.");
  const now = Date.now();
  if (code && now - code.sentAt < MINUTE) return { expiresAt: code.expiresAt };
  const digits = makeText(`code ${order()}`, 8, DIGITS);
  account.code = { digits, sentAt: now, expiresAt: now + HOUR, tries: 0 };
  world.mails.unshift({ to: email, link: null, code: digits, language, sentAt: now });
  return { expiresAt: account.code.expiresAt };
}

/**
 * Confirms the account's address.
 *
 * @param {Account} account
 * @param {string} typed
 */
export function confirm(account, typed) {
  const digits = parseCode(typed);
  const { code, confirmed } = account;
  if (confirmed) return;
  if (!code || code.tries >= MAX_TRIES || code.expiresAt <= Date.now()) return fail("wrong_code");
  code.tries += 1;
  if (code.digits !== digits) return fail("wrong_code");
  account.confirmed = true;
  account.code = undefined;
}

/** Somebody who is signed in, as all parts of a session see it. */
export class State {
  /** The Keystore's session. */
  login = {};
  unlocked = false;
  over = false;
  failedSignIns = 0;
  /** @type {((change: "access") => void)[]} */
  watchers = [];

  /**
   * @param {Account} account
   * @param {{ link: string | undefined, mail: string }} pages
   * @param {Who} who
   * @param {boolean} receipts Whether senders hear what is read.
   */
  constructor(account, pages, { email, identityToken }, receipts) {
    this.account = account;
    this.pages = pages;
    this.email = email === undefined ? undefined : checkEmail(email);
    this.identityToken = identityToken;
    this.receipts = receipts;
  }

  /** The account, if its keys are there and its session is in force. */
  get keys() {
    if (this.over) fail("session_expired");
    if (!this.unlocked) fail("locked");
    if (!this.account.logins.has(this.login)) fail("session_expired");
    return this.account;
  }

  /** Signs in anew. */
  open() {
    this.failedSignIns = this.account.failedSignIns;
    this.account.failedSignIns = 0;
    this.account.logins.delete(this.login);
    this.take({}, true);
    this.account.logins.add(this.login);
  }

  lock() {
    this.take(this.login, false);
    this.tell();
  }

  end() {
    this.unlocked = false;
    this.over = true;
  }

  tell() {
    for (const watcher of this.watchers) watcher("access");
  }

  /**
   * Goes on as another tab says.
   *
   * @param {object} login
   * @param {boolean} unlocked
   */
  take(login, unlocked) {
    this.login = login;
    this.unlocked = unlocked;
  }

  /**
   * Proves the passphrase.
   *
   * @param {string} passphrase
   */
  prove(passphrase) {
    if (prove({ email: this.email, identityToken: this.identityToken }, passphrase) === this.account) return;
    fail("wrong_credentials");
  }

  /** @param {string | undefined} token */
  renew(token) {
    if (token === undefined) return;
    if (this.email !== undefined) fail("bad_input", "Leave `identityToken` out: this session is an email address's.", "identityToken");
    this.identityToken = token;
  }
}
