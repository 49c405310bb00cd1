/** What apps pass to the calls of a session, checked for its kinds: what it says is the module's to judge. */

import { settings } from "./calls.js";
import { flag, json, list, number, object, optional, options as only, refuse, text, time, typed, uuid } from "./checks.js";
import { optionalToken } from "./identity.js";
import { own } from "./own.js";

/** @typedef {import("./index.d.ts").Field} Field */
/** @typedef {import("./index.d.ts").FileRef} FileRef */
/** @typedef {import("./index.d.ts").InvitationTicket} InvitationTicket */
/** @typedef {import("./index.d.ts").PageOptions} PageOptions */
/** @typedef {import("./index.d.ts").PassphraseOptions} PassphraseOptions */
/** @typedef {import("./index.d.ts").ShareOptions} ShareOptions */

/** Members of a card that was read, which its owner does not set. */
const cardMembers = ["id", "version", "createdAt", "updatedAt", "shares", "lagging", "error"];

/**
 * @param {unknown} value
 * @param {string} name
 */
export function period(value, name) {
  const milliseconds = number(value, name);
  if (milliseconds > 0) return milliseconds;
  return refuse(`Pass \`${name}\` as a positive number.`, name);
}

/**
 * @param {PageOptions} [options]
 * @param {readonly string[]} [members]
 */
export function pageOptions(options, members = ["cursor", "limit"]) {
  const { cursor, limit } = settings(options ?? {}, "`options` of the list", members);
  return { cursor: optional(cursor, "cursor", text), limit: optional(limit, "limit", number) };
}

/**
 * @param {PassphraseOptions} options
 * @param {string} call
 * @param {string[]} others
 */
export function passphraseOf(options, call, others = []) {
  const { passphrase, identityToken } = settings(options, `\`options\` of ${call}`, ["passphrase", "identityToken", ...others]);
  return { passphrase: text(passphrase, "passphrase"), identityToken: optionalToken(identityToken) };
}

/**
 * @param {import("./index.d.ts").NewCard} content
 * @param {string} of
 */
export function cardContent(content, of) {
  const { label, kind, data, fields, files } = only(content, of, ["label", "kind", "data", "fields", "files", ...cardMembers]);
  return {
    label: text(label, "label"),
    kind: optional(kind, "kind", text),
    data: optional(data, "data", json),
    fields: list(fields, "fields", field),
    files: optional(files, "files", (given, name) => list(given, name, file)) ?? [],
  };
}

/**
 * @param {Field} value
 * @param {string} position
 */
function field(value, position) {
  const { name, label, value: content } = only(value, `\`${position}\``, ["name", "label", "value"]);
  return {
    name: text(name, `${position}.name`),
    label: text(label, `${position}.label`),
    value: text(content, `${position}.value`),
  };
}

/**
 * @param {FileRef} value
 * @param {string} position
 */
function file(value, position) {
  const { id, name, type, size, key, digest } = only(value, `\`${position}\``, ["id", "name", "type", "size", "key", "digest"]);
  return {
    id: uuid(id, `${position}.id`),
    name: text(name, `${position}.name`),
    type: text(type, `${position}.type`),
    size: number(size, `${position}.size`),
    key: text(key, `${position}.key`),
    digest: text(digest, `${position}.digest`),
  };
}

/** @param {InvitationTicket} ticket */
export function invitationTicket(ticket) {
  const given = own(object(ticket, "`ticket`"));
  if ("link" in given) return { link: typed(only(given, "`ticket` with a link", ["link"]).link, "link") };
  const { id, token } = only(given, "`ticket` of a mail", ["id", "token"]);
  return { id: text(id, "id"), token: text(token, "token") };
}

/**
 * @param {Omit<ShareOptions, "connection">} options
 * @param {string} whom
 */
export function sharing(options, whom) {
  const members = [whom, "card", "fields", "files", "live", "expiresAt", "acceptUnverified"];
  const { card, fields, files, live, expiresAt, acceptUnverified } = settings(options, "`options` of the share", members);
  return {
    card: text(card, "card"),
    fields: optional(fields, "fields", texts),
    files: optional(files, "files", texts),
    live: optional(live, "live", flag),
    expiresAt: optional(expiresAt, "expiresAt", time),
    acceptUnverified: optional(acceptUnverified, "acceptUnverified", flag),
  };
}

/**
 * @param {readonly string[]} value
 * @param {string} name
 */
export function texts(value, name) {
  return list(value, name, text);
}
