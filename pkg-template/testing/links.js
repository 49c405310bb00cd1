/** The stand-in's links, which show a card to somebody without an account. */

import { fail } from "./errors.js";
import { checkChoice, checkName, checkOpenEnd, checkPart, checkPassphrase, parseCardLink, select } from "./text.js";
import { makeBytes, makeId, order, tell, world } from "./world.js";

/** @typedef {import("./world.js").Account} Account */
/** @typedef {import("./world.js").Card} Card */
/** @typedef {import("./world.js").Link} Link */
/** @typedef {{ fields?: string[], files?: string[], live?: boolean, expiresAt: number, maxReads?: number, passphrase?: string, name: string }} Request */

const MAX_WRONG = 10;

/** @param {Link} link */
export function stateOf({ expiresAt, wrong, maxReads, reads }) {
  if (expiresAt <= Date.now()) return "expired";
  if (wrong >= MAX_WRONG) return "closed";
  return maxReads !== null && reads >= maxReads ? "used" : "open";
}

/**
 * Checks what is asked for, before anything is looked up.
 *
 * @param {Request} request
 * @param {string | undefined} page
 */
export function linkedBy({ fields, files, live, expiresAt, maxReads, passphrase, name }, page) {
  checkName(name);
  checkOpenEnd(expiresAt);
  if (maxReads !== undefined && maxReads < 1) fail("bad_input", "`maxReads` is 1 or more.", "maxReads");
  if (page === undefined) fail("bad_input", "A link needs the `invitationUrl` of `open`.", "invitationUrl");
  checkPart({ fields, files });
  return {
    fields: fields ?? null,
    files: files ?? null,
    live: live ?? true,
    expiresAt,
    maxReads: maxReads ?? null,
    passphrase: passphrase === undefined ? null : checkPassphrase(passphrase),
    name,
  };
}

/**
 * @param {Account} account
 * @param {Card} source
 * @param {ReturnType<typeof linkedBy>} request
 */
export function makeLink(account, source, request) {
  checkChoice(source, request);
  const [id, now] = [makeId(7), Date.now()];
  /** @type {Link} */
  const link = {
    ...request,
    id,
    order: order(),
    from: account,
    source: source.id,
    card: select(source, request),
    cardVersion: source.version,
    edition: 1,
    key: makeBytes(`link ${id}`, 32),
    secret: makeBytes(`secret ${id}`, 16),
    wrong: 0,
    reads: 0,
    readAt: null,
    revoked: false,
    createdAt: now,
    updatedAt: now,
  };
  world.links.set(id, link);
  account.seen.add(id);
  tell([account], "link", id);
  return link;
}

/**
 * A link as its maker sees it.
 *
 * @param {Link} link
 * @param {string | undefined} page
 */
export function linkOf(link, page) {
  const { id, key, secret, from, source, cardVersion, fields, files, live, name, passphrase } = link;
  const { edition, maxReads, reads, readAt, createdAt, updatedAt, expiresAt } = link;
  const state = stateOf(link);
  const newest = from.seen.has(source) ? (from.cards.get(source)?.version ?? cardVersion) : null;
  return {
    id,
    link: state === "open" && page !== undefined ? `${page}#vouchsafe=1.s.${id}.${key}.${secret}` : null,
    card: source,
    fields,
    files,
    live,
    name,
    upToDate: newest === null ? null : cardVersion >= newest,
    state,
    passphrase: passphrase !== null,
    edition,
    maxReads,
    reads,
    readAt,
    createdAt,
    updatedAt,
    expiresAt,
  };
}

/** @param {Account} account */
export function linksOf(account) {
  return [...world.links.values()].filter((link) => link.from === account && !link.revoked);
}

/**
 * Those of a card whose time is not over.
 *
 * @param {Account} account
 * @param {string} card
 */
export function linksOfCard(account, card) {
  return linksOf(account).filter((link) => link.source === card && link.expiresAt > Date.now());
}

/**
 * Brings a card's live links up to date.
 *
 * @param {Account} account
 * @param {Card} source
 */
export function followLinks(account, source) {
  for (const link of linksOfCard(account, source.id)) {
    if (!link.live || stateOf(link) !== "open") continue;
    const card = select(source, link);
    link.cardVersion = source.version;
    if (JSON.stringify(card) === JSON.stringify(link.card)) continue;
    Object.assign(link, { card, edition: link.edition + 1, updatedAt: Date.now() });
    tell([account], "link", link.id);
  }
}

/**
 * @param {Account} account
 * @param {string} id
 */
export function revokeLink(account, id) {
  const link = world.links.get(id);
  if (link?.from !== account) return fail("not_found");
  if (link.revoked) return;
  link.revoked = true;
  tell([account], "link", id);
}

/**
 * Opens somebody's link.
 *
 * @param {string} typed
 * @param {string} [passphrase]
 */
export function openLink(typed, passphrase) {
  const { id, key, secret } = parseCardLink(typed);
  const words = passphrase === undefined ? undefined : checkPassphrase(passphrase);
  const link = world.links.get(id);
  if (!link || link.revoked || link.secret !== secret || !world.accounts.has(link.from.login)) return fail("not_found");
  if (stateOf(link) !== "open") return fail("share_expired");
  if (link.passphrase !== null && words === undefined) return fail("passphrase_needed");
  if (link.passphrase !== null && link.passphrase !== words) {
    link.wrong += 1;
    return fail("wrong_credentials");
  }
  Object.assign(link, { reads: link.reads + 1, readAt: Date.now() });
  tell([link.from], "link", id);
  if (link.key !== key || world.damaged.has(id)) return fail("record_rejected");
  const { card, name, edition, expiresAt } = link;
  return { card: select(card, {}), claimedName: name, edition, expiresAt, ticket: ticketOf(id) };
}

/**
 * The right to a link's files.
 *
 * @param {string} id
 */
export const ticketOf = (id) => makeBytes(`ticket ${id}`, 32);
