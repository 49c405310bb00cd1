/** Checks of what apps pass and people type, as the module makes them. */

import { fail } from "./errors.js";

/** @typedef {import("./world.js").CardContent} CardContent */
/** @typedef {import("../index.d.ts").InvitationTicket} InvitationTicket */
/** @typedef {{ fields?: readonly string[] | null | undefined, files?: readonly string[] | null | undefined }} Part The choice of a card's fields and files. */
/** @typedef {{ id: string, secret: string, inviter?: string }} Ticket An invitation; of a link also the inviter's key. */

const MAX_NAME_BYTES = 200;
const MAX_LABEL_BYTES = 1000;
const MAX_FIELDS = 1000;
const MAX_KIND_BYTES = 100;
const MAX_DATA_BYTES = 16 << 10;
const MAX_CARD_BYTES = 1 << 20;
const MAX_FILES = 100;
const MAX_FILE_BYTES = 5 * 2 ** 30;
const MAX_FILE_NAME_BYTES = 1000;
const MAX_TYPE_BYTES = 255;
const MAX_EMAIL_BYTES = 254;
const MAX_PASSPHRASE_BYTES = 1000;
const MIN_PASSPHRASE_CHARACTERS = 8;
const MAX_TIME = 8_640_000_000_000_000;

/**
 * The bytes of a text in UTF-8. (`TextEncoder` is missing where Jest has jsdom.)
 *
 * @param {string} text
 */
function size(text) {
  let bytes = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** Letters that nobody sees, or that change the direction of others. */
const HIDDEN =
  /[\p{Cc}\p{Cs}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e007f}]/u;
/** Joiners and variation selectors, where they join and vary nothing. */
const LOOSE = /(^|[\0-\x7f])[\u200c\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}]|([\u200c\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}])\2/u;

/** Emoji of which a part would be hidden elsewhere: keys, and flags of parts of countries. */
const WHOLE = /[\d#*]\ufe0f\u20e3|\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;

/** @param {string} text */
function isPlain(text) {
  const rest = text.replace(WHOLE, "\u20e3");
  return !HIDDEN.test(rest) && !LOOSE.test(rest);
}

/**
 * Refuses half of a character, which has no UTF-8.
 *
 * @param {string} text
 */
function whole(text) {
  if (/\p{Cs}/u.test(text)) fail("bad_input", "A text has half a character in it.");
}

/** @param {string} name */
export function checkName(name) {
  if (name.trim() === "" || size(name) > MAX_NAME_BYTES) fail("bad_input", `A name has 1 to ${MAX_NAME_BYTES} bytes, and not white space alone.`, "name");
  if (!isPlain(name)) {
    fail("bad_input", "A name is one line of plain text, without characters that are invisible or change its direction.", "name");
  }
}

/** @param {string} typed */
export function checkEmail(typed) {
  const email = typed.trim().normalize("NFC").toLowerCase();
  if (!/^[^@\s\p{Cc}]+@[^@\s\p{Cc}]+$/u.test(email) || size(email) > MAX_EMAIL_BYTES) fail("bad_input", "This is not an email address.", "email");
  return email;
}

/**
 * @param {number | null | undefined} end
 * @param {number} [latest]
 */
export function checkExpiry(end, latest = MAX_TIME) {
  if (typeof end !== "number") return;
  if (end <= Date.now()) fail("bad_input", "`expiresAt` is in the past by this device's clock: check both.", "expiresAt");
  if (end > latest) fail("bad_input", "`expiresAt` is too far away: invitations and links last 90 days at most.", "expiresAt");
}

/** The longest life of an invitation or a link. */
const MAX_OPEN = 90 * 24 * 3600 * 1000;

/** @param {number | undefined} end */
export function checkOpenEnd(end) {
  checkExpiry(end, Date.now() + MAX_OPEN);
}

/**
 * @param {string} passphrase
 * @param {string} [argument]
 */
export function checkPassphrase(passphrase, argument = "passphrase") {
  if (passphrase === "" || size(passphrase) > MAX_PASSPHRASE_BYTES) {
    fail("bad_input", `A passphrase has 1 to ${MAX_PASSPHRASE_BYTES} bytes.`, argument);
  }
  whole(passphrase);
  return passphrase.normalize("NFC");
}

/**
 * @param {string} passphrase
 * @param {string} [argument]
 */
export function checkNewPassphrase(passphrase, argument = "passphrase") {
  if ([...passphrase].length < MIN_PASSPHRASE_CHARACTERS) {
    fail("bad_input", `A passphrase has ${MIN_PASSPHRASE_CHARACTERS} characters or more.`, argument);
  }
  return checkPassphrase(passphrase, argument);
}

/** @param {CardContent} content */
export function copyCard({ label, kind = null, data = null, fields, files = [] }) {
  return {
    label,
    kind,
    data,
    fields: fields.map((field) => ({ name: field.name, label: field.label, value: field.value })),
    files: files.map(({ id, name, type, size: bytes, key, digest }) => ({ id, name, type, size: bytes, key, digest })),
  };
}

const SIZES = `A field's name has 1 to ${MAX_NAME_BYTES} bytes, its label at most ${MAX_LABEL_BYTES}.`;

/**
 * @param {string} text
 * @param {string} argument
 */
function checkLine(text, argument) {
  if (isPlain(text)) return;
  fail("bad_input", "Names, labels and kinds are one line of plain text, without characters that are invisible or change its direction.", argument);
}

/** @param {CardContent} card */
export function checkCard({ label, kind = null, data = null, fields, files = [] }) {
  if (label.trim() === "" || size(label) > MAX_LABEL_BYTES) fail("bad_input", `A card's label has 1 to ${MAX_LABEL_BYTES} bytes, and not white space alone.`, "label");
  if (fields.length > MAX_FIELDS) fail("too_large", `A card has at most ${MAX_FIELDS} fields.`);
  checkLine(label, "label");
  if (kind !== null && (kind === "" || size(kind) > MAX_KIND_BYTES)) fail("bad_input", `A card's kind has 1 to ${MAX_KIND_BYTES} bytes.`, "kind");
  if (kind !== null) checkLine(kind, "kind");
  if (data !== null && size(data) > MAX_DATA_BYTES) fail("too_large", `A card's data has at most ${MAX_DATA_BYTES} bytes of JSON.`);
  if (/(^|[^\\])(\\\\)*\\ud[89a-f]/.test(data ?? "")) fail("bad_input", "A card's data is JSON.", "data");
  const names = new Set();
  for (const [index, field] of fields.entries()) {
    const [ofName, ofLabel] = [`fields[${index}].name`, `fields[${index}].label`];
    if (field.name === "" || size(field.name) > MAX_NAME_BYTES) fail("bad_input", SIZES, ofName);
    checkLine(field.name, ofName);
    if (size(field.label) > MAX_LABEL_BYTES) fail("bad_input", SIZES, ofLabel);
    checkLine(field.label, ofLabel);
    if (names.has(field.name)) fail("bad_input", `Two fields of the card have the name "${field.name}".`, ofName);
    names.add(field.name);
    whole(field.value);
  }
  checkFiles(files);
  const filled = files.length > 0 ? { files } : {};
  if (size(JSON.stringify({ card: { label, kind, data, fields, ...filled }, version: 1 })) > MAX_CARD_BYTES) fail("too_large");
}

/** @param {NonNullable<CardContent["files"]>} files */
function checkFiles(files) {
  if (files.length > MAX_FILES) fail("too_large", `A card has at most ${MAX_FILES} files.`);
  for (const [index, file] of files.entries()) {
    const within = `files[${index}].`;
    parseId(file.id, `${within}id`);
    checkFile(file.name, file.type, within);
    if (file.size < 0 || file.size > MAX_FILE_BYTES) fail("bad_input", `A file has at most ${MAX_FILE_BYTES} bytes.`, `${within}size`);
    for (const member of /** @type {const} */ (["key", "digest"])) {
      if (new RegExp(`^${BYTES_32}$`).test(file[member])) continue;
      fail("bad_input", "This is not what `addFile()` gave: 32 bytes in base64url.", `${within}${member}`);
    }
    if (files.findIndex(({ id }) => id === file.id) < index) fail("bad_input", "The card has this file twice.", `${within}id`);
  }
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string} [within]
 */
export function checkFile(name, type, within = "") {
  if (name.trim() === "" || size(name) > MAX_FILE_NAME_BYTES || !isPlain(name)) {
    const message = `A file's name has 1 to ${MAX_FILE_NAME_BYTES} bytes, not white space alone, on one line of plain text, without characters that are invisible or change its direction.`;
    fail("bad_input", message, `${within}name`);
  }
  if (!/^[ -~]+$/.test(type) || type.length > MAX_TYPE_BYTES) {
    fail("bad_input", `A media type has 1 to ${MAX_TYPE_BYTES} characters of ASCII, such as image/png.`, `${within}type`);
  }
}

/**
 * Checks that a choice names something.
 *
 * @param {Part} part
 */
export function checkPart({ fields, files }) {
  if (fields?.length === 0 && !files?.length) fail("bad_input", "`fields` names one field or more, or `files` one file.", "fields");
  files?.forEach((id, index) => parseId(id, `files[${index}]`));
}

/**
 * Refuses names of fields, and ids of files, that the card has not, and what is named twice.
 *
 * @param {CardContent} card
 * @param {Part} part
 */
export function checkChoice(card, { fields, files }) {
  const ofField = wrong(fields, card.fields.map(({ name }) => name));
  if (ofField >= 0) fail("bad_input", `The card has no field with the name "${fields?.[ofField]}", or it is named twice.`, `fields[${ofField}]`);
  const ofFile = wrong(files, card.files?.map(({ id }) => id));
  if (ofFile >= 0) fail("bad_input", `The card has no file with the id ${files?.[ofFile]}, or it is named twice.`, `files[${ofFile}]`);
}

/**
 * The place of the first name that is not known, or named before; -1 if there is none.
 *
 * @param {readonly string[] | null | undefined} names
 * @param {readonly string[]} [known]
 */
function wrong(names, known = []) {
  return names?.findIndex((name, at) => !known.includes(name) || names.indexOf(name) < at) ?? -1;
}

/**
 * The chosen part of a card, in the card's order. What the app keeps with the card is shown with all fields alone.
 *
 * @param {CardContent} card
 * @param {Part} part
 */
export function select(card, { fields, files }) {
  if (!fields && !files) return copyCard(card);
  const isShown = (/** @type {string} */ id) => (files ? files.includes(id) : !fields);
  return copyCard({
    ...card,
    data: fields ? null : card.data,
    fields: card.fields.filter(({ name }) => fields?.includes(name) ?? true),
    files: card.files?.filter(({ id }) => isShown(id)),
  });
}

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const BYTES_16 = "[\\w-]{21}[AQgw]";
const BYTES_32 = "[\\w-]{42}[AEIMQUYcgkosw048]";

/**
 * @param {string} id
 * @param {string} [argument]
 */
export function parseId(id, argument = "id") {
  if (new RegExp(`^${UUID}$`).test(id)) return id;
  fail("bad_input", "An id is a lower-case UUID such as 01890a5d-ac96-774b-bcce-b302099a8057.", argument);
}

const LINK = new RegExp(`^vouchsafe(?:=|%3[dD])1\\.(?:l\\.(${UUID})\\.(${BYTES_32})\\.(${BYTES_16})|m\\.(${UUID})\\.(${BYTES_16}))[\\s.,;:!?)>\\]"']*$`);

const CARD_LINK = new RegExp(`^vouchsafe(?:=|%3[dD])1\\.s\\.(${UUID})\\.(${BYTES_32})\\.(${BYTES_16})[\\s.,;:!?)>\\]"']*$`);

/**
 * @param {{ link?: string, id?: string, token?: string }} ticket
 * @returns {Ticket}
 */
export function parseTicket({ link, id, token }) {
  if (link === undefined) {
    const found = parseId(id ?? "");
    if (token === undefined || !new RegExp(`^${BYTES_16}$`).test(token)) {
      fail("bad_input", "This is not an invitation token: open the link of the invitation again.", "token");
    }
    return { id: found, secret: token };
  }
  const [, ofLink, inviter, secret, ofMail, mailed] = LINK.exec(link.trim().split("#").at(-1) ?? "") ?? [];
  if (ofLink && secret) return { id: ofLink, inviter, secret };
  if (ofMail && mailed) return { id: ofMail, secret: mailed };
  fail("bad_input", "This is not an invitation link: copy the whole link, to its last character.", "link");
}

/**
 * The id of a link to a card.
 *
 * @param {string} link
 */
export function idOfCardLink(link) {
  return cardLink(link)[1];
}

/** @param {string} link */
const cardLink = (link) => CARD_LINK.exec(link.trim().split("#").at(-1) ?? "") ?? [];

/** @param {string} link */
export function parseCardLink(link) {
  const [, id, key, secret] = cardLink(link);
  if (id && secret) return { id, key, secret };
  fail("bad_input", "This is not a link to a card: copy the whole link, to its last character.", "link");
}

export const WRONG_KEY = "This is not a recovery key: 14 groups of four letters and digits. Check for typing errors.";

/**
 * A recovery key without hyphens, in the letters of the key that was given.
 *
 * @param {string} typed
 */
export function parseRecoveryKey(typed) {
  const letters = typed.normalize("NFKC").toUpperCase().replace(/[\s\p{Cf}\p{Pd}]/gu, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  if (/^[0-9A-HJKMNP-TV-Z]{56}$/.test(letters)) return letters;
  fail("bad_input", WRONG_KEY, "recoveryKey");
}

/** @param {string} typed */
export function parseCode(typed) {
  const code = typed.normalize("NFKC").replace(/[\s\p{Cf}\p{Pd}]/gu, "");
  if (/^\d{8}$/.test(code)) return code;
  fail("bad_input", "The code has 8 digits.", "code");
}

/**
 * The digits of a safety number.
 *
 * @param {string} typed
 */
export function parseSafetyNumber(typed) {
  const digits = typed.normalize("NFKC").replace(/[\s\p{Cf}\p{Pd}]/gu, "");
  if (/^\d{60}$/.test(digits)) return digits;
  fail("bad_input", "A safety number has 60 digits: type or paste all of them.", "safetyNumber");
}

/**
 * What an identity token says: the subject of a JWT, or the text itself.
 *
 * @param {string | undefined} token
 */
export function parseIdentity(token) {
  if (!token) return fail("bad_input", "Pass a fresh `identityToken`.", "identityToken");
  const { iss = "", sub = token, exp, email, email_verified: verified } = claimsOf(token);
  if (typeof exp === "number" && exp * 1000 <= Date.now()) fail("identity_rejected", "The identity token has expired: get a fresh one.");
  return { login: `identity ${iss} ${sub}`, email: verified === true && typeof email === "string" ? email : null };
}

/**
 * @param {string} token
 * @returns {{ iss?: string, sub?: string, exp?: number, email?: string, email_verified?: boolean }}
 */
function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))) ?? {};
  } catch {
    return {};
  }
}
