/** The package's entry class. */

import { callable, flag, number, optional, options as only, pageAddress, text, typed } from "./checks.js";
import { VouchsafeError, calling } from "./errors.js";
import { bare, guarded, perform, settings as withCall } from "./calls.js";
import { deviceSecret, keepDevice } from "./device.js";
import { fileCalls } from "./file-calls.js";
import { fresh, whoOf } from "./identity.js";
import { invitationTicket, period } from "./inputs.js";
import { Keeper } from "./keeper.js";
import { builtin } from "./node.js";
import { withCard } from "./outputs.js";
import { kindOf, own } from "./own.js";
import { openSession } from "./session.js";
import { workWith } from "./worker.js";

/** @typedef {import("./glue.js").Bindings} Bindings */
/** @typedef {import("./glue.js").RawClient} RawClient */
/** @typedef {import("./index.d.ts").CallOptions} CallOptions */
/** @typedef {import("./index.d.ts").Credentials} Credentials */
/** @typedef {import("./index.d.ts").OpenOptions} OpenOptions */
/** @typedef {import("./index.d.ts").RecoverOptions} RecoverOptions */
/** @typedef {import("./index.d.ts").SignedUp} SignedUp */
/** @typedef {import("./index.d.ts").Session} Session */

const members = ["vault", "keystore", "invitationUrl", "timeout", "fetch", "worker", "onStep", "lockAfter", "receipts"];

/** @typedef {"web" | "rust"} Engine */

/**
 * The differences between the entries: the function that makes the module's bindings, the ways to load it and to get its bytes,
 * the worker's file, further options of `open()`, the source of RSA, the keeper of sessions, and what sends requests about files.
 *
 * @template {OpenOptions} O
 * @typedef {object} Entry
 * @property {() => Bindings} glue
 * @property {(options: O) => Promise<Bindings & { module: WebAssembly.Module }>} load
 * @property {() => Promise<ArrayBuffer>} [bytes]
 * @property {() => URL} workerFile
 * @property {readonly string[]} [members]
 * @property {(options: O) => Engine} [engine]
 * @property {typeof Keeper} [keeper]
 * @property {OpenOptions["fetch"]} [fetchFiles]
 */

/**
 * The class `Vouchsafe` of an entry.
 *
 * @template {OpenOptions} O
 * @param {Entry<O>} entry
 */
export function defineVouchsafe(entry) {
  const { glue, load, bytes, workerFile, members: further = [], engine = () => "web", keeper = Keeper, fetchFiles } = own(entry);
  /** The package's entry. It knows the services and opens sessions. */
  return class Vouchsafe {
    /** @type {RawClient} */
    #raw;
    #origin;
    #device;

    /**
     * @param {RawClient} raw
     * @param {import("./session.js").Origin} origin
     * @param {Uint8Array} device
     */
    constructor(raw, origin, device) {
      if (!device) throw new TypeError("Call Vouchsafe.open() instead of `new Vouchsafe()`.");
      this.#raw = raw;
      this.#origin = origin;
      this.#device = device;
    }

    /**
     * @param {O} options
     * @returns {Promise<Vouchsafe>}
     */
    static async open(options) {
      const named = "`options` of Vouchsafe.open()";
      const given = only(options, named, [...members, ...further]);
      const { vault, keystore, invitationUrl, timeout, fetch, worker, onStep, lockAfter, receipts } = given;
      const script = optional(worker, "worker", (one, name) => (/^(URL|.*Function)$/.test(kindOf(one)) ? one : text(one, name)));
      const page = optional(invitationUrl, "invitationUrl", pageAddress);
      const settings = {
        engine: engine(given),
        vault: base(text(vault, "vault")),
        keystore: base(text(keystore, "keystore")),
        invitationUrl: page ?? thisPage(),
        timeout: optional(timeout, "timeout", number),
        receipts: optional(receipts, "receipts", flag),
        fetch: optional(fetch, "fetch", callable),
        onStep: guarded(optional(onStep, "onStep", callable)),
      };
      const origin = {
        services: `${settings.vault} ${settings.keystore}`,
        page,
        vault: { base: settings.vault, fetch: fetchFiles ?? settings.fetch, timeout: settings.timeout },
        lockAfter: optional(lockAfter, "lockAfter", period),
        identityToken: undefined,
        entry: undefined,
        keeper,
        isNew: false,
      };
      if (settings.engine === "web" && !hasWebCrypto()) {
        throw new VouchsafeError(
          "insecure_context",
          "The browser offers cryptography on secure pages only: open this page over https or on localhost, or import vouchsafe/full.",
        );
      }
      const { RawClient, module } = await load(given);
      const work = workWith({ module, glue, bytes }, script, workerFile);
      const device = deviceSecret();
      return calling(() => new Vouchsafe(new RawClient({ ...settings, work, device }), origin, device));
    }

    /**
     * @param {CallOptions} [options]
     * @returns {Promise<void>}
     */
    async check(options) {
      await perform(this.#raw, bare(options, "check()"), (raw) => raw.check());
    }

    /**
     * @param {Credentials} credentials
     * @returns {Promise<SignedUp>}
     */
    async signUp(credentials) {
      const { identityToken, ...checked } = check(credentials);
      const given = { ...checked, identityToken: await fresh(identityToken) };
      const { session, recoveryKey } = await perform(this.#raw, credentials, (raw) => raw.signUp(given));
      keepDevice(this.#device);
      return { session: openSession(session, { ...this.#origin, identityToken, isNew: true }), recoveryKey };
    }

    /**
     * @param {Credentials} credentials
     * @returns {Promise<Session>}
     */
    async signIn(credentials) {
      const { identityToken, ...checked } = check(credentials);
      const given = { ...checked, identityToken: await fresh(identityToken) };
      const session = await perform(this.#raw, credentials, (raw) => raw.signIn(given));
      keepDevice(this.#device);
      return openSession(session, { ...this.#origin, identityToken });
    }

    /**
     * @param {string} link
     * @param {import("./index.d.ts").OpenLinkOptions} [options]
     */
    async openLink(link, options) {
      const checked = typed(link, "link");
      const { passphrase } = withCall(options ?? {}, "`options` of openLink()", ["passphrase"]);
      const words = optional(passphrase, "passphrase", text);
      const { ticket, ...view } = withCard(await perform(this.#raw, options, (raw) => raw.openLink(checked, words)));
      const within = `/links/${this.#raw.readLink(checked)?.id}`;
      const access = own({ ...this.#origin.vault, within, token: async () => ticket });
      const file = async (/** @type {import("./index.d.ts").FileRef} */ ref) => (await fileCalls()).openFile(access, ref);
      // What is copied or compared is what the link shows.
      return Object.defineProperty(/** @type {typeof view & { file: typeof file }} */ (view), "file", { value: file });
    }

    /** @returns {Promise<import("./index.d.ts").KeptSession[]>} */
    async kept() {
      const { services, lockAfter } = this.#origin;
      return keeper.kept(services, lockAfter);
    }

    /**
     * @param {import("./index.d.ts").ResumeOptions} [options]
     * @returns {Promise<Session | null>}
     */
    async resume(options) {
      const given = only(options ?? {}, "`options` of resume()", ["account"]);
      const account = optional(given.account, "account", text);
      const { services, lockAfter } = this.#origin;
      const found = await keeper.resume(this.#raw, services, lockAfter, account);
      return found && openSession(found.raw, { ...this.#origin, entry: found.entry });
    }

    /**
     * @param {string | URL | Location} location
     * @returns {import("./index.d.ts").FoundLink | null}
     */
    readLink(location) {
      const given = typeof location === "object" && location !== null ? location.href : location;
      const link = typed(given, "location").trim();
      if (!/#\s*vouchsafe(=|%3d)/i.test(link)) return null;
      const found = this.#raw.readLink(link);
      if (!found) return { kind: "broken" };
      const { delivery, id } = found;
      return delivery ? { kind: "invitation", delivery, id, ticket: { link } } : { kind: "card", id, link };
    }

    /**
     * @param {import("./index.d.ts").InvitationTicket} ticket
     * @param {CallOptions} [options]
     * @returns {Promise<import("./index.d.ts").InvitationPreview>}
     */
    async previewInvitation(ticket, options) {
      const checked = invitationTicket(ticket);
      bare(options, "previewInvitation()");
      return perform(this.#raw, options, (raw) => raw.previewInvitation(checked));
    }

    /**
     * @param {RecoverOptions} options
     * @returns {Promise<SignedUp>}
     */
    async recover(options) {
      const given = withCall(options, "`options` of recover()", ["email", "identityToken", "recoveryKey", "passphrase"]);
      const { identityToken, ...who } = whoOf(given);
      const checked = { ...who, recoveryKey: typed(given.recoveryKey, "recoveryKey"), passphrase: text(given.passphrase, "passphrase") };
      const proven = { ...checked, identityToken: await fresh(identityToken) };
      const { session, recoveryKey } = await perform(this.#raw, options, (raw) => raw.recover(proven));
      keepDevice(this.#device);
      return { session: openSession(session, { ...this.#origin, identityToken }), recoveryKey };
    }
  };
}

/** @param {Credentials} credentials */
function check(credentials) {
  const given = withCall(credentials, "`credentials`", ["email", "identityToken", "passphrase"]);
  return { ...whoOf(given), passphrase: text(given.passphrase, "passphrase") };
}

/**
 * A service's address as the URL Standard writes it, without slashes at its end: the Keystore knows itself by that. What is
 * no address stays, for the module to refuse.
 *
 * @param {string} address
 */
function base(address) {
  try {
    return new URL(address).href.replace(/\/+$/, "");
  } catch {
    return address;
  }
}

/** Whether there is WebCrypto. Browsers have it on secure pages only; where pages are tested, that of Node.js may be hidden. */
export function hasWebCrypto() {
  return Boolean(globalThis.crypto?.subtle ?? builtin("node:crypto"));
}

/**
 * The page's address without query and fragment, which may name a person or hold a secret.
 *
 * @returns {string | undefined}
 */
function thisPage() {
  return globalThis.location?.href.split(/[?#]/, 1)[0];
}
