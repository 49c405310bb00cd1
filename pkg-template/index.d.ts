/**
 * Vouchsafe: end-to-end encrypted sharing for web apps.
 *
 * Times are milliseconds since 1970-01-01 UTC, as `Date.now()` gives them. Ids are lower-case UUIDs.
 * Promises reject with a {@link VouchsafeError}; anything else that is thrown is a defect of this package.
 */

/** Where the services are, and what the app wants to know. */
export interface OpenOptions {
  /** The Vault's base URL, for example `https://example.com/vault`. */
  vault: string;
  /** The Keystore's base URL, for example `https://example.com/keystore`. */
  keystore: string;
  /** The page that invitation links lead to; the fragment is added. Default: this page without its fragment. */
  invitationUrl?: string;
  /**
   * The worker in which a passphrase is stretched (`vouchsafe-worker.js` of this package): its URL, or a function that
   * starts it. Default: the file beside this module.
   */
  worker?: string | URL | (() => Worker);
  /** Told of each step of the protocol as it ends, numbered as in the protocol's documentation. */
  onStep?: (step: Step) => void;
}

/** A step of the protocol that ended. */
export interface Step {
  /** The step's number, 1 to 43. */
  number: number;
  /** What was done, in a few words. */
  title: string;
  /** How long it took, in milliseconds. */
  duration: number;
}

/**
 * What an OpenID Connect provider says of who somebody is: an ID token, or a JWT access token. Given as a function, it is
 * called when a fresh one is needed: now, and whenever the session asks for the passphrase again. When the function
 * throws, the call rejects with `identity_rejected`.
 */
export type IdentityToken = string | (() => string | Promise<string>);

/**
 * Who it is: by an email address that the Keystore keeps, or by an identity token of the app's own sign-in, whose provider
 * the Keystore was told of.
 */
export type Who =
  | { email: string; identityToken?: undefined }
  | { identityToken: IdentityToken; email?: undefined };

/** Who it is, and the passphrase, which never leaves this device. */
export type Credentials = Who & { passphrase: string };

/** What a new account gets, and one that was recovered. */
export interface SignedUp {
  session: Session;
  /**
   * Opens the account when the passphrase is lost, see {@link Vouchsafe.recover}: 14 groups of four characters, shown here
   * and never again.
   */
  recoveryKey: string;
}

/** What opens an account whose passphrase is lost. Neither the key nor the passphrase leaves this device. */
export type RecoverOptions = Who & {
  /** As it was shown. Letter case, spaces and hyphens do not matter. */
  recoveryKey: string;
  /** The new passphrase. */
  passphrase: string;
};

/** What a signed-in person is asked for again. */
export interface PassphraseOptions {
  passphrase: string;
  /** Where the session is an identity's: a token in place of the one that was given before. */
  identityToken?: IdentityToken;
}

/** One entry of a card. */
export interface Field {
  /** The field's name within the card, unique there: `number`. */
  name: string;
  /** What people read: `Number`. */
  label: string;
  value: string;
}

/** What a card says, without where it is kept. */
export interface CardContent {
  label: string;
  fields: Field[];
}

/** A card of one's own. */
export interface Card extends CardContent {
  id: string;
  /** Grows by one with every update. */
  version: number;
  createdAt: number;
  updatedAt: number;
}

/** A record of a page that cannot be opened, and why. The other records of the page are not affected. */
export interface Failure {
  id: string;
  error: VouchsafeError;
}

/** One page of a list, newest first. */
export interface Page<T> {
  items: T[];
  /** Pass it as `cursor` to get the next page; `null` on the last one. */
  next: string | null;
}

/** Which page of a list. */
export interface PageOptions {
  cursor?: string;
  /** 1 to 200; 50 by default. */
  limit?: number;
}

export type Delivery = "email" | "link";

/** Whom to invite, and how the invitation gets there. */
export type InviteOptions =
  | { delivery: "email"; email: string; name: string; expiresAt?: number | Date }
  | { delivery: "link"; email?: string; name: string; expiresAt?: number | Date };

/** An invitation of one's own. */
export interface Invitation {
  id: string;
  delivery: Delivery;
  state: "pending" | "accepted" | "declined" | "cancelled" | "expired";
  /** Where the mail went; `null` for a link. */
  email: string | null;
  /** The name that the inviter gave to the invited person. No server knows it. */
  name: string;
  /** The secret link, for `delivery: "link"` while the invitation is pending; else `null`. Whoever opens it first can accept. */
  link: string | null;
  createdAt: number;
  expiresAt: number;
}

/** An invitation as the invited person holds it: the link, or the id and the token of an invitation mail. */
export type InvitationTicket = { link: string } | { id: string; token: string };

/**
 * How sure it is that the keys are the other person's.
 *
 * - `unverified`: they came from the Vault alone. Compare the safety number.
 * - `verified`: see `verifiedBy`.
 * - `changed`: the Vault serves other keys than before. Do not share; compare the safety number in person.
 */
export type Trust = "unverified" | "verified" | "changed";

/** A connection with another person. */
export interface Connection {
  id: string;
  state: "active" | "ended";
  /** The name that this side gave to the other person. No server knows it. */
  name: string;
  /** The other person's account id. */
  account: string;
  trust: Trust;
  /** How it was verified; `null` unless `trust` is `verified`. */
  verifiedBy: "safetyNumber" | "link" | null;
  /** 60 digits in groups of five, the same on both sides when nobody stands between. `null` when nothing is pinned. */
  safetyNumber: string | null;
  /** Who invited whom. */
  role: "inviter" | "invitee";
  createdAt: number;
}

/** What to share with one person. */
export interface ShareOptions {
  /** The card's id. */
  card: string;
  /** The connection's id. */
  connection: string;
  /** The names of the fields to share; default: all. */
  fields?: string[];
  /** When reading ends. Default: never. */
  expiresAt?: number | Date;
  /** Share although the connection is not verified. */
  acceptUnverified?: boolean;
}

/** What to share with several people. */
export interface ShareWithManyOptions extends Omit<ShareOptions, "connection"> {
  connections: string[];
}

/** A share: one card, written once, for one person. */
export interface Share {
  id: string;
  connection: string;
  /** The encryption space that holds the share's key. */
  space: string;
  /** The sender's account id. */
  from: string;
  /** The recipient's account id. */
  to: string;
  createdAt: number;
  /** `null`: it does not expire. */
  expiresAt: number | null;
}

/** A share that one sent. */
export interface OutgoingShare extends Share {
  /** Whether the recipient has claimed the key, which they do when they first read. The Keystore says so. */
  claimed: boolean;
}

/** The outcome for one connection of {@link Session.shareWithMany}. */
export type ShareResult =
  | { connection: string; share: Share; error: null }
  | { connection: string; share: null; error: VouchsafeError };

/** A share that was opened and whose sender was checked. */
export interface ReceivedShare {
  card: CardContent;
  /** The sender: account id, and the name this side gave them. */
  from: { account: string; name: string };
  /** What is known of the sender's keys. */
  trust: Trust;
  share: Share;
}

/** The outcome for one share of {@link Session.readShares}. */
export type ReadResult =
  | { id: string; received: ReceivedShare; error: null }
  | { id: string; received: null; error: VouchsafeError };

/** Something that happened; `id` is the record's: the invitation's, connection's or share's. */
export interface LiveEvent {
  kind: LiveEventKind;
  id: string;
}

export type LiveEventKind = "invitation" | "connection" | "share" | "revoked";

/** The package's entry: knows the services, opens sessions. */
export class Vouchsafe {
  /** Loads the WebAssembly module, once for the page, and prepares the client. Sends nothing. */
  static open(options: OpenOptions): Promise<Vouchsafe>;
  private constructor();
  /**
   * Makes an account and signs it in. Rejects with `email_taken` (there is an account already, for the address or the
   * identity), `bad_input` (passphrase under 8 characters), `identity_rejected`.
   */
  signUp(credentials: Credentials): Promise<SignedUp>;
  /**
   * Signs in. Rejects with `wrong_credentials`, where there is no account too, with `identity_rejected`, and with
   * `recovery_needed` when the Keystore can no longer check passphrases.
   */
  signIn(credentials: Credentials): Promise<Session>;
  /**
   * Sets a new passphrase with the recovery key, and signs in. All other sessions end; the old recovery key does, too, and
   * the result holds a new one. Rejects with `bad_input` (a key with a typing error, before anything is sent) and
   * `wrong_credentials`. After an interruption, call it again with the same arguments (and a fresh identity token).
   */
  recover(options: RecoverOptions): Promise<SignedUp>;
}

/** A signed-in person. */
export class Session {
  private constructor();
  /** The account id. */
  readonly account: string;
  /** The email address as the Keystore keeps it; `null` for somebody who came with an identity token. */
  readonly email: string | null;
  /** Whether the keys are forgotten; see {@link Session.lock}. */
  readonly locked: boolean;

  createCard(content: CardContent): Promise<Card>;
  /** One's own cards, newest first. A card that does not open is a {@link Failure}. */
  cards(options?: PageOptions): Promise<Page<Card | Failure>>;
  card(id: string): Promise<Card>;
  /** Replaces label and fields of the card. Rejects with `conflict` when it was changed elsewhere since it was read. */
  updateCard(card: CardContent & { id: string; version: number }): Promise<Card>;
  deleteCard(id: string): Promise<void>;

  /** Invites somebody to connect. For `delivery: "link"` the result's `link` is to be handed over by the inviter. */
  invite(options: InviteOptions): Promise<Invitation>;
  /** One's own invitations, newest first. */
  invitations(options?: PageOptions): Promise<Page<Invitation | Failure>>;
  cancelInvitation(id: string): Promise<Invitation>;
  declineInvitation(ticket: InvitationTicket): Promise<void>;
  /** Accepts an invitation; `name` is how this side calls the inviter. Repeated, it returns the same connection. */
  accept(ticket: InvitationTicket, options: { name: string }): Promise<Connection>;

  connections(options?: PageOptions): Promise<Page<Connection | Failure>>;
  connection(id: string): Promise<Connection>;
  /** Notes that the two people compared the safety number. Rejects with `safety_number_mismatch`. */
  markVerified(id: string, safetyNumber: string): Promise<Connection>;
  /** Ends the connection and revokes every share sent to that person. What was read cannot be unread. */
  disconnect(id: string): Promise<void>;

  /** Shares a card or some of its fields with one person. Rejects with `connection_unverified` unless told otherwise. */
  share(options: ShareOptions): Promise<Share>;
  /** Shares a card with several people in one go; each has a result of its own. */
  shareWithMany(options: ShareWithManyOptions): Promise<ShareResult[]>;
  outgoingShares(options?: PageOptions & { connection?: string }): Promise<Page<OutgoingShare>>;
  /** Deletes the share and its key. What was read cannot be unread. */
  revokeShare(id: string): Promise<void>;

  incomingShares(options?: PageOptions): Promise<Page<Share>>;
  /** Opens a share, checks who sent it, and claims its key. The sender can open it too. */
  readShare(id: string): Promise<ReceivedShare>;
  /** Opens up to 50 shares together; each has a result of its own. */
  readShares(ids: string[]): Promise<ReadResult[]>;

  /** Calls `listener` when something happens, from now on. Returns a function that ends it. */
  on(kind: LiveEventKind, listener: (event: LiveEvent) => void): () => void;

  /** Forgets every key. Calls fail with `locked` until {@link Session.unlock}. */
  lock(): Promise<void>;
  unlock(options: PassphraseOptions): Promise<void>;

  /**
   * Replaces the passphrase; all other sessions of the account end, this one goes on. Rejects with `wrong_credentials`, and
   * with `conflict` or `session_expired` when another device was faster. After an interruption, call it again with the
   * same arguments.
   */
  changePassphrase(options: PassphraseOptions & { newPassphrase: string }): Promise<void>;
  /**
   * Makes a new recovery key, to be shown once. The one before opens nothing any more, and all other sessions end. Rejects
   * like {@link Session.changePassphrase}.
   */
  makeRecoveryKey(options: PassphraseOptions): Promise<string>;
  /**
   * Deletes the account and everything in it; connections end, shares are revoked. What was read cannot be unread. After an
   * interruption, call it again.
   */
  deleteAccount(options: PassphraseOptions): Promise<void>;
  /** Forgets every key and ends the session at the Keystore. When that cannot be reached, the session lives on: call it again. */
  signOut(): Promise<void>;
}

/** Every reason for which a call can fail. */
export type ErrorCode =
  | "wrong_credentials" | "identity_rejected" | "recovery_needed" | "email_taken" | "session_expired" | "locked"
  | "invitation_expired" | "invitation_used" | "invitation_cancelled" | "invitation_declined"
  | "not_found" | "connection_unverified" | "safety_number_mismatch" | "peer_key_changed"
  | "share_expired" | "record_rejected" | "conflict" | "bad_input" | "too_large" | "rate_limited"
  | "offline" | "aborted" | "server_error" | "insecure_context" | "worker_unavailable";

/** A failed call. `message` says in a sentence what to do. */
export class VouchsafeError extends Error {
  constructor(code: ErrorCode, message: string, options?: ErrorOptions);
  readonly code: ErrorCode;
}

/** Whether `error` is a {@link VouchsafeError}, and of this code if one is given. */
export function isVouchsafeError(error: unknown, code?: ErrorCode): error is VouchsafeError;
