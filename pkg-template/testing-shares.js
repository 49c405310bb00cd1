/** The stand-in's shares. */

import { find, usable } from "./testing-connections.js";
import { fail } from "./testing-errors.js";
import { checkExpiry, copyCard, select } from "./testing-text.js";
import { makeId, order, tell, world } from "./testing-world.js";

/** @typedef {import("./index.d.ts").CardContent} CardContent */
/** @typedef {import("./testing-errors.js").Failure} Failure */
/** @typedef {import("./testing-world.js").Account} Account */
/** @typedef {import("./testing-world.js").Share} Share */
/** @typedef {{ connections: string[], fields?: string[], expiresAt?: number, acceptUnverified?: boolean }} Request */

const MAX_RECIPIENTS = 200;

/**
 * Checks what is asked for, before anything is looked up.
 *
 * @param {Request} request
 */
export function sharedWith({ connections, fields, expiresAt, acceptUnverified }) {
  checkExpiry(expiresAt);
  if (connections.length < 1 || connections.length > MAX_RECIPIENTS || new Set(connections).size < connections.length) {
    fail("bad_input", `A card is shared with 1 to ${MAX_RECIPIENTS} different connections.`, "connections");
  }
  if (fields?.length === 0) fail("bad_input", "`fields` names one field or more.", "fields");
  return { connections, fields, expiresAt: expiresAt ?? null, acceptUnverified: acceptUnverified ?? false };
}

/**
 * @param {Account} account
 * @param {ReturnType<typeof sharedWith> & { content: CardContent }} request
 */
export function share(account, { content, connections, fields, expiresAt, acceptUnverified }) {
  const card = select(content, fields);
  return connections.map((id) => {
    try {
      const connection = find(account, id);
      const { peer, trust } = usable(account, connection);
      if (trust === "unverified" && !acceptUnverified) fail("connection_unverified");
      /** @type {Share} */
      const made = {
        id: makeId(7),
        order: order(),
        connection,
        space: makeId(7),
        from: account,
        to: peer,
        card: copyCard(card),
        claimed: false,
        revoked: false,
        createdAt: Date.now(),
        expiresAt,
      };
      world.shares.set(made.id, made);
      account.seen.add(made.id);
      tell([peer, account], "share", made.id);
      return { connection: id, share: shareOf(made), error: null };
    } catch (error) {
      return { connection: id, share: null, error: /** @type {Failure} */ (error) };
    }
  });
}

/** @param {Share} share */
export function shareOf({ id, connection, space, from, to, createdAt, expiresAt }) {
  return { id, connection: connection.id, space, from: from.id, to: to.id, createdAt, expiresAt };
}

/** @param {Share} share */
const isOver = ({ expiresAt }) => expiresAt !== null && expiresAt <= Date.now();

/** The shares that are there. */
const inForce = () => [...world.shares.values()].filter(({ revoked, connection }) => !revoked && !connection.ended);

/** @param {Account} account */
export function incoming(account) {
  return inForce().filter((share) => share.to === account && !isOver(share));
}

/**
 * @param {Account} account
 * @param {string | undefined} connection
 */
export function outgoing(account, connection) {
  return inForce().filter((share) => share.from === account && (connection === undefined || share.connection.id === connection));
}

/**
 * Opens a share, and claims it.
 *
 * @param {Account} account
 * @param {string} id
 */
export function read(account, id) {
  const share = inForce().find((one) => one.id === id && [one.from, one.to].includes(account));
  if (!share) return fail("not_found");
  if (isOver(share)) return fail("share_expired");
  const { peer, own, trust } = usable(account, share.connection);
  if (world.damaged.has(id)) return fail("record_rejected");
  account.seen.add(id);
  const weSent = share.from === account;
  if (!weSent) share.claimed = true;
  const name = weSent ? (account.login.startsWith("email ") ? account.email : account.id) : own.name;
  return { card: copyCard(share.card), from: { account: weSent ? account.id : peer.id, name }, trust, share: shareOf(share) };
}

/**
 * @param {Account} account
 * @param {string} id
 */
export function revoke(account, id) {
  const share = world.shares.get(id);
  if (share?.from !== account) return fail("not_found");
  if (share.revoked || share.connection.ended) return;
  share.revoked = true;
  tell([share.to, account], "revoked", id);
}
