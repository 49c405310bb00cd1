/** The stand-in's cards. */

import { fail } from "./errors.js";
import { listable } from "./files.js";
import { countOf, follow, revokeOf } from "./shares.js";
import { checkCard, copyCard } from "./text.js";
import { makeId, order, tell, world } from "./world.js";

/** @typedef {import("./world.js").CardContent} CardContent */
/** @typedef {import("./world.js").Account} Account */

/**
 * @param {Account} account
 * @param {string} id
 */
export function cardOf(account, id) {
  const card = account.cards.get(id);
  if (!card) return fail("not_found");
  if (world.damaged.has(id)) return fail("record_rejected");
  account.seen.add(id);
  const { version, createdAt, updatedAt } = card;
  return { id, ...copyCard(card), version, createdAt, updatedAt, shares: countOf(account, id) };
}

/**
 * @param {Account} account
 * @param {CardContent} content
 */
export function createCard(account, content) {
  return importCard(account, makeId(7), content);
}

/**
 * @param {Account} account
 * @param {string} id
 * @param {CardContent} content
 */
export function importCard(account, id, content) {
  checkCard(content);
  if (account.cards.has(id) || account.deleted.has(id)) fail("conflict");
  listable(account, content);
  const now = Date.now();
  account.cards.set(id, { id, ...copyCard(content), version: 1, order: order(), createdAt: now, updatedAt: now });
  tell([account], "card", id);
  return cardOf(account, id);
}

/**
 * Replaces a card's content, and brings its live shares up to date.
 *
 * @param {Account} account
 * @param {{ id: string, version: number, content: CardContent }} update
 */
export function updateCard(account, { id, version, content }) {
  checkCard(content);
  const before = account.cards.get(id);
  if (!before && !account.deleted.has(id)) return fail("not_found");
  if (before?.version !== version) return fail("conflict");
  listable(account, content);
  const card = { ...before, ...copyCard(content), version: before.version + 1, updatedAt: Date.now() };
  account.cards.set(id, card);
  world.damaged.delete(id);
  tell([account], "card", id);
  const lagging = follow(account, card);
  return { card: cardOf(account, id), lagging };
}

/**
 * @param {Account} account
 * @param {string} id
 * @param {"revoke" | "keep" | undefined} shares
 */
export function deleteCard(account, id, shares) {
  const { cards, deleted } = account;
  const count = countOf(account, id);
  if (shares === undefined && count > 0) {
    fail("card_shared", `The card is shared (${count} in force): say with \`shares\` whether to revoke or to keep them.`);
  }
  if (shares === "revoke") revokeOf(account, id);
  if (cards.delete(id)) tell([account], "card", id);
  else if (!deleted.has(id)) fail("not_found");
  deleted.add(id);
}
