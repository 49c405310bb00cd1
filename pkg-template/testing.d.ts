/**
 * A stand-in for the package, for tests of apps: the same calls and errors, answered in memory, at once and without
 * WebAssembly, network, browser or services. It encrypts nothing.
 *
 * Whatever an app imports from `vouchsafe` is here, too. All that is opened here is of one world, which {@link StandIn.reset}
 * empties. `onStep` is never called, and nothing has a quota or a rate.
 */

import type { ErrorCode, Quota, Session, Vouchsafe } from "./index.js";

export * from "./index.js";

/** The names of the methods of `T` that give a promise. */
export type PromisesOf<T> = { [K in keyof T]: T[K] extends (...given: never[]) => Promise<unknown> ? K : never }[keyof T] & string;

/** A call that can be made to fail, or to wait: one that gives a promise. */
export type Call = "open" | PromisesOf<Vouchsafe> | PromisesOf<Session>;

/** Details of an error on demand. */
export interface FailOptions {
  /** How many calls fail, one after the other. `Infinity`: all, until {@link StandIn.reset}. Default: 1. */
  times?: number | undefined;
  /** The error's message. Default: the package's. */
  message?: string | undefined;
  /** For `quota_exceeded`: what the account has too much of. */
  quota?: Quota | undefined;
  /** For `bad_input`: the argument that is not usable. */
  argument?: string | undefined;
  /** For `rate_limited`: milliseconds after which the service takes the call again. */
  retryAfter?: number | undefined;
  /** The error's `cause`. */
  cause?: unknown;
}

/** A mail that the Vault would have sent. */
export interface Mail {
  /** The address. */
  to: string;
  /** The link of an invitation; `null` in a mail with a code. */
  link: string | null;
  /** The code that {@link Session.confirmEmail} takes; `null` in an invitation. */
  code: string | null;
  /** The tag of the language that the app asked for; `null` if it named none. */
  language: string | null;
  /** The time at which it was sent. */
  sentAt: number;
}

/** What a test sees of the services, and does to them. */
export interface StandIn {
  /** The mails of all people, newest first. */
  readonly mails: Mail[];
  /** Forgets accounts, records, mails, kept sessions, and errors on demand. Sessions of before are over. */
  reset(): void;
  /** Makes the next call of this name, by whomever, fail with this code, whatever it is about. It changes nothing then. */
  failNext(call: Call, code: ErrorCode, options?: FailOptions): void;
  /** Makes the next call of this name wait until the returned function is called: to see a page at work, or to abort it. */
  hold(call: Call): () => void;
  /** Makes a card, an invitation, a connection or a share one that does not open: `record_rejected`, in lists as in calls. */
  damage(id: string): void;
  /** Makes the Vault show other keys for this account from now on: to all others its `trust` is `changed`. */
  changeKeys(account: string): void;
}

/** What a test sees of the services, and does to them. */
export const standIn: StandIn;
