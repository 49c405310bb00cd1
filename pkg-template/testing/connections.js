/** The stand-in's connections. */

import { fail } from "./errors.js";
import { checkName, parseSafetyNumber } from "./text.js";
import { DIGITS, end, makeText, world } from "./world.js";

/** @typedef {import("./world.js").Account} Account */
/** @typedef {import("./world.js").Connection} Connection */

const GROUPS = 12;
/** The most digits of a safety number that may be wrong by a typing error. */
const MAX_SLIPS = 6;

/** @param {Account} account */
export function ofPerson(account) {
  return [...world.connections.values()].filter(({ inviter, invitee }) => [inviter, invitee].includes(account));
}

/**
 * @param {Account} account
 * @param {string} id
 */
export function find(account, id) {
  return ofPerson(account).find((connection) => connection.id === id) ?? fail("not_found");
}

/**
 * A connection from one of its sides.
 *
 * @param {Account} account
 * @param {Connection} connection
 */
export function sidesOf(account, connection) {
  /** @type {"inviter" | "invitee"} */
  const role = connection.inviter === account ? "inviter" : "invitee";
  const peer = role === "inviter" ? connection.invitee : connection.inviter;
  const own = connection.sides[role];
  const trust = world.changed.has(peer.id) ? "changed" : own.verifiedBy ? "verified" : "unverified";
  return { role, peer, own, trust: /** @type {import("../index.d.ts").Trust} */ (trust) };
}

/**
 * The same, if it opens. Its inviter has seen it from then on.
 *
 * @param {Account} account
 * @param {Connection} connection
 */
export function checked(account, connection) {
  if (world.damaged.has(connection.id)) fail("record_rejected");
  const sides = sidesOf(account, connection);
  sides.own.known = true;
  account.seen.add(connection.id);
  return sides;
}

/**
 * The same, if anything may be done with this person.
 *
 * @param {Account} account
 * @param {Connection} connection
 */
export function usable(account, connection) {
  const sides = checked(account, connection);
  if (connection.ended) fail("not_found");
  if (sides.trust === "changed") fail("peer_key_changed");
  return sides;
}

/**
 * The number that both sides have.
 *
 * @param {Connection} connection
 */
function safetyNumber({ inviter, invitee }) {
  const digits = makeText(`safety ${[inviter.id, invitee.id].sort().join(" ")}`, 5 * GROUPS, DIGITS);
  return (digits.match(/.{5}/g) ?? []).join(" ");
}

/**
 * @param {Account} account
 * @param {Connection} connection
 */
export function connectionOf(account, connection) {
  const { role, peer, own, trust } = checked(account, connection);
  return {
    id: connection.id,
    state: connection.ended ? "ended" : "active",
    name: own.name,
    account: peer.id,
    trust,
    verifiedBy: trust === "verified" ? own.verifiedBy : null,
    safetyNumber: safetyNumber(connection),
    role,
    createdAt: connection.createdAt,
  };
}

/**
 * @param {Account} account
 * @param {string} id
 * @param {string} typed
 */
export function markVerified(account, id, typed) {
  const connection = find(account, id);
  const { own } = usable(account, connection);
  const number = safetyNumber(connection).replaceAll(" ", "");
  const wrong = [...parseSafetyNumber(typed)].filter((digit, at) => digit !== number[at]).length;
  if (wrong > MAX_SLIPS) fail("safety_number_mismatch");
  if (wrong > 0) fail("bad_input", "A few digits are not as they should be: check the number for typing errors.", "safetyNumber");
  own.verifiedBy ??= "safetyNumber";
  return connectionOf(account, connection);
}

/**
 * @param {Account} account
 * @param {string} id
 * @param {string} name
 */
export function renameConnection(account, id, name) {
  checkName(name);
  const connection = find(account, id);
  checked(account, connection).own.name = name;
  return connectionOf(account, connection);
}

/**
 * @param {Account} account
 * @param {string} id
 */
export function disconnect(account, id) {
  end(find(account, id));
}
