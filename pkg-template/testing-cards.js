/** The stand-in's cards. */

import { fail } from "./testing-errors.js";
import { checkCard, copyCard } from "./testing-text.js";
import { makeId, order, world } from "./testing-world.js";

/** @typedef {import("./index.d.ts").CardContent} CardContent */
/** @typedef {import("./testing-world.js").Account} Account */

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
  return { id, ...copyCard(card), version, createdAt, updatedAt };
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
  const now = Date.now();
  account.cards.set(id, { id, ...copyCard(content), version: 1, order: order(), createdAt: now, updatedAt: now });
  return cardOf(account, id);
}

/**
 * @param {Account} account
 * @param {CardContent & { id: string, version: number }} update
 */
export function updateCard(account, update) {
  checkCard(update);
  const before = account.cards.get(update.id);
  if (!before && !account.deleted.has(update.id)) return fail("not_found");
  if (before?.version !== update.version) return fail("conflict");
  account.cards.set(update.id, { ...before, ...copyCard(update), version: before.version + 1, updatedAt: Date.now() });
  world.damaged.delete(update.id);
  return cardOf(account, update.id);
}

/**
 * @param {Account} account
 * @param {string} id
 */
export function deleteCard({ cards, deleted }, id) {
  if (!cards.delete(id) && !deleted.has(id)) fail("not_found");
  deleted.add(id);
}
