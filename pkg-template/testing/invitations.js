/** The stand-in's invitations. */

import { fail } from "./errors.js";
import { checkEmail, checkName, checkOpenEnd } from "./text.js";
import { end, makeBytes, makeId, order, stateOf, tell, world } from "./world.js";

/** @typedef {import("./text.js").Ticket} Ticket */
/** @typedef {import("./world.js").Account} Account */
/** @typedef {import("./world.js").Connection} Connection */
/** @typedef {import("./world.js").Invitation} Invitation */
/** @typedef {{ link: string | undefined, mail: string }} Pages */

const LIFETIME = 14 * 24 * 3600 * 1000;

/**
 * @param {Account} inviter
 * @param {Pages} pages
 * @param {{ delivery: "email" | "link", email?: string, page?: string, language?: string | null, name: string, expiresAt?: number }} options
 */
export function invite(inviter, pages, { delivery, email, page = pages.mail, language = null, name, expiresAt }) {
  const now = Date.now();
  checkName(name);
  checkOpenEnd(expiresAt);
  const to = delivery === "email" ? (email ?? "").trim() : null;
  if (to !== null) checkEmail(to);
  if (delivery === "link" && pages.link === undefined) {
    fail("bad_input", "An invitation link needs the `invitationUrl` of `open`.", "invitationUrl");
  }
  const id = makeId(7);
  /** @type {Invitation} */
  const invitation = {
    id,
    order: order(),
    inviter,
    delivery,
    email: to,
    named: inviter.confirmed && /^[\w@.+-]+$/.test(inviter.email ?? "") ? inviter.email : null,
    name,
    secret: makeBytes(`secret ${id}`, 16),
    state: "pending",
    cancelled: false,
    answeredBy: undefined,
    createdAt: now,
    expiresAt: expiresAt ?? now + LIFETIME,
  };
  world.invitations.set(id, invitation);
  if (to !== null) {
    const link = `${page}#vouchsafe=1.m.${id}.${invitation.secret}`;
    world.mails.unshift({ to, link, code: null, language, sentAt: now });
  }
  return invitation;
}

/**
 * An invitation as its inviter sees it.
 *
 * @param {Account} account
 * @param {Pages} pages
 * @param {Invitation} invitation
 */
export function invitationOf(account, pages, invitation) {
  const { id, delivery, email, name, secret, createdAt, expiresAt } = invitation;
  if (world.damaged.has(id)) fail("record_rejected");
  account.seen.add(id);
  const state = invitation.cancelled ? "cancelled" : stateOf(invitation);
  const handed = delivery === "link" && state === "pending" && pages.link !== undefined;
  const link = handed ? `${pages.link}#vouchsafe=1.l.${id}.${account.key}.${secret}` : null;
  return { id, delivery, state, reason: null, email, name, link, createdAt, expiresAt };
}

/** @param {Account} account */
export function ofInviter(account) {
  return [...world.invitations.values()].filter(({ inviter }) => inviter === account);
}

/**
 * @param {Account} account
 * @param {string} id
 */
export function cancelInvitation(account, id) {
  const invitation = world.invitations.get(id);
  if (invitation?.inviter !== account) return fail("not_found");
  const connection = world.connections.get(id);
  if (connection?.sides.inviter.known && !invitation.cancelled) return fail("invitation_used");
  invitation.cancelled = true;
  // It was accepted unseen: that connection is not wanted.
  if (connection) end(connection);
  else if (invitation.state === "pending") {
    invitation.state = "cancelled";
    tell([account], "invitation", id);
  }
  return invitation;
}

/**
 * The invitation of a ticket, for somebody else than its inviter.
 *
 * @param {Account} account
 * @param {Ticket} ticket
 */
function held(account, { id, secret, inviter }) {
  const invitation = world.invitations.get(id);
  const delivery = inviter === undefined ? "email" : "link";
  if (invitation?.secret !== secret || invitation.delivery !== delivery) return fail("not_found");
  if (invitation.inviter === account) return fail("bad_input", "Let somebody else answer: this invitation is your own.");
  return invitation;
}

/**
 * Where an invitation stands, for whoever holds it.
 *
 * @param {Ticket} ticket
 */
export function previewInvitation({ id, secret, inviter }) {
  const invitation = world.invitations.get(id);
  if (invitation?.secret !== secret) return fail("not_found");
  const { delivery, named, expiresAt, inviter: by } = invitation;
  if (delivery !== (inviter === undefined ? "email" : "link")) return fail("record_rejected");
  const keysMatch = inviter === undefined ? null : inviter === by.key && !world.changed.has(by.id);
  return { delivery, state: stateOf(invitation), expiresAt, keysMatch, inviterEmail: named };
}

/**
 * Refuses an invitation that is over.
 *
 * @param {Invitation} invitation
 */
function checkOpen(invitation) {
  switch (stateOf(invitation)) {
    case "accepted":
      return fail("invitation_used");
    case "declined":
      return fail("invitation_declined");
    case "cancelled":
      return fail("invitation_cancelled");
    case "expired":
      return fail("invitation_expired");
  }
}

/**
 * @param {Account} account
 * @param {Ticket} ticket
 */
export function declineInvitation(account, ticket) {
  const invitation = held(account, ticket);
  if (invitation.state === "declined" && invitation.answeredBy === account) return;
  checkOpen(invitation);
  Object.assign(invitation, { state: "declined", answeredBy: account });
  tell([invitation.inviter], "invitation", invitation.id);
}

/**
 * @param {Account} account
 * @param {Ticket} ticket
 * @param {string} name
 * @returns {Connection}
 */
export function acceptInvitation(account, ticket, name) {
  checkName(name);
  const invitation = held(account, ticket);
  const { id, inviter, delivery } = invitation;
  const before = world.connections.get(id);
  if (before?.invitee === account) return before.ended ? fail("invitation_used") : before;
  checkOpen(invitation);
  if (ticket.inviter !== undefined && (ticket.inviter !== inviter.key || world.changed.has(inviter.id))) fail("peer_key_changed");
  Object.assign(invitation, { state: "accepted", answeredBy: account });
  const verifiedBy = delivery === "link" ? "link" : null;
  /** @type {Connection} */
  const connection = {
    id,
    order: order(),
    inviter,
    invitee: account,
    sides: { inviter: { name: invitation.name, verifiedBy, known: false }, invitee: { name, verifiedBy, known: true } },
    ended: false,
    createdAt: Date.now(),
  };
  world.connections.set(id, connection);
  tell([inviter, account], "connection", id);
  return connection;
}
