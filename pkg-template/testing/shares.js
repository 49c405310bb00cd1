/** The stand-in's shares. */

import { find, usable } from "./connections.js";
import { fail } from "./errors.js";
import { followLinks, linksOfCard, revokeLink } from "./links.js";
import { checkChoice, checkExpiry, checkPart, copyCard, select } from "./text.js";
import { makeBytes, makeId, order, tell, world } from "./world.js";

/** @typedef {import("./errors.js").Failure} Failure */
/** @typedef {import("./world.js").Account} Account */
/** @typedef {import("./world.js").Card} Card */
/** @typedef {import("./world.js").Share} Share */
/** @typedef {{ connections: string[], fields?: string[], files?: string[], live?: boolean, expiresAt?: number, acceptUnverified?: boolean }} Request */

const MAX_RECIPIENTS = 200;

/**
 * Checks what is asked for, before anything is looked up.
 *
 * @param {Request} request
 */
export function sharedWith({ connections, fields, files, live, expiresAt, acceptUnverified }) {
  checkExpiry(expiresAt);
  if (connections.length < 1 || connections.length > MAX_RECIPIENTS || new Set(connections).size < connections.length) {
    fail("bad_input", `A card is shared with 1 to ${MAX_RECIPIENTS} different connections.`, "connections");
  }
  checkPart({ fields, files });
  return {
    connections,
    fields: fields ?? null,
    files: files ?? null,
    live: live ?? true,
    expiresAt: expiresAt ?? null,
    acceptUnverified: acceptUnverified ?? false,
  };
}

/**
 * @param {Account} account
 * @param {ReturnType<typeof sharedWith> & { source: Card }} request
 */
export function share(account, { source, connections, fields, files, live, expiresAt, acceptUnverified }) {
  checkChoice(source, { fields, files });
  return connections.map((id) => {
    try {
      const connection = find(account, id);
      const { peer, trust } = usable(account, connection);
      if (trust === "unverified" && !acceptUnverified) fail("connection_unverified");
      const choice = { fields, files, live, expiresAt, acceptUnverified };
      const before = live && sharesOf(account, source.id).find((one) => one.live && one.connection === connection);
      if (before) {
        show(before, source, choice);
        return { connection: id, share: shareOf(before), error: null };
      }
      const now = Date.now();
      /** @type {Share} */
      const made = {
        ...choice,
        id: makeId(7),
        order: order(),
        connection,
        space: makeId(7),
        from: account,
        to: peer,
        card: select(source, choice),
        source: source.id,
        cardVersion: source.version,
        edition: 1,
        claimed: false,
        read: null,
        revoked: false,
        createdAt: now,
        updatedAt: now,
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

/**
 * Makes a share show a card by a choice. Whoever would see nothing new is told nothing.
 *
 * @param {Share} share
 * @param {Card} source
 * @param {Pick<Share, "fields" | "files" | "expiresAt" | "acceptUnverified">} choice
 */
function show(share, source, choice) {
  const card = select(source, choice);
  const isNew = JSON.stringify(card) !== JSON.stringify(share.card) || choice.expiresAt !== share.expiresAt;
  Object.assign(share, choice, { cardVersion: source.version });
  if (!isNew) return;
  Object.assign(share, { card, edition: share.edition + 1, updatedAt: Date.now() });
  tell([share.to, share.from], "updated", share.id);
}

/**
 * Brings a card's live shares up to date, and gives those that cannot be.
 *
 * @param {Account} account
 * @param {Card} source
 */
export function follow(account, source) {
  followLinks(account, source);
  const lagging = [];
  for (const one of sharesOf(account, source.id)) {
    if (!one.live) continue;
    try {
      usable(account, one.connection);
      show(one, source, one);
    } catch (error) {
      lagging.push({ share: one.id, connection: one.connection.id, error: /** @type {Failure} */ (error) });
    }
  }
  return lagging;
}

/** @param {Share} share */
export function shareOf({ id, connection, space, from, to, createdAt, expiresAt, edition, updatedAt }) {
  return { id, connection: connection.id, space, from: from.id, to: to.id, createdAt, expiresAt, edition, updatedAt };
}

/**
 * A share as its sender sees it.
 *
 * @param {Account} account
 * @param {Share} share
 */
export function outgoingOf(account, share) {
  const { claimed, source, fields, files, live, read, cardVersion } = share;
  const newest = account.seen.has(source) ? (account.cards.get(source)?.version ?? cardVersion) : null;
  const upToDate = newest === null ? null : cardVersion >= newest;
  return { ...shareOf(share), claimed, card: source, fields, files, live, upToDate, read };
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
 * A card's shares that are in force.
 *
 * @param {Account} account
 * @param {string} card
 */
export function sharesOf(account, card) {
  return outgoing(account, undefined).filter((share) => share.source === card && !isOver(share));
}

/**
 * @param {Account} account
 * @param {string} card
 */
export function countOf(account, card) {
  return sharesOf(account, card).length + linksOfCard(account, card).length;
}

/**
 * @param {Account} account
 * @param {string} card
 */
export function revokeOf(account, card) {
  for (const { id } of sharesOf(account, card)) revoke(account, id);
  for (const { id } of linksOfCard(account, card)) revokeLink(account, id);
}

/**
 * Opens a share, and claims it.
 *
 * @param {Account} account
 * @param {string} id
 * @param {boolean} receipts Whether the sender hears of it.
 */
export function read(account, id, receipts) {
  const share = inForce().find((one) => one.id === id && [one.from, one.to].includes(account));
  if (!share) return fail("not_found");
  if (isOver(share)) return fail("share_expired");
  const { peer, own, trust } = usable(account, share.connection);
  if (world.damaged.has(id)) return fail("record_rejected");
  account.seen.add(id);
  const weSent = share.from === account;
  if (!weSent) share.claimed = true;
  if (!weSent && receipts && share.read?.edition !== share.edition) {
    share.read = { edition: share.edition, at: Date.now() };
    tell([share.from], "read", id);
  }
  const name = weSent ? (account.login.startsWith("email ") ? account.email : account.id) : own.name;
  const ref = makeBytes(`ref ${share.source} ${share.connection.id}`, 16);
  return { card: copyCard(share.card), from: { account: weSent ? account.id : peer.id, name }, trust, share: shareOf(share), ref };
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
