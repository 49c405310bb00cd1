/** The stand-in for the module's client: accounts, signing up and in. */

import { State, loginOf, makeRecoveryKey, prove, readRecoveryKey } from "./account.js";
import { fail, failure } from "./errors.js";
import { previewInvitation } from "./invitations.js";
import { openLink } from "./links.js";
import { RawSession } from "./session.js";
import { checkNewPassphrase, idOfCardLink, parseTicket } from "./text.js";
import { expel, makeBytes, makeId, turn, world } from "./world.js";

/** @typedef {import("./account.js").Who} Who */
/** @typedef {import("./world.js").Account} Account */

const TIMEOUT = { shortest: 1000, longest: 600_000 };

/** Knows the services. */
export class RawClient {
  #options;
  /** @type {() => void} */
  #abort = () => {};
  #ended = new Promise((_, reject) => {
    this.#abort = () => reject(failure("aborted"));
  });

  /** @param {{ vault: string, keystore: string, invitationUrl?: string, timeout?: number, receipts?: boolean }} options */
  constructor(options) {
    checkAddress(options.vault, "vault");
    checkAddress(options.keystore, "keystore");
    const { timeout = TIMEOUT.shortest } = options;
    if (timeout < TIMEOUT.shortest || timeout > TIMEOUT.longest) {
      fail("bad_input", `\`timeout\` is a number of milliseconds from ${TIMEOUT.shortest} to ${TIMEOUT.longest}.`, "timeout");
    }
    this.#options = options;
    this.#ended.catch(() => {});
  }

  begin() {
    return new RawClient(this.#options);
  }

  abort() {
    this.#abort();
  }

  free() {}

  /** The page of invitation links, and that of mails. */
  get pages() {
    const { invitationUrl, vault } = this.#options;
    return { link: invitationUrl, mail: new URL("/", vault).href };
  }

  get receipts() {
    return this.#options.receipts ?? false;
  }

  /**
   * @template T
   * @param {string} call
   * @param {() => T} work
   * @returns {Promise<T>}
   */
  async #call(call, work) {
    await Promise.race([turn(call), this.#ended]);
    return work();
  }

  /** @param {string} link */
  readLink(link) {
    try {
      const { id, inviter } = parseTicket({ link });
      return { delivery: inviter === undefined ? "email" : "link", id };
    } catch {
      const found = idOfCardLink(link);
      return found ? { delivery: null, id: found } : null;
    }
  }

  /** @param {{ link?: string, id?: string, token?: string }} ticket */
  previewInvitation(ticket) {
    return this.#call("previewInvitation", () => previewInvitation(parseTicket(ticket)));
  }

  /** Both addresses are right: nothing stands behind them. */
  check() {
    return this.#call("check", () => undefined);
  }

  /** @param {Who & { passphrase: string }} credentials */
  signUp(credentials) {
    return this.#call("signUp", () => {
      const { login, email } = loginOf(credentials);
      const passphrase = checkNewPassphrase(credentials.passphrase);
      if (world.accounts.has(login)) fail("email_taken");
      const id = makeId(4);
      /** @type {Account} */
      const account = {
        id,
        login,
        email,
        confirmed: credentials.email === undefined && email !== null,
        code: undefined,
        passphrase,
        recoveryKey: "",
        key: makeBytes(`key ${id}`, 32),
        cards: new Map(),
        deleted: new Set(),
        seen: new Set(),
        logins: new Set(),
        listeners: new Set(),
        failedSignIns: 0,
      };
      world.accounts.set(login, account);
      return { recoveryKey: makeRecoveryKey(account), session: this.#session(account, credentials) };
    });
  }

  /** @param {Who & { passphrase: string }} credentials */
  signIn(credentials) {
    return this.#call("signIn", () => {
      const account = prove(credentials, credentials.passphrase);
      return this.#session(account, credentials);
    });
  }

  /** @param {Who & { recoveryKey: string, passphrase: string }} options */
  recover(options) {
    return this.#call("recover", () => {
      const { login } = loginOf(options);
      const passphrase = checkNewPassphrase(options.passphrase);
      const key = readRecoveryKey(options.recoveryKey);
      const account = world.accounts.get(login);
      // An earlier call with the same arguments may have come through.
      if (!account || (account.recoveryKey !== key && account.passphrase !== passphrase)) return fail("wrong_credentials");
      account.passphrase = passphrase;
      account.failedSignIns = 0;
      expel(account);
      return { recoveryKey: makeRecoveryKey(account), session: this.#session(account, options) };
    });
  }

  /**
   * @param {string} link
   * @param {string} [passphrase]
   */
  openLink(link, passphrase) {
    return this.#call("openLink", () => openLink(link, passphrase));
  }

  /**
   * @param {Account} account
   * @param {Who} who
   */
  #session(account, who) {
    const state = new State(account, this.pages, who, this.receipts);
    state.open();
    return new RawSession(state);
  }
}

/**
 * @param {string} address
 * @param {string} argument
 */
function checkAddress(address, argument) {
  if (/^https?:\/\/[^?#]+$/.test(address) && URL.canParse(address)) return;
  fail("bad_input", `"${address}" is not the address of a service: write it like https://vault.example or http://host/vault.`, argument);
}
