/** The stand-in for the Vault's part in files: it keeps the ciphertext that the package makes, and gives it to those who may read it. */

import { VouchsafeError } from "../errors.js";
import { SENTENCES, fail } from "./errors.js";
import { ticketOf } from "./links.js";
import { world } from "./world.js";

/** @typedef {import("../index.d.ts").ErrorCode} ErrorCode */
/** @typedef {import("./world.js").CardContent} CardContent */

/**
 * A file; `digests` is known once it is finished.
 *
 * @typedef {{ id: string, owner: string, parts: Map<number, Uint8Array<ArrayBuffer>>, digests: Uint8Array<ArrayBuffer> | undefined }} File
 */

const JSON_TYPE = { "content-type": "application/json" };
const OCTETS = { "content-type": "application/octet-stream" };

/**
 * @param {number} status
 * @param {ErrorCode} code
 */
function refusal(status, code) {
  return new Response(JSON.stringify({ error: { code, message: SENTENCES[code] } }), { status, headers: JSON_TYPE });
}

/** @param {object} value */
const answer = (value) => new Response(JSON.stringify(value), { headers: JSON_TYPE });

/**
 * Answers a request as the Vault would. What fails here fails at once: it is no network.
 *
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export async function fetchFiles(url, init) {
  if (init.signal?.aborted) throw init.signal.reason;
  try {
    return await respond(url, init);
  } catch (cause) {
    throw new VouchsafeError("server_error", "The stand-in needs the fetch, Response and Blob of a browser or of Node.js here: see `cause`.", { cause, retryable: false });
  }
}

/**
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
async function respond(url, { method, headers, body }) {
  const { authorization, range, "content-range": place = "" } = /** @type {Record<string, string>} */ (headers);
  // A token of the stand-in is the account's id.
  const token = String(authorization).replace("Bearer ", "");
  const [, link, id, what = ""] = /(?:\/links\/([^/]+))?\/files(?:\/([^/]+))?(?:\/(\w+))?$/.exec(url) ?? [];
  if (!id) return create(token, JSON.parse(String(body)).id);
  const file = world.files.get(id);
  const isRead = method === "GET" && what !== "parts";
  const mayAsk = file?.owner === token || (isRead && (link ? isShownBy(link, token, id) : isSharedWith(token, id)));
  if (!file || !mayAsk) return refusal(404, "not_found");
  switch (`${method} ${what}`) {
    case "PUT ": {
      const first = Number(/\d+/.exec(place));
      file.parts.set(first, new Uint8Array(await new Response(body).arrayBuffer()));
      return new Response(null, { status: 204 });
    }
    case "GET parts":
      return answer({ ranges: [...file.parts].map(([first, { length }]) => ({ first, last: first + length - 1 })) });
    case "POST finish": {
      const letters = atob(JSON.parse(String(body)).digests.replaceAll("-", "+").replaceAll("_", "/"));
      file.digests = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
      return answer({ id });
    }
    case "DELETE ":
      if (isListed(id)) return refusal(409, "conflict");
      world.files.delete(id);
      return new Response(null, { status: 204 });
    default:
      return file.digests ? read(file, what, range) : refusal(404, "not_found");
  }
}

/**
 * @param {CardContent} card
 * @param {string} file
 */
const has = ({ files = [] }, file) => files.some(({ id }) => id === file);

/** @param {{ expiresAt: number | null }} record */
const isOver = ({ expiresAt }) => expiresAt !== null && expiresAt <= Date.now();

/** The shares and links that are there. */
const shown = () => ({
  shares: [...world.shares.values()].filter((share) => !share.revoked && !share.connection.ended && !isOver(share)),
  links: [...world.links.values()].filter((link) => !link.revoked && !isOver(link)),
});

/**
 * @param {string} account
 * @param {string} file
 */
function isSharedWith(account, file) {
  return shown().shares.some(({ to, card }) => to.id === account && has(card, file));
}

/**
 * @param {string} link
 * @param {string} ticket
 * @param {string} file
 */
function isShownBy(link, ticket, file) {
  return ticket === ticketOf(link) && shown().links.some(({ id, card }) => id === link && has(card, file));
}

/** @param {string} file */
function isListed(file) {
  const { shares, links } = shown();
  const cards = [...world.accounts.values()].flatMap((account) => [...account.cards.values()]);
  return [...cards, ...shares.map(({ card }) => card), ...links.map(({ card }) => card)].some((card) => has(card, file));
}

/**
 * Refuses a card with files that are not finished, or not the account's.
 *
 * @param {import("./world.js").Account} account
 * @param {CardContent} card
 */
export function listable(account, { files = [] }) {
  for (const { id } of files) {
    const file = world.files.get(id);
    if (file?.owner !== account.id || !file.digests) fail("not_found");
  }
}

/**
 * @param {string} owner
 * @param {string} id
 */
function create(owner, id) {
  const known = world.files.get(id);
  if (known && known.owner !== owner) return refusal(409, "conflict");
  world.files.set(id, known ?? { id, owner, parts: new Map(), digests: undefined });
  return answer({ id });
}

/**
 * @param {File} file
 * @param {string} what
 * @param {string} [range]
 */
async function read({ parts, digests }, what, range) {
  if (what === "digests") return new Response(digests, { headers: OCTETS });
  const sorted = [...parts].sort(([one], [other]) => one - other).map(([, part]) => part);
  const [, first, last] = (/bytes=(\d+)-(\d+)/.exec(range ?? "") ?? []).map(Number);
  // Who asks has loaded it. A page that stands in for a browser's may have another Blob than what answers know.
  const { joined } = await import("../files/bytes.js");
  return new Response(joined(sorted).slice(first, last + 1), { status: 206, headers: OCTETS });
}
