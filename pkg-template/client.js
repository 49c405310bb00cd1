/** The package's entry class. */

import { RawClient } from "./glue.js";
import { callable, optional, options as only, text } from "./checks.js";
import { VouchsafeError, calling } from "./errors.js";
import { fresh, whoOf } from "./identity.js";
import { guarded, openSession } from "./session.js";
import { finishWith } from "./worker.js";

/** @typedef {import("./index.d.ts").Credentials} Credentials */
/** @typedef {import("./index.d.ts").OpenOptions} OpenOptions */
/** @typedef {import("./index.d.ts").RecoverOptions} RecoverOptions */
/** @typedef {import("./index.d.ts").SignedUp} SignedUp */
/** @typedef {import("./index.d.ts").Session} Session */

const members = ["vault", "keystore", "invitationUrl", "worker", "onStep"];

/**
 * The class `Vouchsafe` of an entry that gets the module by `load`.
 *
 * @param {() => Promise<WebAssembly.Module>} load
 */
export function defineVouchsafe(load) {
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
     * @param {OpenOptions} options
     * @returns {Promise<Vouchsafe>}
     */
    static async open(options) {
      const { vault, keystore, invitationUrl, worker, onStep } = only(options, "the options object of Vouchsafe.open()", members);
      const settings = {
        vault: text(vault, "vault"),
        keystore: text(keystore, "keystore"),
        invitationUrl: optional(invitationUrl, "invitationUrl", text) ?? thisPage(),
        onStep: guarded(optional(onStep, "onStep", callable)),
      };
      if (!globalThis.crypto?.subtle) {
        throw new VouchsafeError(
          "insecure_context",
          "The browser offers cryptography on secure pages only: open this page over https, or on localhost.",
        );
      }
      const module = await load();
      return calling(() => new Vouchsafe(new RawClient({ ...settings, finish: finishWith(module, worker) })));
    }

    /**
     * @param {Credentials} credentials
     * @returns {Promise<SignedUp>}
     */
    async signUp(credentials) {
      const { identityToken, ...checked } = check(credentials);
      const given = { ...checked, identityToken: await fresh(identityToken) };
      const { session, recoveryKey } = await calling(() => this.#raw.signUp(given));
      return { session: openSession(session, identityToken), recoveryKey };
    }

    /**
     * @param {Credentials} credentials
     * @returns {Promise<Session>}
     */
    async signIn(credentials) {
      const { identityToken, ...checked } = check(credentials);
      const given = { ...checked, identityToken: await fresh(identityToken) };
      return openSession(await calling(() => this.#raw.signIn(given)), identityToken);
    }

    /**
     * @param {RecoverOptions} options
     * @returns {Promise<SignedUp>}
     */
    async recover(options) {
      const { recoveryKey: old, passphrase } = only(options, "the options object of recover()", ["email", "identityToken", "recoveryKey", "passphrase"]);
      const { identityToken, ...who } = whoOf(options);
      const checked = { ...who, recoveryKey: text(old, "recoveryKey"), passphrase: text(passphrase, "passphrase") };
      const given = { ...checked, identityToken: await fresh(identityToken) };
      const { session, recoveryKey } = await calling(() => this.#raw.recover(given));
      return { session: openSession(session, identityToken), recoveryKey };
    }
  };
}

/** @param {Credentials} credentials */
function check(credentials) {
  const { passphrase } = only(credentials, "the object with email and passphrase", ["email", "identityToken", "passphrase"]);
  return { ...whoOf(credentials), passphrase: text(passphrase, "passphrase") };
}

/** @returns {string | undefined} */
function thisPage() {
  return globalThis.location?.href.split("#", 1)[0];
}
