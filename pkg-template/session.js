/** A signed-in person: each method checks the kinds of its arguments and makes one call of the module. */

import { address, callable, flag, language, list, number, oneOf, optional, text, time, typed } from "./checks.js";
import { bare, guarded, perform, settings } from "./calls.js";
import { VouchsafeError, calling, isVouchsafeError, toError, withError } from "./errors.js";
import { exportLines, importLines, nextId } from "./export.js";
import { fileCalls } from "./file-calls.js";
import { fresh } from "./identity.js";
import { Idle } from "./idle.js";
import { cardContent, invitationTicket, pageOptions, passphraseOf, period, sharing, texts } from "./inputs.js";
import { Marks } from "./marks.js";
import { page, withCard, withData } from "./outputs.js";
import { own } from "./own.js";
import { hasUploads, removeEntry, removeMarks } from "./storage.js";
import { Stream } from "./stream.js";
import { queueMicrotask } from "./timers.js";

/** @typedef {import("./glue.js").RawSession} RawSession */
/** @typedef {import("./index.d.ts").CallOptions} CallOptions */
/** @typedef {import("./index.d.ts").CardContent} CardContent */
/** @typedef {import("./index.d.ts").ChangePassphraseOptions} ChangePassphraseOptions */
/** @typedef {import("./index.d.ts").FileCallOptions} FileCallOptions */
/** @typedef {import("./index.d.ts").FileRef} FileRef */
/** @typedef {import("./index.d.ts").FileSource} FileSource */
/** @typedef {import("./index.d.ts").IdentityToken} IdentityToken */
/** @typedef {import("./index.d.ts").InvitationTicket} InvitationTicket */
/** @typedef {import("./index.d.ts").InviteOptions} InviteOptions */
/** @typedef {import("./index.d.ts").LinkOptions} LinkOptions */
/** @typedef {import("./index.d.ts").LiveEvent} LiveEvent */
/** @typedef {import("./index.d.ts").LiveEventKind} LiveEventKind */
/** @typedef {import("./index.d.ts").PageOptions} PageOptions */
/** @typedef {import("./index.d.ts").PassphraseOptions} PassphraseOptions */
/** @typedef {import("./index.d.ts").PersistOptions} PersistOptions */
/** @typedef {import("./index.d.ts").SessionEventKind} SessionEventKind */
/** @typedef {import("./index.d.ts").ShareOptions} ShareOptions */
/** @typedef {import("./index.d.ts").ShareWithManyOptions} ShareWithManyOptions */
/** @typedef {import("./keeper.js").Keeper} Keeper */

const deliveries = /** @type {const} */ (["email", "link"]);
const eventKinds = /** @type {const} */ (["invitation", "connection", "share", "updated", "read", "revoked", "card", "link"]);
const sessionKinds = /** @type {const} */ (["locked", "unlocked", "ended", "missed"]);
const scopes = /** @type {const} */ (["tab", "browser"]);
const remaining = /** @type {const} */ (["revoke", "keep"]);

/**
 * The origin of a session.
 *
 * @typedef {object} Origin
 * @property {string} services
 * @property {string | undefined} page The page that links in mails lead to, if the app names one.
 * @property {Pick<import("./files/requests.js").Access, "base" | "fetch" | "timeout">} vault
 * @property {number | undefined} lockAfter
 * @property {IdentityToken | undefined} identityToken For an identity.
 * @property {import("./storage.js").Entry | undefined} entry The entry that keeps it already.
 * @property {typeof import("./keeper.js").Keeper} keeper
 * @property {boolean} isNew Whether the account was made just now.
 */

/** Sessions that the module opened: only these get a {@link Session}. */
const opened = /** @type {WeakSet<RawSession>} */ (new WeakSet());

/** A signed-in person. */
export class Session {
  /** @type {RawSession | undefined} */
  #raw;
  #services;
  #page;
  #vault;
  #Keeper;
  /** @type {IdentityToken | undefined} */
  #identityToken;
  /** @type {Marks | undefined} */
  #marks;
  /** @type {Keeper | undefined} */
  #keeper;
  /** The last change of the keeper, which the next one waits for. */
  #keeping = Promise.resolve();
  #idle = new Idle(() => this.#lockUnused(), async () => (await this.#keeper?.lastUsed()) ?? 0);
  /** @type {"unlocked" | "locked" | "ended"} */
  #state;
  /** @type {Set<{ kinds: readonly string[], listener: (event: { kind: SessionEventKind }) => void }>} */
  #listeners = new Set();
  /** Listeners to events of the services. */
  #live = 0;
  /**
   * What they hear, where tabs share it.
   *
   * @type {Stream | undefined}
   */
  #stream;
  /** @type {(() => void) | undefined} */
  #sleepless;

  /**
   * @param {RawSession} raw
   * @param {Origin} origin
   */
  constructor(raw, origin) {
    if (!opened.has(raw)) throw new TypeError("Call signUp() or signIn() instead of `new Session()`.");
    this.#raw = raw;
    this.#services = origin.services;
    this.#page = origin.page;
    this.#vault = origin.vault;
    this.#Keeper = origin.keeper;
    this.#identityToken = origin.identityToken;
    this.#state = raw.locked ? "locked" : "unlocked";
    /** @readonly */
    this.account = raw.account;
    /** @readonly */
    this.email = raw.email ?? null;
    if (typeof indexedDB !== "undefined") this.#marks = new Marks(raw);
    if (origin.entry) this.#keeper = this.#keep(raw, origin.entry);
    // Weak: a session that nobody holds any more is collected, together with its keys.
    const weak = new WeakRef(this);
    raw.watch((/** @type {"access" | "event" | "missed" | "deaf" | "lagging"} */ change) => {
      const session = weak.deref();
      if (session) session.#changed(change);
    });
    this.#lockAfter(origin.lockAfter ?? origin.entry?.lockAfter ?? null, origin.entry?.used);
    if (!origin.isNew && !raw.locked) this.#catchUp();
  }

  // `using` and `await using`, where the language has them.
  static {
    for (const [symbol, dispose] of /** @type {[symbol | undefined, (session: Session) => unknown][]} */ ([
      [Symbol.dispose, (session) => session.#dispose()],
      [Symbol.asyncDispose, (session) => session.#disposeKept()],
    ])) {
      const value = /** @this {Session} */ function () {
        return dispose(this);
      };
      if (symbol) Object.defineProperty(this.prototype, symbol, { value, configurable: true, writable: true });
    }
  }

  /** How many other sign-ins failed before the last one here. */
  get failedSignIns() {
    return this.#raw?.failedSignIns ?? 0;
  }

  /** Whether the keys are forgotten. */
  get locked() {
    return this.#raw?.locked ?? true;
  }

  /**
   * Makes one call of the module.
   *
   * @template T
   * @param {CallOptions | null | undefined} options
   * @param {(raw: RawSession) => T | Promise<T>} call
   * @returns {Promise<Awaited<T>>}
   */
  async #call(options, call) {
    if (this.#idle.over) await this.#idle.check();
    if (this.#marks) await this.#marks.load();
    const raw = this.#open();
    this.#idle.begin();
    try {
      return await perform(raw, options, call);
    } catch (error) {
      if (!this.#keeper || !isVouchsafeError(error, "session_expired")) throw error;
      // Another tab may go on with a fresh session of the Keystore.
      if (await this.#keeper.refresh().catch(() => false)) return await perform(this.#open(), options, call);
      // Else it is over, and unlocking signs in anew.
      await this.lock().catch(() => {});
      throw error;
    } finally {
      if (this.#marks) await this.#marks.save();
      this.#idle.end();
      this.#keeper?.touch(Date.now());
    }
  }

  #open() {
    if (this.#raw) return this.#raw;
    throw new VouchsafeError("session_expired", "This session was disposed of: sign in again.");
  }

  /**
   * @param {RawSession} raw
   * @param {import("./storage.js").Entry} entry
   */
  #keep(raw, entry) {
    return new this.#Keeper(raw, entry, () => this.#observe());
  }

  /** @param {"access" | "event" | "missed" | "deaf" | "lagging"} change */
  #changed(change) {
    if (change === "event") {
      this.#stream?.moved();
      return this.#keeper?.eventSeen();
    }
    if (change === "missed") {
      this.#stream?.missed();
      return this.#tell(change);
    }
    if (change === "deaf") return this.#stream?.rest();
    if (change === "lagging") return this.#catchUp();
    this.#stream?.stir();
    this.#keeper?.save(true).catch(() => {});
    // The module is still in its call.
    queueMicrotask(() => this.#observe());
  }

  /** Tells the listeners if the session was locked, unlocked or ended. */
  #observe() {
    const raw = this.#raw;
    const state = !raw || raw.over ? "ended" : raw.locked ? "locked" : "unlocked";
    if (state === this.#state || this.#state === "ended") return;
    this.#state = state;
    if (state === "ended") this.#stop();
    this.#tell(state);
  }

  /** @param {SessionEventKind} told */
  #tell(told) {
    for (const { kinds, listener } of [...this.#listeners]) {
      if (kinds.includes(told)) listener({ kind: told });
    }
  }

  /** Stops all waiting. */
  #stop() {
    this.#idle.stop();
    this.#keeper?.close();
    this.#keeper = undefined;
    this.#live = 0;
    this.#endStream();
    this.#stayAwake();
  }

  #endStream() {
    this.#stream?.close();
    this.#stream = undefined;
  }

  /** Looks at once when the page comes back from sleep or to the network, while there are listeners or a time to lock. */
  #stayAwake() {
    const wanted = this.#live > 0 || this.#idle.after !== null;
    const scope = /** @type {Partial<Pick<Window, "addEventListener" | "removeEventListener" | "document">>} */ (globalThis);
    if (wanted && !this.#sleepless) {
      const look = () => {
        if (scope.document?.visibilityState === "hidden") return;
        this.#raw?.nudge();
        this.#stream?.wake();
        this.#idle.check().catch(() => {});
      };
      this.#sleepless = look;
      scope.addEventListener?.("online", look);
      scope.document?.addEventListener("visibilitychange", look);
    } else if (!wanted && this.#sleepless) {
      scope.removeEventListener?.("online", this.#sleepless);
      scope.document?.removeEventListener("visibilitychange", this.#sleepless);
      this.#sleepless = undefined;
    }
  }

  /** @param {PersistOptions} options */
  async persist(options) {
    const { scope, locked, account } = settings(options, "`options` of persist()", ["scope", "locked", "account"]);
    const checked = {
      scope: oneOf(scope, "scope", scopes),
      locked: optional(locked, "locked", flag) ?? false,
      account: optional(account, "account", text) ?? null,
    };
    const work = this.#keeping.then(() => this.#call(options, (raw) => this.#keepIn(checked, raw)));
    this.#keeping = work.catch(() => {});
    await work;
  }

  /**
   * What changes meanwhile is stored at the end. What cannot be kept to the end is not kept.
   *
   * @param {{ scope: import("./index.d.ts").PersistScope, locked: boolean, account: string | null }} checked
   * @param {RawSession} raw
   */
  async #keepIn(checked, raw) {
    const how = { ...checked, services: this.#services, lockAfter: this.#idle.after };
    const before = this.#keeper;
    const entry = await this.#Keeper.create(raw, how, before);
    try {
      this.#keeper = this.#keep(this.#open(), entry);
      this.#keeper.eventSeen();
      await before?.remove();
      // Something may have changed meanwhile.
      await this.#keeper.save(false);
    } catch (error) {
      this.#keeper?.close();
      this.#keeper = before;
      await removeEntry(entry.id);
      throw error;
    }
  }

  /** @param {number | null} milliseconds */
  lockAfter(milliseconds) {
    const after = milliseconds === null ? null : period(milliseconds, "milliseconds");
    this.#open();
    this.#lockAfter(after);
    this.#keeper?.setLockAfter(after);
  }

  /**
   * @param {number | null} after
   * @param {number} [used]
   */
  #lockAfter(after, used) {
    this.#idle.set(after, used);
    this.#stayAwake();
  }

  async #lockUnused() {
    // If it cannot be stored, the next page finds it out: the time is over there, too.
    if (this.#raw && !this.#raw.locked) await this.#lock(this.#raw).catch(() => {});
  }

  /** @param {RawSession} raw */
  async #lock(raw) {
    await calling(() => raw.lock());
    this.#keeper?.tellLocked();
    await this.#keeper?.save(false);
  }

  #dispose() {
    const raw = this.#raw;
    this.#raw = undefined;
    this.#stop();
    this.#listeners.clear();
    raw?.end();
    raw?.free();
  }

  async #disposeKept() {
    await this.#keeper?.save(false).catch(() => {});
    this.#dispose();
  }

  /**
   * @param {CardContent} content
   * @param {CallOptions} [options]
   */
  async createCard(content, options) {
    const checked = cardContent(content, "`content` of createCard()");
    bare(options, "createCard()");
    return withData(await this.#call(options, (raw) => raw.createCard(checked)));
  }

  /** @param {PageOptions} [options] */
  async cards(options) {
    const checked = pageOptions(options);
    const found = page(await this.#call(options, (raw) => raw.cards(checked)), checked);
    return { ...found, items: found.items.map((/** @type {any} */ card) => (Object.hasOwn(card, "data") ? withData(card) : card)) };
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async card(id, options) {
    const checked = text(id, "id");
    return withData(await this.#call(bare(options, "card()"), (raw) => raw.card(checked)));
  }

  /**
   * What is left out stays. If it was changed since the version that is given, the module refuses that.
   *
   * @param {import("./index.d.ts").CardUpdate} card
   * @param {CallOptions} [options]
   */
  async updateCard(card, options) {
    const content = cardContent(card, "`card` of updateCard()");
    bare(options, "updateCard()");
    const { id, version, kind, data, files } = own(card);
    const checked = { id: text(id, "id"), version: number(version, "version"), content };
    if (kind === undefined || data === undefined || files === undefined) {
      const before = own(await this.#call(options, (raw) => raw.card(checked.id)));
      if (kind === undefined) content.kind = before.kind;
      if (data === undefined) content.data = before.data;
      if (files === undefined) content.files = before.files;
    }
    const updated = await this.#call(options, (raw) => raw.updateCard(checked));
    return { ...withData(updated.card), lagging: updated.lagging.map(withError) };
  }

  /**
   * @param {string} id
   * @param {import("./index.d.ts").DeleteCardOptions} [options]
   */
  async deleteCard(id, options) {
    const checked = text(id, "id");
    const { shares } = settings(options ?? {}, "`options` of deleteCard()", ["shares"]);
    const decision = optional(shares, "shares", (given, name) => oneOf(given, name, remaining));
    await this.#call(options, (raw) => raw.deleteCard(checked, decision));
  }

  /**
   * @param {FileSource} source
   * @param {import("./index.d.ts").AddFileOptions} [options]
   */
  async addFile(source, options) {
    const { addFile, access } = await this.#files("addFile", options);
    return addFile(access, source, options);
  }

  /** @param {import("./index.d.ts").FileRef} ref */
  async file(ref) {
    const { openFile, access } = await this.#files("file");
    return openFile(access, ref);
  }

  async pendingUploads() {
    const { pendingUploads, access } = await this.#files("pendingUploads");
    return pendingUploads(access);
  }

  /**
   * @param {string} id
   * @param {FileSource} source
   * @param {FileCallOptions} [options]
   */
  async resumeUpload(id, source, options) {
    const { resumeUpload, access } = await this.#files("resumeUpload", options);
    return resumeUpload(access, id, source, options);
  }

  /** @param {string} id */
  async discardUpload(id) {
    const { discardUpload, access } = await this.#files("discardUpload");
    return discardUpload(access, id);
  }

  /** The account's name among the uploads of this device. */
  get #owner() {
    return `${this.account} ${this.#services}`;
  }

  /** Forgets the uploads that could go on here. Those that cannot be found end by themselves, in two days. */
  async #forgetUploads() {
    try {
      if (await hasUploads()) await (await fileCalls()).forgetUploads(this.#owner);
    } catch {
      // Nobody goes on with them.
    }
  }

  /**
   * The calls about files, and the account's way to them, if the session is neither over nor locked. Each token is a call of its
   * own, so that nothing is sent any more once it is.
   *
   * @param {string} call Its name, for the stand-in.
   * @param {FileCallOptions} [options]
   */
  async #files(call, options) {
    const { signal } = own(options ?? {});
    const ask = (/** @type {CallOptions | undefined} */ given, fresh = false) =>
      this.#call(given, (/** @type {any} */ raw) => raw.vaultToken(fresh, call));
    const token = (fresh = false) => ask(undefined, fresh);
    await ask({ signal });
    const check = (/** @type {string} */ name, /** @type {string} */ type) => calling(() => this.#open().checkFile(name, type));
    const access = own({ ...this.#vault, token, check, isLocked: () => this.locked, owner: this.#owner });
    return { ...(await fileCalls()), access };
  }

  /** @param {CallOptions} [options] */
  exportAccount(options) {
    this.#open();
    return exportLines(this, bare(options, "exportAccount()"));
  }

  /**
   * @param {import("./index.d.ts").ExportSource} source
   * @param {CallOptions} [options]
   */
  async importCards(source, options) {
    bare(options, "importCards()");
    return importLines(source, async (id, content) => {
      const checked = cardContent(content, "`source`");
      for (let [named, isWhole] = [text(id, "id"), true]; ; named = await nextId(named)) {
        try {
          await this.#call(options, (raw) => raw.importCard(named, checked)).catch((error) => {
            if (!isVouchsafeError(error, "not_found") || checked.files.length === 0) throw error;
            // They are another account's, or erased.
            isWhole = false;
            return this.#call(options, (raw) => raw.importCard(named, { ...checked, files: [] }));
          });
          return { outcome: "made", isWhole };
        } catch (error) {
          if (!isVouchsafeError(error, "conflict")) throw error;
        }
        try {
          await this.#call(options, (raw) => raw.card(named));
          return { outcome: "kept", isWhole: true };
        } catch (error) {
          // It was deleted here, and its id is not free any more: the next one follows from it, so that a repeat finds it.
          if (!isVouchsafeError(error, "not_found")) throw error;
        }
      }
    });
  }

  /** @param {InviteOptions} options */
  async invite(options) {
    const { delivery, email, name, expiresAt, ...rest } = settings(options, "`options` of invite()", ["delivery", "email", "language", "name", "expiresAt"]);
    const checked = {
      delivery: oneOf(delivery, "delivery", deliveries),
      page: this.#page,
      language: optional(own(/** @type {{ language?: string }} */ (rest)).language, "language", language),
      email: delivery === "email" ? address(email, "email") : optional(email, "email", text),
      name: text(name, "name"),
      expiresAt: optional(expiresAt, "expiresAt", time),
    };
    return this.#call(options, (raw) => raw.invite(checked));
  }

  /** @param {PageOptions} [options] */
  async invitations(options) {
    const checked = pageOptions(options);
    return page(await this.#call(options, (raw) => raw.invitations(checked)), checked);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async cancelInvitation(id, options) {
    const checked = text(id, "id");
    return this.#call(bare(options, "cancelInvitation()"), (raw) => raw.cancelInvitation(checked));
  }

  /**
   * @param {InvitationTicket} ticket
   * @param {CallOptions} [options]
   */
  async declineInvitation(ticket, options) {
    const checked = invitationTicket(ticket);
    bare(options, "declineInvitation()");
    await this.#call(options, (raw) => raw.declineInvitation(checked));
  }

  /**
   * @param {InvitationTicket} ticket
   * @param {{ name: string } & CallOptions} options
   */
  async accept(ticket, options) {
    const checked = invitationTicket(ticket);
    const name = text(settings(options, "`options` of accept()", ["name"]).name, "name");
    return this.#call(options, (raw) => raw.accept(checked, { name }));
  }

  /** @param {PageOptions} [options] */
  async connections(options) {
    const checked = pageOptions(options);
    return page(await this.#call(options, (raw) => raw.connections(checked)), checked);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async connection(id, options) {
    const checked = text(id, "id");
    return this.#call(bare(options, "connection()"), (raw) => raw.connection(checked));
  }

  /**
   * @param {string} id
   * @param {string} safetyNumber
   * @param {CallOptions} [options]
   */
  async markVerified(id, safetyNumber, options) {
    bare(options, "markVerified()");
    const checked = /** @type {const} */ ([text(id, "id"), typed(safetyNumber, "safetyNumber")]);
    return this.#call(options, (raw) => raw.markVerified(...checked));
  }

  /**
   * @param {string} id
   * @param {string} name
   * @param {CallOptions} [options]
   */
  async renameConnection(id, name, options) {
    bare(options, "renameConnection()");
    const checked = /** @type {const} */ ([text(id, "id"), text(name, "name")]);
    return this.#call(options, (raw) => raw.renameConnection(...checked));
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async disconnect(id, options) {
    const checked = text(id, "id");
    await this.#call(bare(options, "disconnect()"), (raw) => raw.disconnect(checked));
  }

  /** @param {ShareOptions} options */
  async share(options) {
    const checked = { ...sharing(options, "connection"), connection: text(own(options).connection, "connection") };
    return this.#call(options, (raw) => raw.share(checked));
  }

  /** @param {ShareWithManyOptions} options */
  async shareWithMany(options) {
    const checked = { ...sharing(options, "connections"), connections: list(own(options).connections, "connections", text) };
    const results = await this.#call(options, (raw) => raw.shareWithMany(checked));
    return results.map(withError);
  }

  /** @param {PageOptions & { connection?: string }} [options] */
  async outgoingShares(options) {
    const { connection } = own(options ?? {});
    const checked = { ...pageOptions(options, ["cursor", "limit", "connection"]), connection: optional(connection, "connection", text) };
    return page(await this.#call(options, (raw) => raw.outgoingShares(checked)), checked);
  }

  /**
   * @param {string} card
   * @param {PageOptions} [options]
   */
  async sharesOf(card, options) {
    const [id, checked] = [text(card, "card"), pageOptions(options)];
    return page(await this.#call(options, (raw) => raw.sharesOf(id, checked)), checked);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async revokeShare(id, options) {
    const checked = text(id, "id");
    await this.#call(bare(options, "revokeShare()"), (raw) => raw.revokeShare(checked));
  }

  /** @param {LinkOptions} options */
  async shareByLink(options) {
    const members = ["card", "fields", "files", "live", "expiresAt", "maxReads", "passphrase", "name"];
    const { card, fields, files, live, expiresAt, maxReads, passphrase, name } = settings(options, "`options` of shareByLink()", members);
    const checked = {
      card: text(card, "card"),
      fields: optional(fields, "fields", texts),
      files: optional(files, "files", texts),
      live: optional(live, "live", flag),
      expiresAt: time(expiresAt, "expiresAt"),
      maxReads: optional(maxReads, "maxReads", number),
      passphrase: optional(passphrase, "passphrase", text),
      name: text(name, "name"),
    };
    return this.#call(options, (raw) => raw.shareByLink(checked));
  }

  /** @param {PageOptions} [options] */
  async linkShares(options) {
    const checked = pageOptions(options);
    return page(await this.#call(options, (raw) => raw.linkShares(checked)), checked);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async revokeLink(id, options) {
    const checked = text(id, "id");
    await this.#call(bare(options, "revokeLink()"), (raw) => raw.revokeLink(checked));
  }

  /** @param {PageOptions} [options] */
  async incomingShares(options) {
    const checked = pageOptions(options);
    return page(await this.#call(options, (raw) => raw.incomingShares(checked)), checked);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async readShare(id, options) {
    const checked = text(id, "id");
    return withCard(await this.#call(bare(options, "readShare()"), (raw) => raw.readShare(checked)));
  }

  /**
   * @param {string[]} ids
   * @param {CallOptions} [options]
   */
  async readShares(ids, options) {
    bare(options, "readShares()");
    const checked = list(ids, "ids", text);
    const results = await this.#call(options, (raw) => raw.readShares(checked));
    return results.map((/** @type {any} */ one) => withError({ ...one, received: one.received && withCard(one.received) }));
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async acceptOlder(id, options) {
    const checked = text(id, "id");
    await this.#call(bare(options, "acceptOlder()"), (raw) => raw.acceptOlder(checked));
  }

  /**
   * @param {LiveEventKind | SessionEventKind | readonly (LiveEventKind | SessionEventKind)[]} kind
   * @param {(event: any) => void} listener
   * @returns {import("./index.d.ts").Unsubscribe}
   */
  on(kind, listener) {
    const known = /** @type {const} */ ([...eventKinds, ...sessionKinds]);
    const kinds = Array.isArray(kind) && kind.length > 0 ? list(kind, "kind", (one, name) => oneOf(one, name, known)) : [oneOf(kind, "kind", known)];
    const entry = { kinds, listener: guarded(callable(listener, "listener")) };
    const raw = this.#open();
    const live = kinds.filter((one) => !(/** @type {readonly string[]} */ (sessionKinds)).includes(one));
    const subscription = live.length > 0 ? this.#listen(raw, live, entry.listener) : undefined;
    this.#listeners.add(entry);
    return ending(() => {
      this.#listeners.delete(entry);
      if (!subscription) return;
      subscription.cancel();
      this.#live = Math.max(this.#live - 1, 0);
      if (this.#live === 0) this.#endStream();
      this.#stayAwake();
    });
  }

  /**
   * Listens to the services.
   *
   * @param {RawSession} raw
   * @param {readonly string[]} kinds
   * @param {(event: any) => void} listener
   */
  #listen(raw, kinds, listener) {
    try {
      if (this.#live === 0 && Stream.isPossible(raw)) {
        // In the other tabs it is another session, but the same account.
        const name = `${this.account} ${this.#services}`;
        this.#stream = new Stream(raw, name, eventKinds, (change) => {
          if (change === "missed") this.#tell(change);
          this.#keeper?.eventSeen();
        });
      }
      const subscription = raw.on(kinds, listener);
      this.#live += 1;
      this.#stayAwake();
      return subscription;
    } catch (error) {
      throw toError(error);
    }
  }

  /** Forgets every key. */
  async lock() {
    await this.#lock(this.#open());
  }

  /** @param {PassphraseOptions} options */
  async unlock(options) {
    const checked = await this.#proof(passphraseOf(options, "unlock()"));
    await this.#call(options, (raw) => raw.unlock(checked));
    // The session is unlocked, even if that cannot be stored.
    await this.#keeper?.save(false).catch(() => {});
    this.#catchUp();
  }

  /** Brings shares up to date whose card's update was cut, here or elsewhere. It is no use of the session, and nobody waits for it. */
  async #catchUp() {
    try {
      await this.#marks?.load();
      await this.#raw?.catchUpShares();
      await this.#marks?.save();
    } catch {
      // The next sign-in does it.
    }
  }

  /** @param {ChangePassphraseOptions} options */
  async changePassphrase(options) {
    const proof = passphraseOf(options, "changePassphrase()", ["newPassphrase"]);
    const newPassphrase = text(own(options).newPassphrase, "newPassphrase");
    const checked = { ...(await this.#proof(proof)), newPassphrase };
    await this.#call(options, (raw) => raw.changePassphrase(checked));
  }

  /** @param {PassphraseOptions} options */
  async makeRecoveryKey(options) {
    const checked = await this.#proof(passphraseOf(options, "makeRecoveryKey()"));
    return this.#call(options, (raw) => raw.makeRecoveryKey(checked));
  }

  /** @param {CallOptions} [options] */
  async emailStatus(options) {
    return this.#call(bare(options, "emailStatus()"), (raw) => raw.emailStatus());
  }

  /** @param {import("./index.d.ts").EmailCodeOptions} [options] */
  async sendEmailCode(options) {
    const given = settings(options ?? {}, "`options` of sendEmailCode()", ["language"]);
    const checked = optional(given.language, "language", language);
    return this.#call(options, (raw) => raw.sendEmailCode(checked));
  }

  /**
   * @param {string} code
   * @param {CallOptions} [options]
   */
  async confirmEmail(code, options) {
    const checked = typed(code, "code");
    await this.#call(bare(options, "confirmEmail()"), (raw) => raw.confirmEmail(checked));
  }

  /** @param {PassphraseOptions} options */
  async deleteAccount(options) {
    const checked = await this.#proof(passphraseOf(options, "deleteAccount()"));
    const keeper = this.#keeper;
    const marks = this.#raw?.marksId;
    await this.#call(options, (raw) => raw.deleteAccount(checked));
    if (this.#marks && marks) await removeMarks(marks).catch(() => {});
    await this.#forgetUploads();
    await keeper?.remove();
  }

  /**
   * Ends the session at the Keystore and forgets every key.
   *
   * @param {CallOptions} [options]
   */
  async signOut(options) {
    bare(options, "signOut()");
    const keeper = this.#keeper;
    this.#keeper = undefined;
    try {
      await keeper?.remove();
      await this.#forgetUploads();
    } finally {
      await this.#call(options, (raw) => raw.signOut());
    }
  }

  /**
   * Adds a fresh identity token, for a session of an identity. A new source replaces the old one.
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
 * @param {() => void} end
 * @returns {import("./index.d.ts").Unsubscribe}
 */
function ending(end) {
  let ended = false;
  const once = () => {
    if (!ended) end();
    ended = true;
  };
  if (Symbol.dispose) Object.defineProperty(once, Symbol.dispose, { value: once });
  return /** @type {import("./index.d.ts").Unsubscribe} */ (once);
}

/**
 * @param {RawSession} raw
 * @param {Origin} origin
 * @returns {import("./index.d.ts").Session}
 */
export function openSession(raw, origin) {
  opened.add(raw);
  return /** @type {import("./index.d.ts").Session} */ (/** @type {unknown} */ (new Session(raw, origin)));
}
