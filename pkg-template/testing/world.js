/** The stand-in's accounts and records: in memory, and as plain as they were given. */

/**
 * The content of a card as the module has it, with its data as JSON.
 *
 * @typedef {object} CardContent
 * @property {string} label
 * @property {string | null | undefined} kind
 * @property {string | null | undefined} data
 * @property {readonly import("../index.d.ts").Field[]} fields
 * @property {readonly import("../index.d.ts").FileRef[]} [files]
 */

/** @typedef {import("../index.d.ts").LiveEventKind} LiveEventKind */
/** @typedef {import("./errors.js").Failure} Failure */

/**
 * @typedef {object} Account
 * @property {string} id
 * @property {string} login The address, or what an identity token says.
 * @property {string | null} email The address that mails go to.
 * @property {boolean} confirmed
 * @property {{ digits: string, sentAt: number, expiresAt: number, tries: number } | undefined} code
 * @property {string} passphrase
 * @property {string} recoveryKey Without hyphens.
 * @property {string} key In place of a public key.
 * @property {Map<string, Card>} cards
 * @property {Set<string>} deleted The ids of cards that were deleted.
 * @property {Set<string>} seen The ids of records that this browser has seen.
 * @property {Set<object>} logins The Keystore's sessions.
 * @property {Set<Listener>} listeners
 * @property {number} failedSignIns
 */

/** @typedef {{ login(): object, kinds: readonly LiveEventKind[], listener: (event: { kind: LiveEventKind, id: string }) => void }} Listener */
/** @typedef {CardContent & { id: string, version: number, order: number, createdAt: number, updatedAt: number }} Card */

/**
 * @typedef {object} Invitation
 * @property {string} id
 * @property {number} order
 * @property {Account} inviter
 * @property {"email" | "link"} delivery
 * @property {string | null} email
 * @property {string | null} named The address that the inviter had confirmed.
 * @property {string} name
 * @property {string} secret
 * @property {import("../index.d.ts").InvitationState} state
 * @property {boolean} cancelled Whether the inviter took it back, whatever came of it.
 * @property {Account | undefined} answeredBy
 * @property {number} createdAt
 * @property {number} expiresAt
 */

/** @typedef {{ name: string, verifiedBy: "safetyNumber" | "link" | null, known: boolean }} Side */

/**
 * @typedef {object} Connection
 * @property {string} id
 * @property {number} order
 * @property {Account} inviter
 * @property {Account} invitee
 * @property {{ inviter: Side, invitee: Side }} sides
 * @property {boolean} ended
 * @property {number} createdAt
 */

/**
 * @typedef {object} Share
 * @property {string} id
 * @property {number} order
 * @property {Connection} connection
 * @property {string} space
 * @property {Account} from
 * @property {Account} to
 * @property {CardContent} card
 * @property {string} source The card's id.
 * @property {number} cardVersion
 * @property {string[] | null} fields
 * @property {string[] | null} files
 * @property {boolean} live
 * @property {boolean} acceptUnverified
 * @property {number} edition
 * @property {number} updatedAt
 * @property {{ edition: number, at: number } | null} read
 * @property {boolean} claimed
 * @property {boolean} revoked
 * @property {number} createdAt
 * @property {number | null} expiresAt
 */

/**
 * @typedef {object} Link
 * @property {string} id
 * @property {number} order
 * @property {Account} from
 * @property {string} source The card's id.
 * @property {CardContent} card
 * @property {number} cardVersion
 * @property {string[] | null} fields
 * @property {string[] | null} files
 * @property {boolean} live
 * @property {string} name
 * @property {string | null} passphrase
 * @property {string} key In place of the thumbprint of its signing key.
 * @property {string} secret
 * @property {number} edition
 * @property {number | null} maxReads
 * @property {number} reads
 * @property {number | null} readAt
 * @property {number} wrong Wrong passphrases.
 * @property {boolean} revoked
 * @property {number} createdAt
 * @property {number} updatedAt
 * @property {number} expiresAt
 */

/** @typedef {import("../testing.d.ts").Mail} Mail */

const empty = () => ({
  count: 0,
  accounts: /** @type {Map<string, Account>} */ (new Map()),
  invitations: /** @type {Map<string, Invitation>} */ (new Map()),
  connections: /** @type {Map<string, Connection>} */ (new Map()),
  shares: /** @type {Map<string, Share>} */ (new Map()),
  links: /** @type {Map<string, Link>} */ (new Map()),
  files: /** @type {Map<string, import("./files.js").File>} */ (new Map()),
  kept: /** @type {import("./keeper.js").Kept[]} */ ([]),
  mails: /** @type {Mail[]} */ ([]),
  damaged: /** @type {Set<string>} */ (new Set()),
  changed: /** @type {Set<string>} */ (new Set()),
  faults: /** @type {Map<string, { error: Failure, times: number }[]>} */ (new Map()),
  holds: /** @type {Map<string, Promise<void>[]>} */ (new Map()),
  releases: /** @type {(() => void)[]} */ ([]),
});

export const world = empty();

/** Forgets everything, and ends every session. */
export function reset() {
  for (const account of world.accounts.values()) expel(account);
  for (const release of world.releases) release();
  Object.assign(world, empty());
}

/**
 * Ends the account's sessions, but for one.
 *
 * @param {Account} account
 * @param {object} [login]
 */
export function expel(account, login) {
  for (const other of account.logins) {
    if (other !== login) account.logins.delete(other);
  }
}

/**
 * @template T
 * @param {Map<string, T[]>} map
 * @param {string} name
 * @param {T} value
 */
export function push(map, name, value) {
  map.set(name, [...(map.get(name) ?? []), value]);
}

/**
 * Waits until a call may go on, and fails it if it shall fail.
 *
 * @param {string} call
 */
export async function turn(call) {
  await world.holds.get(call)?.shift();
  const faults = world.faults.get(call);
  const fault = faults?.[0];
  if (!fault) return;
  fault.times -= 1;
  if (fault.times < 1) faults.shift();
  throw { ...fault.error };
}

/** A number that grows with each record. */
export function order() {
  world.count += 1;
  return world.count;
}

/** @param {4 | 7} version 4 for accounts, 7 for all other records. */
export function makeId(version) {
  return `00000000-0000-${version}000-8000-${order().toString(16).padStart(12, "0")}`;
}

/**
 * Letters that look random and are the same in every run. They protect nothing.
 *
 * @param {string} seed
 * @param {number} length
 * @param {string} alphabet
 */
export function makeText(seed, length, alphabet) {
  let state = 2166136261;
  const next = (/** @type {number} */ value) => {
    state = Math.imul(state ^ value, 16777619);
    state ^= state >>> 13;
    return state >>> 0;
  };
  for (const letter of seed) next(letter.codePointAt(0) ?? 0);
  return Array.from({ length }, (_, index) => alphabet[next(index) % alphabet.length]).join("");
}

export const DIGITS = "0123456789";
const WORDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * Bytes in base64url, 16 or 32 of them.
 *
 * @param {string} seed
 * @param {16 | 32} bytes
 */
export function makeBytes(seed, bytes) {
  return bytes === 16
    ? makeText(seed, 21, WORDS) + makeText(`${seed}.`, 1, "AQgw")
    : makeText(seed, 42, WORDS) + makeText(`${seed}.`, 1, "AEIMQUYcgkosw048");
}

/** @param {string} id */
export function accountById(id) {
  return [...world.accounts.values()].find((account) => account.id === id);
}

/**
 * Tells those who listen, after what happened is done.
 *
 * @param {readonly Account[]} people
 * @param {LiveEventKind} kind
 * @param {string} id
 */
export function tell(people, kind, id) {
  // Not `queueMicrotask`, which test runners replace together with the timers.
  Promise.resolve().then(() => {
    for (const account of people) {
      for (const one of [...account.listeners]) {
        if (one.kinds.includes(kind) && account.logins.has(one.login())) one.listener({ kind, id });
      }
    }
  });
}

/**
 * @param {Invitation} invitation
 * @returns {import("../index.d.ts").InvitationState}
 */
export function stateOf({ state, expiresAt }) {
  return state === "pending" && expiresAt <= Date.now() ? "expired" : state;
}

/**
 * Ends a connection, and with it its shares.
 *
 * @param {Connection} connection
 */
export function end(connection) {
  if (connection.ended) return;
  connection.ended = true;
  tell([connection.inviter, connection.invitee], "connection", connection.id);
}

/**
 * Deletes an account and what it has.
 *
 * @param {Account} account
 */
export function remove(account) {
  world.accounts.delete(account.login);
  for (const invitation of world.invitations.values()) {
    if (invitation.inviter === account && stateOf(invitation) === "pending") invitation.state = "cancelled";
  }
  for (const connection of world.connections.values()) {
    if ([connection.inviter, connection.invitee].includes(account)) end(connection);
  }
  for (const { id, owner } of world.files.values()) {
    if (owner === account.id) world.files.delete(id);
  }
  expel(account);
}
