/** A signed-in person: each method checks the kinds of its arguments and makes one call of the module. */

import { RawSession } from "./glue.js";
import { callable, flag, list, number, object, oneOf, optional, options as only, text, time } from "./checks.js";
import { calling, toError, withError } from "./errors.js";
import { fresh, optionalToken } from "./identity.js";

/** @typedef {import("./index.d.ts").CardContent} CardContent */
/** @typedef {import("./index.d.ts").Field} Field */
/** @typedef {import("./index.d.ts").IdentityToken} IdentityToken */
/** @typedef {import("./index.d.ts").InvitationTicket} InvitationTicket */
/** @typedef {import("./index.d.ts").InviteOptions} InviteOptions */
/** @typedef {import("./index.d.ts").LiveEvent} LiveEvent */
/** @typedef {import("./index.d.ts").LiveEventKind} LiveEventKind */
/** @typedef {import("./index.d.ts").PageOptions} PageOptions */
/** @typedef {import("./index.d.ts").PassphraseOptions} PassphraseOptions */
/** @typedef {import("./index.d.ts").ShareOptions} ShareOptions */
/** @typedef {import("./index.d.ts").ShareWithManyOptions} ShareWithManyOptions */

const deliveries = /** @type {const} */ (["email", "link"]);
const eventKinds = /** @type {const} */ (["invitation", "connection", "share", "revoked"]);

/** A signed-in person. */
export class Session {
  /** @type {RawSession} */
  #raw;
  /** @type {IdentityToken | undefined} */
  #identityToken;

  /**
   * @param {unknown} raw
   * @param {IdentityToken} [identityToken]
   */
  constructor(raw, identityToken) {
    if (!(raw instanceof RawSession)) throw new TypeError("Call signUp() or signIn() instead of `new Session()`.");
    this.#raw = raw;
    this.#identityToken = identityToken;
  }

  /** The account id. */
  get account() {
    return this.#raw.account;
  }

  /** The email address as the Keystore keeps it; `null` for an identity. */
  get email() {
    return this.#raw.email ?? null;
  }

  /** Whether the keys are forgotten. */
  get locked() {
    return this.#raw.locked;
  }

  /** @param {CardContent} content */
  async createCard(content) {
    const checked = cardContent(content);
    return calling(() => this.#raw.createCard(checked));
  }

  /** @param {PageOptions} [options] */
  async cards(options) {
    const checked = pageOptions(options);
    return page(await calling(() => this.#raw.cards(checked)));
  }

  /** @param {string} id */
  async card(id) {
    const checked = text(id, "id");
    return calling(() => this.#raw.card(checked));
  }

  /** @param {CardContent & { id: string, version: number }} card */
  async updateCard(card) {
    const content = cardContent(card);
    const checked = { id: text(card.id, "id"), version: number(card.version, "version"), ...content };
    return calling(() => this.#raw.updateCard(checked));
  }

  /** @param {string} id */
  async deleteCard(id) {
    const checked = text(id, "id");
    await calling(() => this.#raw.deleteCard(checked));
  }

  /** @param {InviteOptions} options */
  async invite(options) {
    const { delivery, email, name, expiresAt } = only(options, "the invitation", ["delivery", "email", "name", "expiresAt"]);
    const checked = {
      delivery: oneOf(delivery, "delivery", deliveries),
      email: delivery === "email" ? text(email, "email") : optional(email, "email", text),
      name: text(name, "name"),
      expiresAt: optional(expiresAt, "expiresAt", time),
    };
    return calling(() => this.#raw.invite(checked));
  }

  /** @param {PageOptions} [options] */
  async invitations(options) {
    const checked = pageOptions(options);
    return page(await calling(() => this.#raw.invitations(checked)));
  }

  /** @param {string} id */
  async cancelInvitation(id) {
    const checked = text(id, "id");
    return calling(() => this.#raw.cancelInvitation(checked));
  }

  /** @param {InvitationTicket} ticket */
  async declineInvitation(ticket) {
    const checked = invitationTicket(ticket);
    await calling(() => this.#raw.declineInvitation(checked));
  }

  /**
   * @param {InvitationTicket} ticket
   * @param {{ name: string }} options
   */
  async accept(ticket, options) {
    const checked = invitationTicket(ticket);
    const name = text(only(options, "the options object of accept()", ["name"]).name, "name");
    return calling(() => this.#raw.accept(checked, { name }));
  }

  /** @param {PageOptions} [options] */
  async connections(options) {
    const checked = pageOptions(options);
    return page(await calling(() => this.#raw.connections(checked)));
  }

  /** @param {string} id */
  async connection(id) {
    const checked = text(id, "id");
    return calling(() => this.#raw.connection(checked));
  }

  /**
   * @param {string} id
   * @param {string} safetyNumber
   */
  async markVerified(id, safetyNumber) {
    const checked = /** @type {const} */ ([text(id, "id"), text(safetyNumber, "safetyNumber")]);
    return calling(() => this.#raw.markVerified(...checked));
  }

  /** @param {string} id */
  async disconnect(id) {
    const checked = text(id, "id");
    await calling(() => this.#raw.disconnect(checked));
  }

  /** @param {ShareOptions} options */
  async share(options) {
    const checked = { ...sharing(options, "connection"), connection: text(options.connection, "connection") };
    return calling(() => this.#raw.share(checked));
  }

  /** @param {ShareWithManyOptions} options */
  async shareWithMany(options) {
    const checked = { ...sharing(options, "connections"), connections: list(options.connections, "connections", text) };
    const results = await calling(() => this.#raw.shareWithMany(checked));
    return results.map(withError);
  }

  /** @param {PageOptions & { connection?: string }} [options] */
  async outgoingShares(options) {
    const checked = { ...pageOptions(options, ["cursor", "limit", "connection"]), connection: optional(options?.connection, "connection", text) };
    return page(await calling(() => this.#raw.outgoingShares(checked)));
  }

  /** @param {string} id */
  async revokeShare(id) {
    const checked = text(id, "id");
    await calling(() => this.#raw.revokeShare(checked));
  }

  /** @param {PageOptions} [options] */
  async incomingShares(options) {
    const checked = pageOptions(options);
    return page(await calling(() => this.#raw.incomingShares(checked)));
  }

  /** @param {string} id */
  async readShare(id) {
    const checked = text(id, "id");
    return calling(() => this.#raw.readShare(checked));
  }

  /** @param {string[]} ids */
  async readShares(ids) {
    const checked = list(ids, "ids", text);
    const results = await calling(() => this.#raw.readShares(checked));
    return results.map(withError);
  }

  /**
   * @param {LiveEventKind} kind
   * @param {(event: LiveEvent) => void} listener
   * @returns {() => void}
   */
  on(kind, listener) {
    const checked = oneOf(kind, "kind", eventKinds);
    try {
      const subscription = this.#raw.on(checked, guarded(callable(listener, "listener")));
      return () => subscription.cancel();
    } catch (raw) {
      throw toError(raw);
    }
  }

  /** Forgets every key. */
  async lock() {
    await calling(() => this.#raw.lock());
  }

  /** @param {PassphraseOptions} options */
  async unlock(options) {
    const checked = await this.#proof(passphraseOf(options, "unlock()"));
    await calling(() => this.#raw.unlock(checked));
  }

  /** @param {PassphraseOptions & { newPassphrase: string }} options */
  async changePassphrase(options) {
    const proof = passphraseOf(options, "changePassphrase()", ["newPassphrase"]);
    const newPassphrase = text(options.newPassphrase, "newPassphrase");
    const checked = { ...(await this.#proof(proof)), newPassphrase };
    await calling(() => this.#raw.changePassphrase(checked));
  }

  /** @param {PassphraseOptions} options */
  async makeRecoveryKey(options) {
    const checked = await this.#proof(passphraseOf(options, "makeRecoveryKey()"));
    return calling(() => this.#raw.makeRecoveryKey(checked));
  }

  /** @param {PassphraseOptions} options */
  async deleteAccount(options) {
    const checked = await this.#proof(passphraseOf(options, "deleteAccount()"));
    await calling(() => this.#raw.deleteAccount(checked));
  }

  /** Ends the session at the Keystore and forgets every key. */
  async signOut() {
    await calling(() => this.#raw.signOut());
  }

  /**
   * The passphrase with a fresh identity token, where the session is an identity's. A new source of tokens is kept.
   *
   * @param {PassphraseOptions} options
   */
  async #proof({ passphrase, identityToken = this.#identityToken }) {
    const token = await fresh(identityToken);
    this.#identityToken = identityToken;
    return { passphrase, identityToken: token };
  }
}

/**
 * @param {RawSession} raw
 * @param {IdentityToken} [identityToken]
 * @returns {import("./index.d.ts").Session}
 */
export function openSession(raw, identityToken) {
  return /** @type {import("./index.d.ts").Session} */ (/** @type {unknown} */ (new Session(raw, identityToken)));
}

/**
 * The app's function, whose own errors go to the console, as those of an event listener do, and not into the module.
 *
 * @template A
 * @template {((argument: A) => void) | undefined} F
 * @param {F} listener
 * @returns {F}
 */
export function guarded(listener) {
  if (!listener) return listener;
  const call = (/** @type {A} */ argument) => {
    try {
      listener(argument);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  return /** @type {F} */ (call);
}

/**
 * @template {{ items: unknown[] }} P
 * @param {P} found
 * @returns {P}
 */
function page(found) {
  return { ...found, items: found.items.map(withError) };
}

/**
 * @param {PageOptions} [options]
 * @param {readonly string[]} [members]
 */
function pageOptions(options, members = ["cursor", "limit"]) {
  const { cursor, limit } = optional(options, "the options object of the list", (value, name) => only(value, name, members)) ?? {};
  return { cursor: optional(cursor, "cursor", text), limit: optional(limit, "limit", number) };
}

/**
 * @param {PassphraseOptions} options
 * @param {string} call
 * @param {string[]} others
 */
function passphraseOf(options, call, others = []) {
  const { passphrase, identityToken } = only(options, `the options object of ${call}`, ["passphrase", "identityToken", ...others]);
  return { passphrase: text(passphrase, "passphrase"), identityToken: optionalToken(identityToken) };
}

/** @param {CardContent} content */
function cardContent(content) {
  const { label, fields } = object(content, "the card");
  return { label: text(label, "label"), fields: list(fields, "fields", field) };
}

/**
 * @param {Field} value
 * @param {string} position
 */
function field(value, position) {
  const { name, label, value: content } = object(value, `\`${position}\``);
  return {
    name: text(name, `${position}.name`),
    label: text(label, `${position}.label`),
    value: text(content, `${position}.value`),
  };
}

/** @param {InvitationTicket} ticket */
function invitationTicket(ticket) {
  if ("link" in object(ticket, "the invitation")) {
    return { link: text(only(ticket, "an invitation by link", ["link"]).link, "link") };
  }
  only(ticket, "an invitation by mail", ["id", "token"]);
  return { id: text(ticket.id, "id"), token: text(ticket.token, "token") };
}

/**
 * @param {Omit<ShareOptions, "connection">} options
 * @param {string} whom
 */
function sharing(options, whom) {
  const { card, fields, expiresAt, acceptUnverified } = only(options, "the share", [whom, "card", "fields", "expiresAt", "acceptUnverified"]);
  return {
    card: text(card, "card"),
    fields: optional(fields, "fields", (names, name) => list(names, name, text)),
    expiresAt: optional(expiresAt, "expiresAt", time),
    acceptUnverified: optional(acceptUnverified, "acceptUnverified", flag),
  };
}
