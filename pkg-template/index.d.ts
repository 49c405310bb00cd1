/**
 * Vouchsafe: end-to-end encrypted sharing for web apps.
 *
 * Times are milliseconds since 1970-01-01 UTC, as `Date.now()` gives them. Ids are lower-case UUIDs.
 * Promises reject with a {@link VouchsafeError}; anything else that is thrown is a defect of this package. An option that
 * may be left out may also be `undefined`.
 */

/** The services' addresses, and settings for the whole page. */
export interface OpenOptions {
  /** The Vault's base URL, for example `https://example.com/vault`. */
  vault: string;
  /**
   * The Keystore's base URL, for example `https://example.com/keystore`. Signing in proves it: the Keystore has to know
   * itself by this address.
   */
  keystore: string;
  /**
   * The address of the page that links open, such as `https://example.com/invited`: in full, with http or https, and without a
   * fragment, since one is added to it. Links in mails lead there, too: the operator of the Vault has to list it
   * (`--invitation-url`), else inviting by mail is `bad_input`. Default: this page without its query and fragment; for mails the
   * first page of that list.
   */
  invitationUrl?: string | undefined;
  /**
   * The time for one request to a service, in whole milliseconds from 1000 to 600,000. It covers the repetitions while the
   * service is away or busy, the waits between them, and the token that the request needs; then the call fails. A call that
   * needs several requests may take longer, and large cards over a slow line may need more. Default: 20,000.
   */
  timeout?: number | undefined;
  /**
   * Sends every request to a service, in place of the page's `fetch`: through a proxy, with headers of the app's own, or to a
   * stand-in. It must pass on all of the request, and give the answer unread and without following a redirect. What it throws
   * becomes the `cause` of `offline`.
   */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /**
   * The worker that stretches passphrases (`vouchsafe-worker.js` of this package): its URL, or a function that starts a new
   * one for every operation. Where the file starts none, one is made of what is loaded already. Default: the file beside this
   * module.
   */
  worker?: string | URL | (() => Worker) | undefined;
  /** Called for each step of the protocol as it ends. */
  onStep?: ((step: Step) => void) | undefined;
  /** Milliseconds without a call after which sessions lock, see {@link Session.lockAfter}. Default: never. */
  lockAfter?: number | undefined;
  /**
   * Whether to tell the Vault, and by it the senders, which edition of a share was read here: {@link OutgoingShare.read}.
   * Default: no.
   */
  receipts?: boolean | undefined;
}

/** Options that every call takes. */
export interface CallOptions {
  /**
   * Ends the call: it rejects with `aborted`, with the signal's reason as `cause`. Its writes were made or not, as when the
   * connection breaks; nothing is left half done, and every call can be made again.
   */
  signal?: AbortSignal | undefined;
  /**
   * Called by calls that open or write many records, as they go on. What it throws is reported as that of an event listener is
   * (`reportError`, or where there is none `console.error`), and so is what `onStep` and the listeners of {@link Session.on} throw.
   */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** The progress of a call, in pieces of work. */
export interface Progress {
  /** Pieces that are done, from 0 to `total`. */
  done: number;
  /** All pieces: one for each record of a list or read, two for each person of {@link Session.shareWithMany}. */
  total: number;
}

/** The tabs that find a session again: this one after a reload, or all of this browser. */
export type PersistScope = "tab" | "browser";

/** Options to keep a session. */
export interface PersistOptions extends CallOptions {
  /** `tab`: until this tab is closed; a duplicate of it is the same session. `browser`: all tabs share it. */
  scope: PersistScope;
  /**
   * Whether to keep it without its keys: it comes back locked, and each tab is unlocked by itself. Then neither a script of the
   * page nor a copy of the browser's profile gets a key of the account from what is kept. Default: no.
   */
  locked?: boolean | undefined;
  /**
   * The app's name for the account, where it keeps several in one browser, such as {@link Session.account}. The browser stores
   * it as it is. Another session of this name is replaced. Default: none, so that one session is kept.
   */
  account?: string | undefined;
}

/** A session that {@link Session.persist} keeps. */
export interface KeptSession {
  /** The app's name for the account; `null` if it has none. */
  account: string | null;
  /** Who finds it. */
  scope: PersistScope;
  /** Whether it comes back without its keys. */
  locked: boolean;
  /** The time of the last use, in any tab. */
  usedAt: number;
}

/** Options of {@link Vouchsafe.resume}. */
export interface ResumeOptions {
  /** The name with which it was kept. Default: any; the session that was used last. */
  account?: string | undefined;
}

/** A step of the protocol that ended. */
export interface Step {
  /** 1 to 43, as in the protocol's documentation. */
  number: number;
  /** A few words on what was done. */
  title: string;
  /** Milliseconds. */
  duration: number;
}

/**
 * A token in which an OpenID Connect provider says who somebody is: an ID token, or a JWT access token. A function is called
 * whenever a fresh token is needed: now, and when the session asks for the passphrase again. If it throws, the call rejects
 * with `identity_rejected`.
 */
export type IdentityToken = string | (() => string | Promise<string>);

/**
 * A person, named by an email address that the Keystore keeps, or by an identity token of the app's own sign-in, whose
 * provider the Keystore is set up with.
 */
export type Who =
  | {
      /** Letter case and surrounding space do not matter. */
      email: string;
      /** Not with the other. */
      identityToken?: undefined;
    }
  | {
      /** The token, or a function that gives a fresh one. */
      identityToken: IdentityToken;
      /** Not with the other. */
      email?: undefined;
    };

/** A person and their passphrase, which never leaves this device. */
export type Credentials = Who & CallOptions & {
  /** At least 8 characters. */
  passphrase: string;
};

/** The result of a sign-up or a recovery. */
export interface SignedUp {
  /** The person, signed in. */
  session: Session;
  /**
   * 14 groups of four characters that open the account when the passphrase is lost, see {@link Vouchsafe.recover}. They are
   * given here and never again.
   */
  recoveryKey: string;
}

/** A person who lost the passphrase. Neither the key nor the new passphrase leaves this device. */
export type RecoverOptions = Who & CallOptions & {
  /** The key as it was shown. Letter case, spaces and hyphens do not matter. */
  recoveryKey: string;
  /** The new passphrase, of at least 8 characters. */
  passphrase: string;
};

/** One entry of a card. */
export interface Field {
  /** A name for programs, unique in the card, such as `number`: 1 to 200 bytes of UTF-8, plain text like `label`. */
  name: string;
  /**
   * A name for people, such as `Number`: at most 1000 bytes of UTF-8. It is one line, without characters that are invisible
   * or change the writing direction, as are all names and labels. Emoji may be in it, those of several characters, too.
   */
  label: string;
  /** Any text, also an empty one. */
  value: string;
}

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };

/** The content of a card, without id and version. Members that it does not have are refused. */
export interface NewCard {
  /** The title, such as `Passport`: 1 to 1000 bytes of UTF-8, not white space alone. */
  label: string;
  /** The app's word for what the card is, such as `login`: 1 to 100 bytes of UTF-8, plain text. Shares have it, too. */
  kind?: string | null | undefined;
  /**
   * What the app keeps with the card, encrypted like the rest: at most 16 KiB as JSON. A share of the whole card has it, too; one of
   * chosen fields has not. What JSON would change is refused: `undefined`, NaN, dates, maps, objects of classes.
   */
  data?: Json | undefined;
  /** At most 1000, in the order in which they are shown. */
  fields: readonly Field[];
  /** At most 100, in the order in which they are shown: what {@link Session.addFile} gave. Default: none. */
  files?: readonly FileRef[] | undefined;
}

/** The content of a card that was read. */
export interface CardContent extends NewCard {
  /** The app's word for what the card is; `null` without one. */
  kind: string | null;
  /** What the app keeps with the card; `null` without any. */
  data: Json;
  /** At most 1000, in the order in which they are shown. */
  fields: readonly Field[];
  /** At most 100, in the order in which they are shown. */
  files: readonly FileRef[];
}

/** The content of a card that was opened. */
export interface OpenedContent extends CardContent {
  /** In the order in which they are shown. */
  fields: Field[];
  /** In the order in which they are shown. */
  files: FileRef[];
}

/** A card of one's own. */
export interface Card extends OpenedContent {
  /** The card's id. */
  id: string;
  /** 1 for a new card, one more with every update. */
  version: number;
  /** The time at which it was made. */
  createdAt: number;
  /** The time of the last update. */
  updatedAt: number;
  /** The number of its shares and links in force, as the Keystore says; `null` where it did not answer. */
  shares: number | null;
}

/**
 * New content of a card, and the version that it replaces. A changed copy of a {@link Card} fits; what the owner does not set is
 * passed over.
 */
export interface CardUpdate extends NewCard {
  /** As of a new card. Left out it stays as it is, for which the card is read first; `null` takes it away. */
  kind?: string | null | undefined;
  /** As of a new card. Left out it stays as it is, for which the card is read first; `null` takes it away. */
  data?: Json | undefined;
  /** As of a new card. Left out they stay as they are, for which the card is read first; an empty list takes them away. */
  files?: readonly FileRef[] | undefined;
  /** The card's id. */
  id: string;
  /** The version that was read. */
  version: number;
}

/** What {@link Session.exportAccount} gave: a text, a file, its bytes, a stream of them, or pieces of the text. */
export type ExportSource = string | Blob | Uint8Array | ArrayBuffer | ReadableStream<Uint8Array> | Iterable<string> | AsyncIterable<string>;

/** The outcome of {@link Session.importCards}. */
export interface ImportResult {
  /** Cards that were made. */
  made: number;
  /** Cards that were there already. */
  kept: number;
  /**
   * The lines, counted from 1, of cards that were made without their files, since the Vault has none of these for this account. An
   * export holds no bytes of files.
   */
  withoutFiles: number[];
  /** Cards that were not made. */
  failed: ImportFailure[];
}

/** A line of an export of which no card was made. */
export interface ImportFailure {
  /** Counted from 1. */
  line: number;
  /** The reason. */
  error: VouchsafeError;
}

/** A card that was updated. */
export interface UpdatedCard extends Card {
  /**
   * Its live shares and links that could not be brought up to date. The next sign-in, unlock, or update of the card tries it again, or another
   * session that listens to events; what was read before stays readable meanwhile.
   */
  lagging: Lagging[];
}

/** A live share or link that could not be brought up to date. */
export interface Lagging {
  /** The id of the share or link; `null` for all of the card, where it could not be found out which ones there are. */
  share: string | null;
  /** The connection's id; `null` for a link. */
  connection: string | null;
  /** The reason: `not_found` means that the connection has ended. */
  error: VouchsafeError;
}

/** What becomes of a card's shares and links when it is deleted. */
export interface DeleteCardOptions extends CallOptions {
  /** `revoke` them all first, or `keep` them as they are. There is no default while there are any. */
  shares?: "revoke" | "keep" | undefined;
}

/** What a file is made of. A stream is read to its end. */
export type FileSource = Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array>;

/**
 * A file, as a card names it: with what opens it. It cannot be changed; what is uploaded anew is another file.
 */
export interface FileRef {
  /** The file's id. */
  id: string;
  /** Its name for people, such as `passport.pdf`. */
  name: string;
  /** Its media type, as who uploaded it said. */
  type: string;
  /** Its bytes. */
  size: number;
  /** What decrypts it: 32 bytes as base64url. */
  key: string;
  /** What proves each byte of it: 32 bytes as base64url. */
  digest: string;
}

/** The progress of a file. */
export interface FileProgress {
  /** Bytes of the file that are done. */
  bytes: number;
  /** All of its bytes; `null` while their number is not known. */
  total: number | null;
}

/** Options of every call about a file's bytes. */
export interface FileCallOptions {
  /** Ends the call: it rejects with `aborted`, with the signal's reason as `cause`. */
  signal?: AbortSignal | undefined;
  /** Called as bytes are done. */
  onProgress?: ((progress: FileProgress) => void) | undefined;
}

/** A new file. */
export interface AddFileOptions extends FileCallOptions {
  /** Its name for people: 1 to 1000 bytes of UTF-8, plain text like a label. Default: that of a `File`; other sources have none. */
  name?: string | undefined;
  /** Its media type: 1 to 255 characters of ASCII. Default, and if it is empty: that of a `Blob`, else `application/octet-stream`. */
  type?: string | undefined;
  /** The bytes of a stream. Default: not known until its end; such an upload cannot go on after a cut. */
  size?: number | undefined;
}

/** An upload that was cut on this device, and can go on. */
export interface PendingUpload {
  /** The id of the upload, and of the file that it becomes. */
  id: string;
  /** The file's name for people. */
  name: string;
  /** Its media type. */
  type: string;
  /** Its bytes. */
  size: number;
  /** Those that were on their way, at most: what arrived of them is not sent again. */
  bytes: number;
  /** The time at which it began. */
  startedAt: number;
}

/** Bytes of a file: a `Uint8Array`, whose buffer is an `ArrayBuffer` where TypeScript tells buffers apart. */
export type FileBytes = ReturnType<TextEncoder["encode"]>;

/** The choice of bytes of a file. */
export interface ReadFileOptions extends FileCallOptions {
  /** The first byte, from 0. Default: that of the file. */
  start?: number | undefined;
  /** The byte behind the last one. Default: the file's end. */
  end?: number | undefined;
}

/**
 * A file that can be read. Every byte was checked when it is handed out. Reading rejects with `record_rejected` where the Vault
 * gives another file, or one that was changed; with `not_found` where the file is gone.
 */
export interface FileHandle {
  /** The file's id. */
  readonly id: string;
  /** Its name for people. */
  readonly name: string;
  /** Its media type, as who uploaded it said: a page must not show what others uploaded as a document of its own. */
  readonly type: string;
  /** Its bytes. */
  readonly size: number;
  /** Reads it piece by piece, and no faster than the pieces are taken. */
  stream(options?: ReadFileOptions): ReadableStream<FileBytes>;
  /**
   * Reads it into a Blob, for an `<img>` or a download. Its type is the file's if that is one of a picture, sound, film, PDF, ZIP or
   * plain text, and else `application/octet-stream`: what can hold scripts would run them as the page's own.
   */
  blob(options?: ReadFileOptions): Promise<Blob>;
  /** Reads it into memory. */
  bytes(options?: ReadFileOptions): Promise<FileBytes>;
}

/** A record of a page that cannot be opened. The other records of the page are not affected. */
export interface Failure {
  /** The record's id. */
  id: string;
  /** The reason. */
  error: VouchsafeError;
}

/** The mark of a record that is no {@link Failure}. */
export interface Intact {
  /** Never there. */
  error?: undefined;
}

/** A record of a page: `error` tells whether it could be opened. */
export type Opened<T> = (T & Intact) | Failure;

/** One page of a list, newest first. */
export interface Page<T> {
  /** As many as `limit` at most. */
  items: T[];
  /** The `cursor` of the next page; `null` on the last one. */
  next: string | null;
  /**
   * Whether there are fewer than `limit` because their ciphertexts are large: an answer of the service has at most 8 MiB. The next
   * page goes on after them. `false` on the last page.
   */
  cut: boolean;
}

/** The choice of a page. */
export interface PageOptions extends CallOptions {
  /** The `next` of the page before. Default: the first page. */
  cursor?: string | undefined;
  /** Records of the page at most, 1 to 200. Default: 50. */
  limit?: number | undefined;
}

/** The choice of a page of one's own shares. */
export interface OutgoingOptions extends PageOptions {
  /** Only shares with this connection. */
  connection?: string | undefined;
}

/** The passphrase, for calls that ask for it again. */
export interface PassphraseOptions extends CallOptions {
  /** The account's passphrase. */
  passphrase: string;
  /**
   * For a session of an identity: a token that replaces the one given before. A resumed session has none until it gets one
   * here.
   */
  identityToken?: IdentityToken;
}

/** The passphrase, and the one that replaces it. */
export interface ChangePassphraseOptions extends PassphraseOptions {
  /** At least 8 characters. */
  newPassphrase: string;
}

/** Options to accept an invitation. */
export interface AcceptOptions extends CallOptions {
  /** This side's name for the inviter. No server learns it. */
  name: string;
}

/** The way of an invitation: the Vault mails it, or the inviter hands over a link. */
export type Delivery = "email" | "link";

/** Options of every invitation. */
interface InviteBase extends CallOptions {
  /** The inviter's name for the invited person, 1 to 200 bytes of UTF-8. No server learns it. */
  name: string;
  /** The end of the invitation, at most 90 days ahead. Default: in 14 days. */
  expiresAt?: number | Date | undefined;
}

/** An invitation that the Vault mails. The connection is unverified until the two people compare the safety number. */
export interface InviteByEmail extends InviteBase {
  /** Mailed. */
  delivery: "email";
  /** The address that the mail goes to. Its part before the @ is ASCII, since not every mail server takes other letters. */
  email: string;
  /** The tag of the mail's language, such as `de`: there are English, French, German and Spanish. Default, and for others: English. */
  language?: string | undefined;
}

/** An invitation that the inviter hands over as a secret link, which verifies the connection. */
export interface InviteByLink extends InviteBase {
  /** Handed over. */
  delivery: "link";
  /** Not sent anywhere, and not kept. */
  email?: string | undefined;
}

/** The person to invite, and the way of the invitation. */
export type InviteOptions = InviteByEmail | InviteByLink;

/** The state of an invitation. `undeliverable` is one whose mail was given up: nobody can accept it any more. */
export type InvitationState = "pending" | "accepted" | "declined" | "cancelled" | "expired" | "undeliverable";

/** Members of every invitation. */
interface InvitationBase {
  /** The id of the invitation, and of the connection that it becomes. */
  id: string;
  /** `pending` until somebody answers, the inviter cancels, its mail is given up, or `expiresAt` comes. */
  state: InvitationState;
  /**
   * Why it is `undeliverable`: a mail server `refused` the address, or the mail stayed `unsent` for days because none took it.
   * Else `null`.
   */
  reason: "refused" | "unsent" | null;
  /** The inviter's name for the invited person. No server knows it. */
  name: string;
  /** The time at which it was made, by the clock of the device that made it. */
  createdAt: number;
  /** The time at which it ends. */
  expiresAt: number;
}

/** An invitation that was mailed. */
export interface MailInvitation extends InvitationBase {
  /** Mailed. */
  delivery: "email";
  /** The address that the mail went to, as the Vault says; `null` a week after the invitation was over. */
  email: string | null;
  /** Only the mail has it. */
  link: null;
}

/** An invitation by a link. */
export interface LinkInvitation extends InvitationBase {
  /** Handed over. */
  delivery: "link";
  /** Not kept. */
  email: null;
  /**
   * The secret link. Whoever opens it first can accept. `null` if the invitation is no longer pending, or if
   * {@link OpenOptions.invitationUrl} is missing.
   */
  link: string | null;
}

/** An invitation of one's own, of the kind that `delivery` says. */
export type Invitation = MailInvitation | LinkInvitation;

/** A link to hand over. */
export interface NewLink extends LinkInvitation {
  /** The secret link. Whoever opens it first can accept. */
  link: string;
}

/** An invitation as a link, handed over or mailed. */
export interface LinkTicket {
  /** The whole link, with its fragment. */
  link: string;
}

/** An invitation as the parts of a mailed link. */
export interface MailTicket {
  /** The invitation's id. */
  id: string;
  /** The right to accept, 22 characters. */
  token: string;
}

/** An invitation as the invited person holds it. */
export type InvitationTicket = LinkTicket | MailTicket;

/** Where an invitation stands. All of it but `keysMatch` is the Vault's word. */
export interface InvitationPreview {
  /** Whether it can be accepted: it is `pending`. */
  state: InvitationState;
  /** Handed over, or mailed. */
  delivery: Delivery;
  /** The time at which it ends. */
  expiresAt: number;
  /**
   * Whether the Vault shows the keys that the link names. `false`: somebody stands between, and {@link Session.accept} refuses it.
   * `null` for a mail, which names no keys.
   */
  keysMatch: boolean | null;
  /** The address that the inviter had confirmed when they invited; `null` if there is none, or a week after the invitation was over. */
  inviterEmail: string | null;
}

/** A link to accept or decline an invitation. */
export interface InvitationLink {
  /** It is whole. */
  kind: "invitation";
  /** Handed over, or mailed. */
  delivery: Delivery;
  /** The invitation's id. */
  id: string;
  /** For {@link Session.accept} and {@link Session.declineInvitation}. */
  ticket: LinkTicket;
}

/** A link that shows a card to somebody without an account. */
export interface LinkToCard {
  /** It is whole. */
  kind: "card";
  /** The link's id. */
  id: string;
  /** For {@link Vouchsafe.openLink}. */
  link: string;
}

/** A link of which a part is missing, or that a later version of this package made. */
export interface BrokenLink {
  /** Ask for the link anew. */
  kind: "broken";
}

/** A link that {@link Vouchsafe.readLink} knows, of the kind that `kind` says. */
export type FoundLink = InvitationLink | LinkToCard | BrokenLink;

/**
 * The certainty that the keys are the other person's.
 *
 * - `unverified`: the keys came from the Vault alone. Compare the safety number.
 * - `verified`: see `verifiedBy`.
 * - `changed`: the Vault serves other keys than before. Do not share; compare the safety number in person.
 */
export type Trust = "unverified" | "verified" | "changed";

/** Members of every connection. */
interface ConnectionBase {
  /** The id of the connection, and of the invitation that it was. */
  id: string;
  /** `ended` after either side disconnected or deleted their account. */
  state: "active" | "ended";
  /** This side's name for the other person. No server knows it. */
  name: string;
  /** The other person's account id. */
  account: string;
  /** This side's part in the invitation. */
  role: "inviter" | "invitee";
  /** The time at which it was made. */
  createdAt: number;
}

/** A connection with a person whose keys are certain. */
export interface VerifiedConnection extends ConnectionBase {
  /** The keys are the other person's. */
  trust: "verified";
  /** The proof: the two people compared the safety number, or the inviter handed over the link. */
  verifiedBy: "safetyNumber" | "link";
  /** 60 digits in groups of five, the same on both sides if nobody stands between. */
  safetyNumber: string;
}

/** A connection with a person whose keys are not certain. */
export interface UncertainConnection extends ConnectionBase {
  /** See {@link Trust}. */
  trust: Exclude<Trust, "verified">;
  /** No proof. */
  verifiedBy: null;
  /** 60 digits in groups of five, the same on both sides if nobody stands between. `null` if no key is pinned. */
  safetyNumber: string | null;
}

/** A connection with another person, of the kind that `trust` says. */
export type Connection = VerifiedConnection | UncertainConnection;

/** A share for one person. */
export interface ShareOptions extends CallOptions {
  /** The card's id. */
  card: string;
  /** The connection's id. */
  connection: string;
  /** The names of the fields to share, each once. Default: all. */
  fields?: readonly string[] | undefined;
  /**
   * The ids of the files to share, each once, of those that the card has. Default: all files, those that the card gets later, too; but
   * none if `fields` chooses some. A file that replaces one is another file.
   */
  files?: readonly string[] | undefined;
  /**
   * Whether the share follows the card: {@link Session.updateCard} brings it up to date, and sharing the card again with this person
   * changes this share. With `false` it stays as the card is now, and is always a new share. Default: yes.
   */
  live?: boolean | undefined;
  /** The time at which reading ends. Default: never. */
  expiresAt?: number | Date | undefined;
  /** Whether to share over a connection that is not verified. Default: no. */
  acceptUnverified?: boolean | undefined;
}

/** A share for several people. */
export interface ShareWithManyOptions extends Omit<ShareOptions, "connection"> {
  /** The connections' ids. */
  connections: readonly string[];
}

/**
 * A share: one card, whole or in part, for one person. In a list all of it is the Vault's word, which {@link Session.readShare}
 * checks: show nobody a sender's name by `from` or `connection` of a list alone.
 */
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
  /** The time at which it was made. */
  createdAt: number;
  /** The time at which reading ends; `null` for never. */
  expiresAt: number | null;
  /** 1 for a new share, more with each change. */
  edition: number;
  /** The time of this edition. */
  updatedAt: number;
}

/** A share that this account sent. */
export interface OutgoingShare extends Share {
  /** Whether the recipient claimed the key, with the first read. The Keystore says so. */
  claimed: boolean;
  /** The card's id; `null` where the Keystore does not tell. */
  card: string | null;
  /** The names of the shared fields; `null` for all of them, those that the card gets later, too. */
  fields: string[] | null;
  /** The ids of the chosen files; `null` if none were chosen: then all are shared, or none where fields were chosen. */
  files: string[] | null;
  /** Whether it follows the card. */
  live: boolean;
  /**
   * Whether it shows the newest version of the card that this browser has seen; `null` if it has seen none.
   * {@link Session.sharesOf} looks at the card first.
   */
  upToDate: boolean | null;
  /** The newest edition that the recipient's app said was read, and when; `null` for none. The Vault says so. */
  read: Receipt | null;
}

/** A link that shows a card to somebody without an account. */
export interface LinkOptions extends CallOptions {
  /** The card's id. */
  card: string;
  /** The names of the fields to show, each once. Default: all. */
  fields?: readonly string[] | undefined;
  /** The ids of the files to show, as of a share: {@link ShareOptions.files}. */
  files?: readonly string[] | undefined;
  /** Whether the link follows the card, as a share does. Default: yes. */
  live?: boolean | undefined;
  /** The time at which the link ends, at most 90 days ahead. */
  expiresAt: number | Date;
  /** How often it can be opened, 1 or more. Default: without a bound. */
  maxReads?: number | undefined;
  /** What has to be typed in beside the link; give it to them another way. Ten wrong ones close the link. Default: none. */
  passphrase?: string | undefined;
  /** The name that whoever opens the link is shown: 1 to 200 bytes of UTF-8. No server learns it. */
  name: string;
}

/** The state of a link: it can be opened, was opened as often as it may be, was closed by wrong passphrases, or is over. */
export type LinkState = "open" | "used" | "closed" | "expired";

/** A link of one's own. State, reads and times are the Vault's word. */
export interface LinkShare {
  /** The link's id. */
  id: string;
  /** The link, which is the right to see the card; `null` once it cannot be opened. */
  link: string | null;
  /** The card's id. */
  card: string;
  /** The names of the shown fields; `null` for all of them, those that the card gets later, too. */
  fields: string[] | null;
  /** The ids of the chosen files; `null` if none were chosen: then all are shown, or none where fields were chosen. */
  files: string[] | null;
  /** Whether it follows the card. */
  live: boolean;
  /** The name that whoever opens it is shown. */
  name: string;
  /** Whether it shows the newest version of the card that this browser has seen; `null` if it has seen none. */
  upToDate: boolean | null;
  /** Whether it can be opened. */
  state: LinkState;
  /** Whether it has a passphrase. */
  passphrase: boolean;
  /** 1 for a new link, more with each change. */
  edition: number;
  /** How often it can be opened; `null` without a bound. */
  maxReads: number | null;
  /** How often it was opened. */
  reads: number;
  /** The time at which it was opened last; `null` for never. */
  readAt: number | null;
  /** The time at which it was made. */
  createdAt: number;
  /** The time of this edition. */
  updatedAt: number;
  /** The time at which it ends. */
  expiresAt: number;
}

/** A link to hand over. */
export interface NewLinkShare extends LinkShare {
  /** The link, which is the right to see the card. */
  link: string;
}

/** Options to open a link. */
export interface OpenLinkOptions extends CallOptions {
  /** The passphrase of a link that has one. */
  passphrase?: string | undefined;
}

/** What a link shows. */
export interface LinkView {
  /** The shown fields. */
  card: CardContent;
  /** The name that whoever made the link gave. Nobody has checked it. */
  claimedName: string;
  /** 1 for a link that was not changed, more with each change. */
  edition: number;
  /** The time at which the link ends. */
  expiresAt: number;
  /**
   * Opens a file of the card to read it, for an hour after the link was opened; then, and when the link is revoked, reading rejects
   * with `not_found`. Nothing is read before it is asked for, and it counts as no read of the link.
   */
  file(ref: FileRef): Promise<FileHandle>;
}

/** Something that the recipient has read. */
export interface Receipt {
  /** The edition. */
  edition: number;
  /** The time. */
  at: number;
}

/** The outcome of {@link Session.shareWithMany} for a connection that got a share. */
export interface Shared {
  /** The connection's id. */
  connection: string;
  /** The share. */
  share: Share;
  /** No error. */
  error: null;
}

/** The outcome of {@link Session.shareWithMany} for a connection that got none. */
export interface NotShared {
  /** The connection's id. */
  connection: string;
  /** No share. */
  share: null;
  /** The reason. */
  error: VouchsafeError;
}

/** The outcome of {@link Session.shareWithMany} for one connection; `error` tells the two apart. */
export type ShareResult = Shared | NotShared;

/** The sender of a share. */
export interface Sender {
  /** The account id. */
  account: string;
  /** This side's name for them. */
  name: string;
}

/** A share that was opened and whose sender was checked. */
export interface ReceivedShare {
  /** The shared fields. */
  card: OpenedContent;
  /** The person whose signature it has. */
  from: Sender;
  /** The certainty that the keys are the sender's. */
  trust: Trust;
  /** The record that was opened. */
  share: Share;
  /**
   * The card's name towards this person: the same for all its shares over this connection, also when it is shared anew after a
   * revocation. `null` where an early release shared it.
   */
  ref: string | null;
}

/** A share that {@link Session.readShares} opened. */
export interface Read {
  /** The share's id. */
  id: string;
  /** The opened content. */
  received: ReceivedShare;
  /** No error. */
  error: null;
}

/** A share that {@link Session.readShares} could not open. */
export interface NotRead {
  /** The share's id. */
  id: string;
  /** No content. */
  received: null;
  /** The reason. */
  error: VouchsafeError;
}

/** The outcome of {@link Session.readShares} for one share; `error` tells the two apart. */
export type ReadResult = Read | NotRead;

/** The address by which invitation mails may name a person. */
export interface EmailStatus {
  /** The address; `null` for an identity whose token held none that is verified. */
  email: string | null;
  /** Whether mails name the person by it: they confirmed it, or their identity provider vouches for it. */
  confirmed: boolean;
}

/** Options of {@link Session.sendEmailCode}. */
export interface EmailCodeOptions extends CallOptions {
  /** The tag of the mail's language, as of an invitation. */
  language?: string | undefined;
}

/** A code on its way to an address. */
export interface EmailCode {
  /** The time from which it is of no use. */
  expiresAt: number;
}

/** Something that happened to a record, by somebody else or by this account in another tab or on another device. */
export interface LiveEvent<K extends LiveEventKind = LiveEventKind> {
  /** The kind. */
  kind: K;
  /** The id of the invitation, connection, share, card or link. */
  id: string;
}

/**
 * Kinds of what {@link Session.on} tells of: `updated` is a share with a new edition, `read` a share whose recipient has read it,
 * `revoked` one that was taken back, `card` a card of one's own that was written or deleted, `link` one of one's
 * links that was made, changed, opened, closed or revoked. Shares that end with their connection
 * have no events of their own: `connection` tells of them.
 */
export type LiveEventKind = "invitation" | "connection" | "share" | "updated" | "read" | "revoked" | "card" | "link";

/** Something that happened to the session itself, here or in another tab that shares it. */
export interface SessionEvent<K extends SessionEventKind = SessionEventKind> {
  /** The session's new state, or `missed`. */
  kind: K;
}

/**
 * States that {@link Session.on} tells of. `ended`: signed out, or the account was deleted. And `missed`: the service can not
 * tell what happened since the last event, so fetch your lists anew.
 */
export type SessionEventKind = "locked" | "unlocked" | "ended" | "missed";

/** All kinds of events. */
export type EventKind = LiveEventKind | SessionEventKind;

/** The event of a kind, or of one of several. */
export type EventOf<K extends EventKind> = K extends LiveEventKind ? LiveEvent<K> : K extends SessionEventKind ? SessionEvent<K> : never;

/** A function that ends listening, for `using`, too. */
export interface Unsubscribe {
  /** Ends listening. */
  (): void;
  /** Ends listening, too. */
  [Symbol.dispose](): void;
}

/** The package's entry. It knows the services and opens sessions. */
export class Vouchsafe {
  /** Loads the WebAssembly module, once for the page, and prepares the client. Sends nothing. */
  static open(options: OpenOptions): Promise<Vouchsafe>;
  /** Not for apps: call {@link Vouchsafe.open}. */
  private constructor();
  /**
   * Asks both services whether they are there, and whether this page may use them. The message of the error says which address
   * is wrong, and why; `server_error` that is not `retryable` means that something has to be set up. {@link Vouchsafe.signUp}
   * does the same by itself.
   */
  check(options?: CallOptions): Promise<void>;
  /**
   * Makes an account and signs it in. Rejects with `email_taken` (the address or the identity has an account already),
   * `bad_input` (a passphrase under 8 characters) and `identity_rejected`.
   */
  signUp(credentials: Credentials): Promise<SignedUp>;
  /**
   * Signs in. Rejects with `wrong_credentials` (also if there is no account), `identity_rejected`, and `recovery_needed` (the
   * Keystore can no longer check passphrases).
   */
  signIn(credentials: Credentials): Promise<Session>;
  /**
   * Sets a new passphrase with the recovery key, and signs in. The old recovery key and all other sessions end; the result
   * holds a new key. Rejects with `bad_input` (a key with a typing error, before anything is sent) and
   * `wrong_credentials`. After an interruption, call it again with the same arguments (and a fresh identity token).
   */
  recover(options: RecoverOptions): Promise<SignedUp>;
  /** Lists the sessions that {@link Session.persist} keeps here: this tab's, then the browser's, of each those used last first. */
  kept(): Promise<KeptSession[]>;
  /**
   * Opens a link to a card (`#vouchsafe=1.s.…`), without an account. Each call counts as a read; nothing is kept. One that is
   * aborted or cut counts, too, if the Vault had answered: it may have been the only one of a link with `maxReads: 1`. Rejects
   * with `bad_input` (no such link, or not whole), `passphrase_needed`, `wrong_credentials` (another passphrase), `share_expired`
   * (over, read as often as it may be, or closed) and `not_found` (revoked).
   */
  openLink(link: string, options?: OpenLinkOptions): Promise<LinkView>;
  /**
   * Opens the session that {@link Session.persist} kept, without a passphrase: this tab's, or else the browser's; `null` if
   * there is none. It comes back locked if it was locked, or not used for {@link Session.lockAfter}. Sends nothing. Rejects
   * with `storage_unavailable`.
   */
  resume(options?: ResumeOptions): Promise<Session | null>;
  /**
   * Tells what a link leads to, without a request: the `location` of a page, or a text, such as one that was pasted. `null` if it
   * is none of this package: those have `vouchsafe=` in the fragment, never in the query. Take the link out of the address bar then, with `history.replaceState()`: it is a secret.
   */
  readLink(location: string | URL | Location): FoundLink | null;
  /**
   * Looks at an invitation before anybody has signed in: whether it can still be accepted, and whether its keys match the link.
   * Changes nothing. Rejects with `not_found` if there is none with this token.
   */
  previewInvitation(ticket: InvitationTicket, options?: CallOptions): Promise<InvitationPreview>;
}

/** A signed-in person. */
export class Session {
  /** Not for apps: call {@link Vouchsafe.signUp} or {@link Vouchsafe.signIn}. */
  private constructor();
  /** The account id. */
  readonly account: string;
  /**
   * The email address as the Keystore keeps it, lower-case and its host in ASCII; `null` for somebody who came with an identity
   * token.
   */
  readonly email: string | null;
  /** Whether the keys are forgotten, see {@link Session.lock}. */
  readonly locked: boolean;
  /**
   * How many other sign-ins to this account were begun and not finished, as with a wrong passphrase, before the passphrase was
   * last given here, and since it was given before that, on any device. The Keystore counts them. 0 after a sign-up, a recovery
   * and {@link Vouchsafe.resume}.
   */
  readonly failedSignIns: number;

  /**
   * Keeps the session beyond the page, for {@link Vouchsafe.resume}, until {@link Session.signOut}. The browser stores
   * ciphertexts, under a key that it does not give away, but that scripts of the page can use. None of them holds a key of the
   * account after {@link Session.lock}, or with {@link PersistOptions.locked}. Rejects with `storage_unavailable`, as in some
   * private windows; the session goes on.
   */
  persist(options: PersistOptions): Promise<void>;
  /**
   * Sets the milliseconds without a call, in any tab that shares the session, after which it locks; `null` for never. Time
   * counts while the machine sleeps, and while no page is open. Listening is no call.
   */
  lockAfter(milliseconds: number | null): void;

  /** Makes a card, encrypted before it leaves this device. Rejects with `bad_input`, `too_large`, `not_found` (a file that this account has not, or that was erased). */
  createCard(content: NewCard, options?: CallOptions): Promise<Card>;
  /** Lists one's own cards, newest first. A card that does not open is a {@link Failure}. */
  cards(options?: PageOptions): Promise<Page<Opened<Card>>>;
  /** Opens one of one's own cards. Rejects with `not_found`. */
  card(id: string, options?: CallOptions): Promise<Card>;
  /**
   * Replaces the content of a card, of which `kind` and `data` stay if they are left out, and brings its live shares up to date:
   * each shows the fields that were chosen for it, and no other. Rejects with `conflict` if the card was changed elsewhere since it was read. Once the card is stored the call
   * succeeds; shares that could not be brought up to date are in `lagging`. After an interruption the next sign-in, unlock, update or
   * sharing of the card brings them up to date, or another session that listens to events.
   */
  updateCard(card: CardUpdate, options?: CallOptions): Promise<UpdatedCard>;
  /**
   * Deletes a card. While it has shares or links in force, `shares` says what becomes of them: else it rejects with `card_shared`. After an
   * interruption, call it again.
   */
  deleteCard(id: string, options?: DeleteCardOptions): Promise<void>;

  /**
   * Encrypts a file and uploads it, a few segments of a MiB at a time, and gives what a card names it by. It has at most 5 GiB. The
   * code for files is loaded by the first such call. Where the browser keeps data, an upload of known size that was cut goes on with
   * {@link Session.resumeUpload}; one that is aborted, or of unknown size, is erased at the Vault. So is a file a day after no card,
   * share or link names it any more: pass it to {@link Session.createCard} or {@link Session.updateCard}. Rejects with
   * `quota_exceeded`, `too_large`.
   */
  addFile(source: FileSource, options?: AddFileOptions): Promise<FileRef>;
  /** Opens a file of one's own card, or of a received share, to read it. Nothing is read before it is asked for. */
  file(ref: FileRef): Promise<FileHandle>;
  /** Lists this account's uploads that were cut in this browser and go on nowhere, for two days, and until it signs out here. */
  pendingUploads(): Promise<PendingUpload[]>;
  /**
   * Goes on with an upload that was cut, and sends no part again. Rejects with `bad_input` for the `source` if it is not the same as
   * before, with `not_found` if the Vault has erased the upload, and with `conflict` while another tab goes on with it.
   */
  resumeUpload(id: string, source: FileSource, options?: FileCallOptions): Promise<FileRef>;
  /** Gives up an upload that was cut. */
  discardUpload(id: string): Promise<void>;

  /**
   * Gives everything of the account as JSON lines, piece by piece and in the clear: the account, cards, connections, invitations,
   * the list of shares that it sent, and what others shared with it. Each line has a `type`; one that could not be opened has an
   * `error`. Reading what others shared claims it. Each call that fails ends it.
   */
  exportAccount(options?: CallOptions): AsyncGenerator<string, void, undefined>;
  /**
   * Makes the cards of an export, of this account or another, and passes over its other lines, blank ones and what they end with.
   * Cards keep their ids, but for those that were deleted here, and are new otherwise: of version 1, made now, one after the other. One that is there already stays as
   * it is, so that an import that was cut can be repeated. Rejects with `update_needed` for an export of a later version.
   */
  importCards(source: ExportSource, options?: CallOptions): Promise<ImportResult>;

  /** Invites somebody to connect. The inviter hands over the result's `link`. */
  invite(options: InviteByLink): Promise<NewLink>;
  /**
   * Invites somebody to connect. The Vault sends the mail, which names the inviter only by a confirmed address, see
   * {@link Session.confirmEmail}. Nobody is told when the address refused mails from this service.
   */
  invite(options: InviteByEmail): Promise<MailInvitation>;
  /** Invites somebody to connect. */
  invite(options: InviteOptions): Promise<Invitation>;
  /** Lists one's own invitations, newest first. */
  invitations(options?: PageOptions): Promise<Page<Opened<Invitation>>>;
  /**
   * Takes an invitation back: nobody can accept it any more. Rejects with `invitation_used` if somebody did, and this account has
   * seen that connection; one that it has not seen is not wanted, and ends.
   */
  cancelInvitation(id: string, options?: CallOptions): Promise<Invitation>;
  /** Declines somebody's invitation: nobody can accept it any more. */
  declineInvitation(ticket: InvitationTicket, options?: CallOptions): Promise<void>;
  /** Accepts an invitation. A repeated call returns the same connection, and rejects with `invitation_used` once that has ended. */
  accept(ticket: InvitationTicket, options: AcceptOptions): Promise<Connection>;

  /** Lists one's connections, newest first. A connection that cannot be checked is a {@link Failure}. */
  connections(options?: PageOptions): Promise<Page<Opened<Connection>>>;
  /** Fetches a connection. Rejects with `not_found`. */
  connection(id: string, options?: CallOptions): Promise<Connection>;
  /**
   * Notes that the two people compared the safety number, typed or pasted in digits of any script. Rejects with
   * `safety_number_mismatch` if it is another one, and with `bad_input` if it is mistyped or not whole.
   */
  markVerified(id: string, safetyNumber: string, options?: CallOptions): Promise<Connection>;
  /**
   * Sets this side's name for the other person, 1 to 200 bytes of UTF-8. No server learns it; other devices see it when they
   * fetch the connection.
   */
  renameConnection(id: string, name: string, options?: CallOptions): Promise<Connection>;
  /** Ends the connection and revokes every share sent to that person. Nobody can unread a card. */
  disconnect(id: string, options?: CallOptions): Promise<void>;

  /**
   * Shares a card or some of its fields with one person. Rejects with `connection_unverified` unless `acceptUnverified` is
   * set. Who has a live share of the card gets that one changed, its fields and its end, and never a second one. An aborted call
   * takes a share that is not live back; a live one, once the services have a part of it, is finished by the next call, or by an
   * update of the card.
   */
  share(options: ShareOptions): Promise<Share>;
  /** Shares a card with several people in one go. Each connection has a result, in the order of `connections`. */
  shareWithMany(options: ShareWithManyOptions): Promise<ShareResult[]>;
  /** Lists the shares that this account sent, newest first. Also those whose `expiresAt` has passed. */
  outgoingShares(options?: OutgoingOptions): Promise<Page<OutgoingShare>>;
  /** Lists the shares of a card that are in force, newest first. One that cannot be checked is a {@link Failure}. */
  sharesOf(card: string, options?: PageOptions): Promise<Page<Opened<OutgoingShare>>>;
  /** Deletes the share and its key. Nobody can unread a card. */
  revokeShare(id: string, options?: CallOptions): Promise<void>;

  /**
   * Makes a link that shows a card, or some of its fields, to whoever has it: hand it over like a secret. A call that does not come
   * to its end takes the link back.
   */
  shareByLink(options: LinkOptions): Promise<NewLinkShare>;
  /** Lists one's own links, newest first. One that cannot be checked is a {@link Failure}. */
  linkShares(options?: PageOptions): Promise<Page<Opened<LinkShare>>>;
  /** Ends a link: it shows nothing any more. Nobody can unread a card. */
  revokeLink(id: string, options?: CallOptions): Promise<void>;

  /** Lists the shares that others sent to this account, newest first. Opens none. */
  incomingShares(options?: PageOptions): Promise<Page<Share>>;
  /** Opens a share, checks its sender, and claims its key. The sender can open it, too. */
  readShare(id: string, options?: CallOptions): Promise<ReceivedShare>;
  /** Opens up to 200 shares together. Each has a result, in the order of `ids`. */
  readShares(ids: readonly string[], options?: CallOptions): Promise<ReadResult[]>;

  /**
   * Takes an older version of a card, connection or share than this browser has seen: reading it is `record_rejected` else. Call
   * it when somebody knows that the services were restored from a backup, and names the record. Keys that were verified stay
   * the only ones. Rejects with `not_found` if this browser has seen no version.
   */
  acceptOlder(id: string, options?: CallOptions): Promise<void>;

  /**
   * Calls `listener` for each event of this kind, or of any of these, from now on. Returns a function that ends this. No event
   * of a record is lost when the connection breaks, the machine sleeps or a proxy keeps the stream: the listener is called
   * afterwards, for a kept session also after a reload. All tabs of an account share one connection to the Vault. Throws at once,
   * as it gives no promise: `bad_input`, `session_expired`, and `locked` for the kinds of {@link LiveEvent} while the session is
   * locked. Those of {@link SessionEvent} can be heard then, too: listen to `unlocked` first.
   */
  on<K extends EventKind>(kind: K | readonly K[], listener: (event: EventOf<K>) => void): Unsubscribe;

  /** Forgets every key, in all tabs that share the session. Calls fail with `locked` until {@link Session.unlock}. */
  lock(): Promise<void>;
  /** Brings the keys back. Rejects with `wrong_credentials`. */
  unlock(options: PassphraseOptions): Promise<void>;

  /**
   * Replaces the passphrase. This session goes on, all others of the account end. Rejects with `wrong_credentials`, and with
   * `conflict` or `session_expired` if another device was faster. After an interruption, call it again with the same
   * arguments.
   */
  changePassphrase(options: ChangePassphraseOptions): Promise<void>;
  /**
   * Makes a new recovery key, to be shown once. The old one opens nothing any more, and all other sessions end. Rejects like
   * {@link Session.changePassphrase}.
   */
  makeRecoveryKey(options: PassphraseOptions): Promise<string>;
  /** Tells whether invitation mails may name this person by their address. The Vault says so. */
  emailStatus(options?: CallOptions): Promise<EmailStatus>;
  /**
   * Mails a code to the account's address; it takes the place of the one before. Asked again within a minute, it is the same
   * code. Rejects with `bad_input` (the account has no address that mails can go to) and `rate_limited`. No mail comes to
   * an address that refused mails from this service.
   */
  sendEmailCode(options?: EmailCodeOptions): Promise<EmailCode>;
  /**
   * Confirms the account's address with the mailed code, of 8 digits; white space and hyphens in it do not matter. Rejects
   * with `wrong_code`. A code can be tried five times.
   */
  confirmEmail(code: string, options?: CallOptions): Promise<void>;
  /**
   * Deletes the account and everything in it, ends its connections and revokes its shares. Nobody can unread a card. After
   * an interruption, call it again.
   */
  deleteAccount(options: PassphraseOptions): Promise<void>;
  /**
   * Ends the session: every key is forgotten and a kept session deleted, in all tabs that share it, before anything is sent; then
   * the Keystore is told. If it cannot be reached the call rejects, and here the session is over all the same. Call it again to
   * tell the Keystore; else its part of the session, which nobody can use any more, ends by its age.
   */
  signOut(options?: CallOptions): Promise<void>;

  /**
   * Forgets every key in this tab and frees the session's memory, at the end of a block with `using`. Later calls fail with
   * `session_expired`. A kept session stays: {@link Vouchsafe.resume} finds it.
   */
  [Symbol.dispose](): void;
  /** Stores what is to be kept, then does the same. */
  [Symbol.asyncDispose](): Promise<void>;
}

declare global {
  /** The members of TypeScript's `esnext.disposable`, for apps that do not load it. */
  interface SymbolConstructor {
    /** The method that `using` calls. */
    readonly dispose: unique symbol;
    /** The method that `await using` calls. */
    readonly asyncDispose: unique symbol;
  }
}

/** The reasons for which a call can fail; `errors.md` of this package says when each occurs. */
export type ErrorCode =
  | "wrong_credentials" | "identity_rejected" | "recovery_needed" | "email_taken" | "wrong_code" | "session_expired" | "locked"
  | "invitation_expired" | "invitation_used" | "invitation_cancelled" | "invitation_declined"
  | "not_found" | "connection_unverified" | "safety_number_mismatch" | "peer_key_changed"
  | "share_expired" | "passphrase_needed" | "card_shared" | "update_needed" | "record_rejected" | "conflict" | "bad_input" | "too_large" | "quota_exceeded"
  | "rate_limited"
  | "offline" | "aborted" | "server_error" | "no_randomness" | "insecure_context" | "worker_unavailable" | "storage_unavailable";

/** The codes of calls that can succeed later without anybody doing anything, if the error does not say that it is `retryable: false`. */
export type RetryableCode = "rate_limited" | "offline" | "server_error";

/** What an account may have only so much of; the operator of the services says how much. */
export type Quota =
  | "bytes" | "cards" | "shares" | "shares_per_connection" | "invitations" | "connections" | "connection_keys" | "spaces"
  | "file_bytes" | "files" | "uploads";

/** Further options of a {@link VouchsafeError}. */
export interface VouchsafeErrorOptions {
  /** For `quota_exceeded`: what the account has too much of. */
  quota?: Quota;
  /** For `bad_input`: the argument. */
  argument?: string;
  /** For `rate_limited`: milliseconds. */
  retryAfter?: number;
  /** Default: whether the code is a {@link RetryableCode}. */
  retryable?: boolean;
  /** The error or value that led to this one. */
  cause?: unknown;
}

/** A failed call. `message` says in a sentence what to do. */
export class VouchsafeError extends Error {
  /** For tests of an app; calls of this package make their own. */
  constructor(code: ErrorCode, message: string, options?: VouchsafeErrorOptions);
  /** `VouchsafeError`. */
  readonly name: "VouchsafeError";
  /** The reason, for programs. */
  readonly code: ErrorCode;
  /**
   * Whether the same call can succeed later without anybody doing anything. The code is a {@link RetryableCode} then, but
   * `server_error` is not always retryable: a wrong address stays wrong.
   */
  readonly retryable: boolean;
  /** For `quota_exceeded`: what the account has too much of. */
  readonly quota?: Quota;
  /**
   * For `bad_input`: the argument that is not usable, such as `email`, or `fields[2].label` of a card; missing where it is no
   * single one, or only the service knows it.
   */
  readonly argument?: string;
  /** For `rate_limited`: milliseconds after which the service takes the call again, if it said so. */
  readonly retryAfter?: number;
  /**
   * The error or value that the platform or the app threw, if that led to this one. For `server_error`: an error that names status
   * and type of an answer that was none of the service.
   */
  readonly cause?: unknown;
}

/** A failed call with a known code. */
export interface VouchsafeErrorOf<C extends ErrorCode> extends VouchsafeError {
  /** The reason. */
  readonly code: C;
}

/** Whether `error` is a {@link VouchsafeError}, also one of a second copy of this package. */
export function isVouchsafeError(error: unknown): error is VouchsafeError;
/** Whether `error` is a {@link VouchsafeError} of this code. */
export function isVouchsafeError<C extends ErrorCode>(error: unknown, code: C): error is VouchsafeErrorOf<C>;
