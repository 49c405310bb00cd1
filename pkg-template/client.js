/** The package's entry class. */

import { callable, optional, options as only, text } from "./checks.js";
import { VouchsafeError, calling } from "./errors.js";
import { guarded, openSession } from "./session.js";
import { workWith } from "./worker.js";

/** @typedef {import("./glue.js").RawClient} RawClient */
/** @typedef {import("./index.d.ts").Credentials} Credentials */
/** @typedef {import("./index.d.ts").OpenOptions} OpenOptions */
/** @typedef {import("./index.d.ts").RecoverOptions} RecoverOptions */
/** @typedef {import("./index.d.ts").SignedUp} SignedUp */
/** @typedef {import("./index.d.ts").Session} Session */

const members = ["vault", "keystore", "invitationUrl", "worker", "onStep"];

/** @typedef {"web" | "rust"} Engine */

/**
 * What the entries differ in: the module's bindings, how it is loaded, the worker's file, which further options `open()`
 * takes, and whose RSA it is.
 *
 * @template {OpenOptions} O
 * @typedef {object} Entry
 * @property {typeof RawClient} RawClient
 * @property {(options: O) => Promise<WebAssembly.Module>} load
 * @property {() => URL} workerFile
 * @property {readonly string[]} [members]
 * @property {(options: O) => Engine} [engine]
 */

/**
 * The class `Vouchsafe` of an entry.
 *
 * @template {OpenOptions} O
 * @param {Entry<O>} entry
 */
export function defineVouchsafe({ RawClient, load, workerFile, members: further = [], engine = () => "web" }) {
  /** The package's entry: knows the services, opens sessions. */
  return class Vouchsafe {
    /** @type {RawClient} */
    #raw;

    /** @param {unknown} raw */
    constructor(raw) {
      if (!(raw instanceof RawClient)) throw new TypeError("Call Vouchsafe.open() instead of `new Vouchsafe()`.");
      this.#raw = raw;
    }

    /**
     * @param {O} options
     * @returns {Promise<Vouchsafe>}
     */
    static async open(options) {
      const named = "the options object of Vouchsafe.open()";
      const { vault, keystore, invitationUrl, worker, onStep } = only(options, named, [...members, ...further]);
      const settings = {
        engine: engine(options),
        vault: text(vault, "vault"),
        keystore: text(keystore, "keystore"),
        invitationUrl: optional(invitationUrl, "invitationUrl", text) ?? thisPage(),
        onStep: guarded(optional(onStep, "onStep", callable)),
      };
      if (settings.engine === "web" && !hasWebCrypto()) {
        throw new VouchsafeError(
          "insecure_context",
          "The browser offers cryptography on secure pages only: open this page over https or on localhost, or import vouchsafe/full.",
        );
      }
      const module = await load(options);
      return calling(() => new Vouchsafe(new RawClient({ ...settings, work: workWith(module, worker ?? workerFile()) })));
    }

    /**
     * @param {Credentials} credentials
     * @returns {Promise<SignedUp>}
     */
    async signUp(credentials) {
      const checked = check(credentials);
      const { session, recoveryKey } = await calling(() => this.#raw.signUp(checked));
      return { session: openSession(session), recoveryKey };
    }

    /**
     * @param {Credentials} credentials
     * @returns {Promise<Session>}
     */
    async signIn(credentials) {
      const checked = check(credentials);
      return openSession(await calling(() => this.#raw.signIn(checked)));
    }

    /**
     * @param {RecoverOptions} options
     * @returns {Promise<SignedUp>}
     */
    async recover(options) {
      const { email, recoveryKey: old, passphrase } = only(options, "the options object of recover()", ["email", "recoveryKey", "passphrase"]);
      const checked = { email: text(email, "email"), recoveryKey: text(old, "recoveryKey"), passphrase: text(passphrase, "passphrase") };
      const { session, recoveryKey } = await calling(() => this.#raw.recover(checked));
      return { session: openSession(session), recoveryKey };
    }
  };
}

/** @param {Credentials} credentials */
function check(credentials) {
  const { email, passphrase } = only(credentials, "the object with email and passphrase", ["email", "passphrase"]);
  return { email: text(email, "email"), passphrase: text(passphrase, "passphrase") };
}

/** Browsers have it on secure pages only. */
export function hasWebCrypto() {
  return globalThis.crypto?.subtle !== undefined;
}

/** @returns {string | undefined} */
function thisPage() {
  return globalThis.location?.href.split("#", 1)[0];
}
