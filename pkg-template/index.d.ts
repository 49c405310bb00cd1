/**
 * Vouchsafe: end-to-end encrypted sharing for web apps.
 *
 * Times are milliseconds since 1970-01-01 UTC, as `Date.now()` gives them. Ids are lower-case UUIDs.
 * Promises reject with a {@link VouchsafeError}; anything else that is thrown is a defect of this package. An option that
 * may be left out may also be `undefined`.
 */

/** Where the services are, and what the app wants to know. */
export interface OpenOptions {
  /** The Vault's base URL, for example `https://example.com/vault`. */
  vault: string;
  /** The Keystore's base URL, for example `https://example.com/keystore`. */
  keystore: string;
  /** The page that invitation links lead to; the fragment is added. Default: this page without its fragment. */
  invitationUrl?: string | undefined;
  /**
   * The time for one request to a service, in whole milliseconds from 1000 to 600,000; its repetitions while the service is
   * away or busy, the waits between them and the token that it needs are included. Then the call fails. Default: 20,000. A
   * call that needs several requests may take longer; large cards over a slow line may need more.
   */
  timeout?: number | undefined;
  /**
   * The worker in which a passphrase is stretched (`vouchsafe-worker.js` of this package): its URL, or a function that
   * starts it, for every operation anew. Default: the file beside this module.
   */
  worker?: string | URL | (() => Worker) | undefined;
  /** Told of each step of the protocol as it ends, numbered as in the protocol's documentation. */
  onStep?: ((step: Step) => void) | undefined;
  /** Sessions lock after so many milliseconds without a call, see {@link Session.lockAfter}. Default: never. */
  lockAfter?: number | undefined;
}

/** What every call can be told besides. */
export interface CallOptions {
  /**
   * Ends the call: it rejects with `aborted`, with the signal's reason as `cause`. What was to be written was written or was
   * not, as when the connection breaks; nothing is left half done, and every call can be made again.
   */
  signal?: AbortSignal | undefined;
  /** Told how far the call is, by those that open or write many records. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** How far a call is. */
export interface Progress {
  /** Pieces of work that are done. */
  done: number;
  /** All of them: one for each record of a list or read, two for each person of {@link Session.shareWithMany}. */
  total: number;
}

/** Who finds a session again: this tab after a reload, or every tab of this browser. */
export type PersistScope = "tab" | "browser";

/** How a session is kept. */
export interface PersistOptions extends CallOptions {
  /** `tab`: until this tab is closed; a duplicate of it is the same session. `browser`: all tabs share it. */
  scope: PersistScope;
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
  | {
      /** The email address. Letter case and surrounding space do not matter. */
      email: string;
      /** Left out. */
      identityToken?: undefined;
    }
  | {
      /** The token, or what gives a fresh one. */
      identityToken: IdentityToken;
      /** Left out. */
      email?: undefined;
    };

/** Who it is, and the passphrase, which never leaves this device. */
export type Credentials = Who & CallOptions & {
  /** The passphrase, of 8 characters at least. */
  passphrase: string;
};

/** What a new account gets, and one that was recovered. */
export interface SignedUp {
  /** The person, signed in. */
  session: Session;
  /**
   * Opens the account when the passphrase is lost, see {@link Vouchsafe.recover}: 14 groups of four characters, shown here
   * and never again.
   */
  recoveryKey: string;
}

/** What opens an account whose passphrase is lost. Neither the key nor the passphrase leaves this device. */
export type RecoverOptions = Who & CallOptions & {
  /** As it was shown. Letter case, spaces and hyphens do not matter. */
  recoveryKey: string;
  /** The new passphrase. */
  passphrase: string;
};

/** One entry of a card. */
export interface Field {
  /** The field's name within the card, unique there: `number`. */
  name: string;
  /** What people read: `Number`. */
  label: string;
  /** What it says. */
  value: string;
}

/** What a card says, without where it is kept. */
export interface CardContent {
  /** The card's title: `Passport`. */
  label: string;
  /** The entries, in the order in which they are shown. */
  fields: Field[];
}

/** A card of one's own. */
export interface Card extends CardContent {
  /** The card's id. */
  id: string;
  /** Grows by one with every update. */
  version: number;
  /** When it was made. */
  createdAt: number;
  /** When it was last changed. */
  updatedAt: number;
}

/** A card's new content, and which version it replaces. A {@link Card} with other fields will do. */
export interface CardUpdate extends CardContent {
  /** The card's id. */
  id: string;
  /** The version that was read. */
  version: number;
}

/** A record of a page that cannot be opened, and why. The other records of the page are not affected. */
export interface Failure {
  /** The record's id. */
  id: string;
  /** Why it cannot be opened. */
  error: VouchsafeError;
}

/** What tells a record from a {@link Failure}. */
export interface Intact {
  /** There was none. */
  error?: undefined;
}

/** A record of a page: `error` tells whether it could be opened. */
export type Opened<T> = (T & Intact) | Failure;

/** One page of a list, newest first. */
export interface Page<T> {
  /** The records. */
  items: T[];
  /** Pass it as `cursor` to get the next page; `null` on the last one. */
  next: string | null;
}

/** Which page of a list. */
export interface PageOptions extends CallOptions {
  /** `next` of the page before. Default: the first page. */
  cursor?: string | undefined;
  /** How many records at most: 1 to 200; 50 by default. */
  limit?: number | undefined;
}

/** Which shares of one's own. */
export interface OutgoingOptions extends PageOptions {
  /** Only those with this connection. */
  connection?: string | undefined;
}

/** The passphrase, asked for again where it protects. */
export interface PassphraseOptions extends CallOptions {
  /** The account's passphrase. */
  passphrase: string;
  /**
   * Where the session is an identity's: a token in place of the one that was given before. A resumed session knows of none
   * until it is given one.
   */
  identityToken?: IdentityToken;
}

/** What replaces the passphrase. */
export interface ChangePassphraseOptions extends PassphraseOptions {
  /** The new one, of 8 characters at least. */
  newPassphrase: string;
}

/** How to accept an invitation. */
export interface AcceptOptions extends CallOptions {
  /** How this side calls the inviter. No server learns it. */
  name: string;
}

/** How an invitation gets there: the Vault mails it, or the inviter hands over a link. */
export type Delivery = "email" | "link";

/** What every invitation says. */
interface InviteBase extends CallOptions {
  /** How the inviter calls the invited person. No server learns it. */
  name: string;
  /** When the invitation ends. Default: in 14 days. */
  expiresAt?: number | Date | undefined;
}

/** An invitation that the Vault mails. The connection is unverified until the two people compare the safety number. */
export interface InviteByEmail extends InviteBase {
  /** Mailed. */
  delivery: "email";
  /** Where the mail goes. */
  email: string;
}

/** An invitation that the inviter hands over as a secret link. The connection is verified by it. */
export interface InviteByLink extends InviteBase {
  /** Handed over. */
  delivery: "link";
  /** Not sent anywhere, and not kept. */
  email?: string | undefined;
}

/** Whom to invite, and how the invitation gets there. */
export type InviteOptions = InviteByEmail | InviteByLink;

/** What became of an invitation. */
export type InvitationState = "pending" | "accepted" | "declined" | "cancelled" | "expired";

/** What every invitation has. */
interface InvitationBase {
  /** The invitation's id, and that of the connection which it becomes. */
  id: string;
  /** What became of it. */
  state: InvitationState;
  /** The name that the inviter gave to the invited person. No server knows it. */
  name: string;
  /** When it was made. */
  createdAt: number;
  /** When it ends. */
  expiresAt: number;
}

/** An invitation that was mailed. */
export interface MailInvitation extends InvitationBase {
  /** Mailed. */
  delivery: "email";
  /** Where the mail went, as the Vault says. */
  email: string | null;
  /** The mail holds it. */
  link: null;
}

/** An invitation by a link. */
export interface LinkInvitation extends InvitationBase {
  /** Handed over. */
  delivery: "link";
  /** No server was told. */
  email: null;
  /**
   * The secret link. Whoever opens it first can accept. `null` when the invitation is no longer pending, and when
   * {@link OpenOptions.invitationUrl} is missing.
   */
  link: string | null;
}

/** An invitation of one's own; `delivery` tells which kind. */
export type Invitation = MailInvitation | LinkInvitation;

/** A link to hand over. */
export interface NewLink extends LinkInvitation {
  /** The secret link. Whoever opens it first can accept. */
  link: string;
}

/** An invitation as a link, of either kind: the inviter's, or the one in an invitation mail. */
export interface LinkTicket {
  /** The whole link, with its fragment. */
  link: string;
}

/** An invitation as the parts of an invitation mail. */
export interface MailTicket {
  /** The invitation's id. */
  id: string;
  /** The token, which is the right to accept. */
  token: string;
}

/** An invitation as the invited person holds it. */
export type InvitationTicket = LinkTicket | MailTicket;

/**
 * How sure it is that the keys are the other person's.
 *
 * - `unverified`: they came from the Vault alone. Compare the safety number.
 * - `verified`: see `verifiedBy`.
 * - `changed`: the Vault serves other keys than before. Do not share; compare the safety number in person.
 */
export type Trust = "unverified" | "verified" | "changed";

/** What every connection has. */
interface ConnectionBase {
  /** The connection's id, which the invitation had, too. */
  id: string;
  /** Whether it is in force. */
  state: "active" | "ended";
  /** The name that this side gave to the other person. No server knows it. */
  name: string;
  /** The other person's account id. */
  account: string;
  /** Who invited whom: which one this side was. */
  role: "inviter" | "invitee";
  /** When it was made. */
  createdAt: number;
}

/** A connection with a person whose keys are certain. */
export interface VerifiedConnection extends ConnectionBase {
  /** The keys are the other person's. */
  trust: "verified";
  /** What made it sure: the two people compared the safety number, or the inviter handed over the link. */
  verifiedBy: "safetyNumber" | "link";
  /** 60 digits in groups of five, the same on both sides when nobody stands between. */
  safetyNumber: string;
}

/** A connection with a person whose keys are not certain. */
export interface UncertainConnection extends ConnectionBase {
  /** See {@link Trust}. */
  trust: Exclude<Trust, "verified">;
  /** Nothing did. */
  verifiedBy: null;
  /** 60 digits in groups of five, the same on both sides when nobody stands between. `null` when nothing is pinned. */
  safetyNumber: string | null;
}

/** A connection with another person; `trust` tells which kind. */
export type Connection = VerifiedConnection | UncertainConnection;

/** What to share with one person. */
export interface ShareOptions extends CallOptions {
  /** The card's id. */
  card: string;
  /** The connection's id. */
  connection: string;
  /** The names of the fields to share; default: all. */
  fields?: readonly string[] | undefined;
  /** When reading ends. Default: never. */
  expiresAt?: number | Date | undefined;
  /** Share although the connection is not verified. */
  acceptUnverified?: boolean | undefined;
}

/** What to share with several people. */
export interface ShareWithManyOptions extends Omit<ShareOptions, "connection"> {
  /** The connections' ids. */
  connections: readonly string[];
}

/** A share: one card, written once, for one person. */
export interface Share {
  /** The share's id. */
  id: string;
  /** The connection's id. */
  connection: string;
  /** The encryption space that holds the share's key. */
  space: string;
  /** The sender's account id. */
  from: string;
  /** The recipient's account id. */
  to: string;
  /** When it was made. */
  createdAt: number;
  /** When reading ends. `null`: it does not expire. */
  expiresAt: number | null;
}

/** A share that one sent. */
export interface OutgoingShare extends Share {
  /** Whether the recipient has claimed the key, which they do when they first read. The Keystore says so. */
  claimed: boolean;
}

/** A connection with which {@link Session.shareWithMany} shared. */
export interface Shared {
  /** The connection's id. */
  connection: string;
  /** The share. */
  share: Share;
  /** There was none. */
  error: null;
}

/** A connection with which {@link Session.shareWithMany} could not share. */
export interface NotShared {
  /** The connection's id. */
  connection: string;
  /** There is none. */
  share: null;
  /** Why. */
  error: VouchsafeError;
}

/** The outcome for one connection of {@link Session.shareWithMany}; `error` tells which. */
export type ShareResult = Shared | NotShared;

/** Who sent something. */
export interface Sender {
  /** The account id. */
  account: string;
  /** The name that this side gave them. */
  name: string;
}

/** A share that was opened and whose sender was checked. */
export interface ReceivedShare {
  /** What was shared. */
  card: CardContent;
  /** Whose signature it has. */
  from: Sender;
  /** What is known of the sender's keys. */
  trust: Trust;
  /** The share. */
  share: Share;
}

/** A share that {@link Session.readShares} opened. */
export interface Read {
  /** The share's id. */
  id: string;
  /** What it says. */
  received: ReceivedShare;
  /** There was none. */
  error: null;
}

/** A share that {@link Session.readShares} could not open. */
export interface NotRead {
  /** The share's id. */
  id: string;
  /** There is none. */
  received: null;
  /** Why. */
  error: VouchsafeError;
}

/** The outcome for one share of {@link Session.readShares}; `error` tells which. */
export type ReadResult = Read | NotRead;

/** Something that happened. */
export interface LiveEvent {
  /** What it happened to, or `revoked` for a share that was taken back. */
  kind: LiveEventKind;
  /** The id of the invitation, connection or share. */
  id: string;
}

/** What {@link Session.on} can listen to. */
export type LiveEventKind = "invitation" | "connection" | "share" | "revoked";

/** Something that happened to the session itself, here or in another tab that shares it. */
export interface SessionEvent {
  /** What happened. */
  kind: SessionEventKind;
}

/** `ended`: it was signed out, or the account was deleted. */
export type SessionEventKind = "locked" | "unlocked" | "ended";

/** Ends listening. It can also be the subject of `using`. */
export interface Unsubscribe {
  /** Ends it. */
  (): void;
  /** The same. */
  [Symbol.dispose](): void;
}

/** The package's entry: knows the services, opens sessions. */
export class Vouchsafe {
  /** Loads the WebAssembly module, once for the page, and prepares the client. Sends nothing. */
  static open(options: OpenOptions): Promise<Vouchsafe>;
  /** Not for apps: call {@link Vouchsafe.open}. */
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
  /**
   * The session that {@link Session.persist} kept, without a passphrase: this tab's, or else the browser's; `null` if there is
   * none. It comes back locked when it was locked, or not used for {@link Session.lockAfter}. Sends nothing. Rejects with
   * `storage_unavailable`.
   */
  resume(): Promise<Session | null>;
}

/** A signed-in person. */
export class Session {
  /** Not for apps: call {@link Vouchsafe.signUp} or {@link Vouchsafe.signIn}. */
  private constructor();
  /** The account id. */
  readonly account: string;
  /** The email address as the Keystore keeps it; `null` for somebody who came with an identity token. */
  readonly email: string | null;
  /** Whether the keys are forgotten; see {@link Session.lock}. */
  readonly locked: boolean;

  /**
   * Keeps the session beyond the page, for {@link Vouchsafe.resume}, until {@link Session.signOut}. Stored are ciphertexts,
   * under a key that the browser does not give away; after {@link Session.lock} no key of the account among them. Rejects
   * with `storage_unavailable`, as in some private windows; the session goes on.
   */
  persist(options: PersistOptions): Promise<void>;
  /**
   * Locks the session after so many milliseconds without a call, in any tab that shares it; `null`: never. Time counts while
   * the machine sleeps, and while no page is open. Listening is no call.
   */
  lockAfter(milliseconds: number | null): void;

  /** Makes a card, encrypted before it leaves this device. Rejects with `bad_input`, `too_large`. */
  createCard(content: CardContent, options?: CallOptions): Promise<Card>;
  /** One's own cards, newest first. A card that does not open is a {@link Failure}. */
  cards(options?: PageOptions): Promise<Page<Opened<Card>>>;
  /** One of one's own cards. Rejects with `not_found`. */
  card(id: string, options?: CallOptions): Promise<Card>;
  /** Replaces label and fields of the card. Rejects with `conflict` when it was changed elsewhere since it was read. */
  updateCard(card: CardUpdate, options?: CallOptions): Promise<Card>;
  /** Deletes a card. What was shared of it stays shared. */
  deleteCard(id: string, options?: CallOptions): Promise<void>;

  /** Invites somebody to connect. The result's `link` is to be handed over by the inviter. */
  invite(options: InviteByLink): Promise<NewLink>;
  /** Invites somebody to connect. The Vault sends the mail. */
  invite(options: InviteByEmail): Promise<MailInvitation>;
  /** Invites somebody to connect. */
  invite(options: InviteOptions): Promise<Invitation>;
  /** One's own invitations, newest first. */
  invitations(options?: PageOptions): Promise<Page<Opened<Invitation>>>;
  /** Takes an invitation back: nobody can accept it any more. Rejects with `invitation_used` when somebody did. */
  cancelInvitation(id: string, options?: CallOptions): Promise<Invitation>;
  /** Declines somebody's invitation: nobody can accept it any more. */
  declineInvitation(ticket: InvitationTicket, options?: CallOptions): Promise<void>;
  /** Accepts an invitation; `name` is how this side calls the inviter. Repeated, it returns the same connection. */
  accept(ticket: InvitationTicket, options: AcceptOptions): Promise<Connection>;

  /** One's connections, newest first. One that cannot be checked is a {@link Failure}. */
  connections(options?: PageOptions): Promise<Page<Opened<Connection>>>;
  /** One connection. Rejects with `not_found`. */
  connection(id: string, options?: CallOptions): Promise<Connection>;
  /** Notes that the two people compared the safety number. Rejects with `safety_number_mismatch`. */
  markVerified(id: string, safetyNumber: string, options?: CallOptions): Promise<Connection>;
  /** Ends the connection and revokes every share sent to that person. What was read cannot be unread. */
  disconnect(id: string, options?: CallOptions): Promise<void>;

  /**
   * Shares a card or some of its fields with one person. Rejects with `connection_unverified` unless told otherwise. A call
   * that is aborted takes the share back.
   */
  share(options: ShareOptions): Promise<Share>;
  /** Shares a card with several people in one go; each has a result of its own. */
  shareWithMany(options: ShareWithManyOptions): Promise<ShareResult[]>;
  /** What one shares, newest first. */
  outgoingShares(options?: OutgoingOptions): Promise<Page<OutgoingShare>>;
  /** Deletes the share and its key. What was read cannot be unread. */
  revokeShare(id: string, options?: CallOptions): Promise<void>;

  /** What others share with this person, newest first. Nothing is opened by it. */
  incomingShares(options?: PageOptions): Promise<Page<Share>>;
  /** Opens a share, checks who sent it, and claims its key. The sender can open it too. */
  readShare(id: string, options?: CallOptions): Promise<ReceivedShare>;
  /** Opens up to 50 shares together; each has a result of its own. */
  readShares(ids: readonly string[], options?: CallOptions): Promise<ReadResult[]>;

  /**
   * Calls `listener` when something happens, from now on. Returns a function that ends it. Whatever breaks the connection,
   * sleep among it, nothing is lost: the listener is called when it is back, for a session that is kept after a reload, too.
   */
  on(kind: LiveEventKind, listener: (event: LiveEvent) => void): Unsubscribe;
  /** Calls `listener` when the session is locked, unlocked or ended, by whatever and wherever. */
  on(kind: SessionEventKind, listener: (event: SessionEvent) => void): Unsubscribe;

  /** Forgets every key, in all tabs that share the session. Calls fail with `locked` until {@link Session.unlock}. */
  lock(): Promise<void>;
  /** Gets the keys again. Rejects with `wrong_credentials`. */
  unlock(options: PassphraseOptions): Promise<void>;

  /**
   * Replaces the passphrase; all other sessions of the account end, this one goes on. Rejects with `wrong_credentials`, and
   * with `conflict` or `session_expired` when another device was faster. After an interruption, call it again with the
   * same arguments.
   */
  changePassphrase(options: ChangePassphraseOptions): Promise<void>;
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
  signOut(options?: CallOptions): Promise<void>;

  /**
   * Forgets every key in this tab and frees the session's memory, at the end of a block with `using`. Later calls fail with
   * `session_expired`. What is kept stays: {@link Vouchsafe.resume} finds it.
   */
  [Symbol.dispose](): void;
  /** The same, once everything that is to be kept is stored. */
  [Symbol.asyncDispose](): Promise<void>;
}

declare global {
  /** As TypeScript has it in `esnext.disposable`, for those who do not load that. */
  interface SymbolConstructor {
    /** The method that `using` calls. */
    readonly dispose: unique symbol;
    /** The method that `await using` calls. */
    readonly asyncDispose: unique symbol;
  }
}

/** Every reason for which a call can fail; `errors.md` of this package tells when each occurs. */
export type ErrorCode =
  | "wrong_credentials" | "identity_rejected" | "recovery_needed" | "email_taken" | "session_expired" | "locked"
  | "invitation_expired" | "invitation_used" | "invitation_cancelled" | "invitation_declined"
  | "not_found" | "connection_unverified" | "safety_number_mismatch" | "peer_key_changed"
  | "share_expired" | "record_rejected" | "conflict" | "bad_input" | "too_large" | "rate_limited"
  | "offline" | "aborted" | "server_error" | "no_randomness" | "insecure_context" | "worker_unavailable" | "storage_unavailable";

/** The codes for which the same call can succeed later without anybody doing anything. */
export type RetryableCode = "rate_limited" | "offline" | "server_error";

/** What {@link VouchsafeError} takes besides code and message. */
export interface VouchsafeErrorOptions {
  /** What the error came from. */
  cause?: unknown;
}

/** A failed call. `message` says in a sentence what to do. */
export class VouchsafeError extends Error {
  /** For tests of an app; calls of this package make their own. */
  constructor(code: ErrorCode, message: string, options?: VouchsafeErrorOptions);
  /** `VouchsafeError`. */
  readonly name: "VouchsafeError";
  /** The reason. */
  readonly code: ErrorCode;
  /** Whether the same call can succeed later without anybody doing anything: the code is a {@link RetryableCode}. */
  readonly retryable: boolean;
  /** What the error came from, if the platform or the app threw it. */
  readonly cause?: unknown;
}

/** A failed call, and why. */
export interface VouchsafeErrorOf<C extends ErrorCode> extends VouchsafeError {
  /** The reason. */
  readonly code: C;
}

/** Whether `error` is a {@link VouchsafeError}, of a second copy of this package, too. */
export function isVouchsafeError(error: unknown): error is VouchsafeError;
/** Whether `error` is a {@link VouchsafeError} of this code. */
export function isVouchsafeError<C extends ErrorCode>(error: unknown, code: C): error is VouchsafeErrorOf<C>;
