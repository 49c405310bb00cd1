/** The stand-in for the module's session: each call as the two services and the module would end it. */

import { confirm, makeRecoveryKey, sendCode } from "./account.js";
import { cardOf, createCard, deleteCard, importCard, updateCard } from "./cards.js";
import { connectionOf, disconnect, find, markVerified, ofPerson, renameConnection } from "./connections.js";
import { fail, failure } from "./errors.js";
import { acceptInvitation, cancelInvitation, declineInvitation, invitationOf, invite, ofInviter } from "./invitations.js";
import { linkOf, linkedBy, linksOf, makeLink, revokeLink } from "./links.js";
import { attempt, pageOf } from "./lists.js";
import { incoming, outgoing, outgoingOf, read, revoke, share, shareOf, sharedWith, sharesOf } from "./shares.js";
import { checkFile, checkNewPassphrase, parseId, parseTicket } from "./text.js";
import { expel, remove, turn } from "./world.js";

/** @typedef {import("./world.js").CardContent} CardContent */
/** @typedef {import("../index.d.ts").LiveEventKind} LiveEventKind */
/** @typedef {import("./account.js").State} State */
/** @typedef {import("./world.js").Account} Account */
/** @typedef {(done: number, total: number) => void} Tell */
/** @typedef {import("./lists.js").PageOptions} PageOptions */
/** @typedef {{ passphrase: string, identityToken?: string }} Proof */
/** @typedef {{ card: string, fields?: string[], files?: string[], live?: boolean, expiresAt?: number, acceptUnverified?: boolean }} Sharing */

const MAX_READ = 200;

/** A signed-in person. */
export class RawSession {
  #state;
  #tell;
  /** @type {() => void} */
  #abort = () => {};
  #ended = new Promise((_, reject) => {
    this.#abort = () => reject(failure("aborted"));
  });

  /**
   * @param {State} state
   * @param {Tell} [tell] Hears how far a call is.
   */
  constructor(state, tell = () => {}) {
    this.#state = state;
    this.#tell = tell;
    this.#ended.catch(() => {});
  }

  get state() {
    return this.#state;
  }

  get account() {
    return this.#state.account.id;
  }

  get email() {
    return this.#state.email;
  }

  get locked() {
    return !this.#state.unlocked;
  }

  get over() {
    return this.#state.over;
  }

  get failedSignIns() {
    return this.#state.failedSignIns;
  }

  /** @param {Tell} [tell] */
  begin(tell) {
    return new RawSession(this.#state, tell);
  }

  abort() {
    this.#abort();
  }

  free() {}

  nudge() {}

  end() {
    this.#state.end();
  }

  /** @param {(change: "access") => void} watcher */
  watch(watcher) {
    this.#state.watchers.push(watcher);
  }

  /**
   * Waits until a call may go on. Nothing happens before the app has its promise, so that it can still end the call.
   *
   * @param {string} call
   */
  async ready(call) {
    await Promise.race([turn(call), this.#ended]);
  }

  /**
   * @template T
   * @param {string} call
   * @param {() => T} work
   */
  async #call(call, work) {
    await this.ready(call);
    return work();
  }

  /**
   * Makes a call about one record.
   *
   * @template T
   * @param {string} call
   * @param {string} id
   * @param {(account: Account, id: string) => T} work
   */
  #about(call, id, work) {
    return this.#call(call, () => {
      const record = parseId(id);
      return work(this.#state.keys, record);
    });
  }

  /**
   * @template {{ id: string, order: number }} R
   * @template T
   * @param {PageOptions} options
   * @param {Iterable<R>} records
   * @param {(record: R) => T} open
   */
  #page(options, records, open) {
    return pageOf(options, records, open, this.#tell);
  }

  /**
   * Gives the token that the calls about files show, which is the account's id here.
   *
   * @param {boolean} _
   * @param {string} call The call that wants it.
   */
  vaultToken(_, call) {
    return this.#call(call, () => this.#state.keys.id);
  }

  /**
   * @param {string} name
   * @param {string} type
   */
  checkFile(name, type) {
    checkFile(name, type);
  }

  /** @param {CardContent} content */
  createCard(content) {
    return this.#call("createCard", () => {
      const account = this.#state.keys;
      return createCard(account, content);
    });
  }

  /** @param {PageOptions} options */
  cards(options) {
    return this.#call("cards", () => {
      const account = this.#state.keys;
      return this.#page(options, account.cards.values(), ({ id }) => cardOf(account, id));
    });
  }

  /** @param {string} id */
  card(id) {
    return this.#about("card", id, cardOf);
  }

  /** @param {{ id: string, version: number, content: CardContent }} update */
  updateCard(update) {
    return this.#call("updateCard", () => {
      const id = parseId(update.id);
      if (update.version < 1) fail("bad_input", "`version` is that of the card that was read, 1 or more.", "version");
      return updateCard(this.#state.keys, { ...update, id });
    });
  }

  /**
   * @param {string} id
   * @param {CardContent} content
   */
  importCard(id, content) {
    return this.#about("importCards", id, (account, record) => importCard(account, record, content));
  }

  /**
   * @param {string} id
   * @param {"revoke" | "keep"} [shares]
   */
  deleteCard(id, shares) {
    return this.#about("deleteCard", id, (account, card) => deleteCard(account, card, shares));
  }

  /** @param {{ delivery: "email" | "link", email?: string, page?: string, language?: string, name: string, expiresAt?: number }} options */
  invite(options) {
    return this.#call("invite", () => {
      const account = this.#state.keys;
      const made = invite(account, this.#state.pages, options);
      return invitationOf(account, this.#state.pages, made);
    });
  }

  /** @param {PageOptions} options */
  invitations(options) {
    return this.#call("invitations", () => {
      const account = this.#state.keys;
      return this.#page(options, ofInviter(account), (record) => invitationOf(account, this.#state.pages, record));
    });
  }

  /** @param {string} id */
  cancelInvitation(id) {
    return this.#about("cancelInvitation", id, (account, invitation) =>
      invitationOf(account, this.#state.pages, cancelInvitation(account, invitation)),
    );
  }

  /** @param {{ link?: string, id?: string, token?: string }} ticket */
  declineInvitation(ticket) {
    return this.#call("declineInvitation", () => {
      const parsed = parseTicket(ticket);
      declineInvitation(this.#state.keys, parsed);
    });
  }

  /**
   * @param {{ link?: string, id?: string, token?: string }} ticket
   * @param {{ name: string }} options
   */
  accept(ticket, { name }) {
    return this.#call("accept", () => {
      const parsed = parseTicket(ticket);
      const account = this.#state.keys;
      return connectionOf(account, acceptInvitation(account, parsed, name));
    });
  }

  /** @param {PageOptions} options */
  connections(options) {
    return this.#call("connections", () => {
      const account = this.#state.keys;
      return this.#page(options, ofPerson(account), (record) => connectionOf(account, record));
    });
  }

  /** @param {string} id */
  connection(id) {
    return this.#about("connection", id, (account, connection) => connectionOf(account, find(account, connection)));
  }

  /**
   * @param {string} id
   * @param {string} safetyNumber
   */
  markVerified(id, safetyNumber) {
    return this.#about("markVerified", id, (account, connection) => markVerified(account, connection, safetyNumber));
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  renameConnection(id, name) {
    return this.#about("renameConnection", id, (account, connection) => renameConnection(account, connection, name));
  }

  /** @param {string} id */
  disconnect(id) {
    return this.#about("disconnect", id, disconnect);
  }

  /** @param {Sharing & { connection: string }} options */
  share({ connection, ...options }) {
    return this.#call("share", () => {
      const [result] = this.#share({ ...options, connections: [parseId(connection, "connection")] });
      if (result?.share) return result.share;
      throw result?.error ?? failure("not_found");
    });
  }

  /** @param {Sharing & { connections: string[] }} options */
  shareWithMany(options) {
    return this.#call("shareWithMany", () => this.#share(options));
  }

  /** @param {Sharing & { connections: string[] }} options */
  #share(options) {
    const card = parseId(options.card, "card");
    const connections = options.connections.map((id, index) => parseId(id, `connections[${index}]`));
    const account = this.#state.keys;
    const request = sharedWith({ ...options, connections });
    const total = 2 * connections.length;
    this.#tell(0, total);
    cardOf(account, card);
    const source = account.cards.get(card) ?? fail("not_found");
    const results = share(account, { ...request, source });
    for (let done = 1; done <= total; done += 1) this.#tell(done, total);
    return results;
  }

  /** @param {PageOptions & { connection?: string }} options */
  outgoingShares(options) {
    return this.#call("outgoingShares", () => {
      const connection = options.connection === undefined ? undefined : parseId(options.connection, "connection");
      const sent = outgoing(this.#state.keys, connection);
      return pageOf(options, sent, (record) => outgoingOf(this.#state.account, record));
    });
  }

  /**
   * @param {string} card
   * @param {PageOptions} options
   */
  sharesOf(card, options) {
    return this.#call("sharesOf", () => {
      const id = parseId(card, "card");
      const account = this.#state.keys;
      if (account.cards.has(id)) account.seen.add(id);
      return pageOf(options, sharesOf(account, id), (record) => outgoingOf(account, record));
    });
  }

  /** @param {import("./links.js").Request & { card: string }} options */
  shareByLink(options) {
    return this.#call("shareByLink", () => {
      const account = this.#state.keys;
      const { link: page } = this.#state.pages;
      const request = linkedBy(options, page);
      const source = account.cards.get(parseId(options.card, "card"));
      if (!source) return fail("not_found");
      account.seen.add(source.id);
      return linkOf(makeLink(account, source, request), page);
    });
  }

  /** @param {PageOptions} options */
  linkShares(options) {
    return this.#call("linkShares", () => {
      const { keys, pages } = this.#state;
      return pageOf(options, linksOf(keys), (link) => linkOf(link, pages.link));
    });
  }

  /** @param {string} id */
  revokeLink(id) {
    return this.#about("revokeLink", id, revokeLink);
  }

  /** Nothing is cut here. */
  async catchUpShares() {}

  /** @param {string} id */
  revokeShare(id) {
    return this.#about("revokeShare", id, revoke);
  }

  /** @param {PageOptions} options */
  incomingShares(options) {
    return this.#call("incomingShares", () => pageOf(options, incoming(this.#state.keys), shareOf));
  }

  /** @param {string} id */
  readShare(id) {
    return this.#about("readShare", id, (account, share) => {
      this.#tell(0, 1);
      const received = read(account, share, this.#state.receipts);
      this.#tell(1, 1);
      return received;
    });
  }

  /** @param {string[]} ids */
  readShares(ids) {
    return this.#call("readShares", () => {
      const all = ids.map((id, index) => parseId(id, `ids[${index}]`));
      const account = this.#state.keys;
      if (all.length < 1 || all.length > MAX_READ) fail("bad_input", `1 to ${MAX_READ} shares are read at once.`, "ids");
      this.#tell(0, all.length);
      return all.map((id, index) => {
        const result = attempt(() => read(account, id, this.#state.receipts));
        this.#tell(index + 1, all.length);
        return { id, received: result.value ?? null, error: result.error };
      });
    });
  }

  /** @param {string} id */
  acceptOlder(id) {
    return this.#about("acceptOlder", id, ({ seen }, record) => {
      if (!seen.has(record)) fail("not_found");
    });
  }

  /**
   * @param {readonly LiveEventKind[]} kinds
   * @param {(event: { kind: LiveEventKind, id: string }) => void} listener
   */
  on(kinds, listener) {
    const { listeners } = this.#state.keys;
    const entry = { kinds, listener, login: () => this.#state.login };
    listeners.add(entry);
    return { cancel: () => listeners.delete(entry) };
  }

  lock() {
    return this.#call("lock", () => this.#state.lock());
  }

  /** @param {Proof} options */
  unlock({ passphrase, identityToken }) {
    return this.#call("unlock", () => {
      if (this.#state.over) fail("session_expired");
      this.#state.renew(identityToken);
      this.#signInAgain(passphrase);
    });
  }

  /** @param {Proof & { newPassphrase: string }} options */
  changePassphrase({ passphrase, newPassphrase, identityToken }) {
    return this.#call("changePassphrase", () => {
      this.#state.renew(identityToken);
      const account = this.#state.keys;
      const next = checkNewPassphrase(newPassphrase, "newPassphrase");
      // An earlier call with the same arguments may have come through.
      this.#signInAgain(account.passphrase === next ? newPassphrase : passphrase);
      account.passphrase = next;
      expel(account, this.#state.login);
    });
  }

  /** @param {Proof} options */
  makeRecoveryKey({ passphrase, identityToken }) {
    return this.#call("makeRecoveryKey", () => {
      this.#state.renew(identityToken);
      const account = this.#state.keys;
      this.#signInAgain(passphrase);
      expel(account, this.#state.login);
      return makeRecoveryKey(account);
    });
  }

  /** @param {string} passphrase */
  #signInAgain(passphrase) {
    this.#state.prove(passphrase);
    this.#state.open();
    this.#state.tell();
  }

  emailStatus() {
    return this.#call("emailStatus", () => {
      const { email, confirmed } = this.#state.keys;
      return { email, confirmed };
    });
  }

  /** @param {string} [language] */
  sendEmailCode(language) {
    return this.#call("sendEmailCode", () => {
      return sendCode(this.#state.keys, language);
    });
  }

  /** @param {string} typed */
  confirmEmail(typed) {
    return this.#call("confirmEmail", () => {
      confirm(this.#state.keys, typed);
    });
  }

  /** @param {Proof} options */
  deleteAccount({ passphrase, identityToken }) {
    return this.#call("deleteAccount", () => {
      this.#state.renew(identityToken);
      const account = this.#state.keys;
      this.#state.prove(passphrase);
      remove(account);
      this.#state.lock();
      this.#state.end();
    });
  }

  /** The keys are gone even if the Keystore cannot be reached. */
  signOut() {
    this.#state.lock();
    this.#state.end();
    return this.#call("signOut", () => {
      this.#state.account.logins.delete(this.#state.login);
    });
  }
}
