/** Requests about files: sent again while the Vault is away or too busy, each within a time, like those of the module. */

import { VouchsafeError, isVouchsafeError } from "../errors.js";
import { kindOf, own } from "../own.js";
import { clearTimeout, setTimeout } from "../timers.js";
import { joined } from "./bytes.js";

/**
 * The way to the files of an account, or of a link.
 *
 * @typedef {object} Access
 * @property {string} base The Vault's address.
 * @property {string} [within] The path that the files are in: of a link `/links/` and its id.
 * @property {(fresh?: boolean) => Promise<string>} token Gives the token to show, or the ticket: a fresh one, if the last was refused.
 * @property {(url: string, init: RequestInit) => Promise<Response>} [fetch]
 * @property {number} [timeout] Milliseconds for one request with its repetitions; a part may take six times as long.
 */

/**
 * One request.
 *
 * @template T
 * @typedef {object} Request
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {BodyInit} [body]
 * @property {AbortSignal | undefined} [signal]
 * @property {number} [timeout] Milliseconds, with all repetitions.
 * @property {readonly number[]} [statuses] Those of the answers that say that it worked.
 * @property {string} [type] The type of their bodies, JSON by default. Those of status 204 have none.
 * @property {(response: Response) => T | Promise<T>} read Reads an answer. It is asked again if that fails.
 */

/** Milliseconds for a request, unless the app sets another time. */
export const TIMEOUT = 20_000;
const JSON_TYPE = "application/json";
/** The longest wait before the second attempt, in milliseconds; before each further one it doubles, up to the last. */
const FIRST_WAIT = 200;
const LAST_WAIT = 5000;
/** Codes of the services, for files. */
const CODES = ["not_found", "conflict", "bad_input", "too_large", "quota_exceeded", "session_expired", "share_expired", "rate_limited", "server_error"];
/** The most bytes of an answer in JSON. */
const MAX_JSON = 2 ** 16;

/**
 * Makes a request, with a fresh token where the first was refused.
 *
 * @template T
 * @param {Access} access
 * @param {string} path
 * @param {Request<T>} request
 * @returns {Promise<T>}
 */
export async function ask(access, path, request) {
  const given = own(request);
  const { signal, timeout = access.timeout ?? TIMEOUT } = given;
  const end = performance.now() + timeout;
  const left = () => end - performance.now();
  let [isFresh, wasRefused] = [false, false];
  for (let longest = FIRST_WAIT; ; longest = Math.min(2 * longest, LAST_WAIT)) {
    const outcome = await attempt(access, path, given, isFresh, left()).then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    if ("value" in outcome) return outcome.value;
    const { error } = outcome;
    isFresh = false;
    if (signal?.aborted) throw aborted(signal);
    // Who has no ticket of a link sees nothing there.
    if (isVouchsafeError(error, access.within ? "not_found" : "session_expired") && !wasRefused) {
      isFresh = wasRefused = true;
      continue;
    }
    const wait = (error?.retryAfter ?? 0) + Math.random() * longest;
    if (!passing.has(error) || wait >= left()) throw error;
    await pause(wait, signal);
  }
}

/** Errors that may be over at the next attempt. */
const passing = new WeakSet();

/**
 * @template {VouchsafeError} E
 * @param {E} error
 */
function mayPass(error) {
  passing.add(error);
  return error;
}

/**
 * @template T
 * @param {Access} access
 * @param {string} path
 * @param {Request<T>} request
 * @param {boolean} isFresh
 * @param {number} left
 */
async function attempt(access, path, { method = "GET", headers, body, signal, statuses = [200], type = JSON_TYPE, read }, isFresh, left) {
  if (signal?.aborted) throw aborted(signal);
  const token = await access.token(isFresh);
  const { fetch = globalThis.fetch } = access;
  const controller = new AbortController();
  const stop = () => controller.abort();
  signal?.addEventListener("abort", stop);
  const timer = setTimeout(stop, Math.max(left, 0));
  try {
    const [url, target] = addressOf(access, `${access.within ?? ""}${path}`);
    // With it Chromium would ask for permission each time; answers say themselves that they are not to be kept.
    const cache = target["vouchsafe-target"] === undefined ? { cache: /** @type {RequestCache} */ ("no-store") } : {};
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...target, authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body }),
      ...cache,
      credentials: "omit",
      redirect: "manual",
      referrerPolicy: "no-referrer",
      signal: controller.signal,
    });
    const isIt = statuses.includes(response.status) && (response.status === 204 || isOf(response, type));
    if (!isIt) throw await refusal(response);
    return await read(response);
  } catch (error) {
    throw isVouchsafeError(error) ? error : mayPass(offline(error));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/**
 * The address of a route, and the header that names the route where the service is of another origin: a browser asks such a
 * one for permission at each new address, and would at each part of a file. A `fetch` of the app's own sees all addresses.
 *
 * @param {Access} access
 * @param {string} route
 * @returns {[string, Record<string, string>]}
 */
function addressOf({ base, fetch }, route) {
  const { origin } = globalThis;
  const isOwn = fetch !== undefined || origin === undefined || base === origin || base.startsWith(`${origin}/`);
  return isOwn ? [`${base}/v1${route}`, {}] : [`${base}/v1/-`, { "vouchsafe-target": route }];
}

/** @param {unknown} cause */
export function offline(cause) {
  return new VouchsafeError("offline", "The service cannot be reached: check the connection and try again.", { cause });
}

/** @param {AbortSignal} signal */
export function aborted({ reason }) {
  return new VouchsafeError("aborted", "The call was aborted.", { cause: reason });
}

/**
 * Waits, unless the call is aborted meanwhile.
 *
 * @param {number} milliseconds
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}

/**
 * The error that an answer says, or is.
 *
 * @param {Response} response
 * @returns {Promise<VouchsafeError>}
 */
async function refusal(response) {
  const { status } = response;
  const isPassing = [408, 425, 429, 502, 503, 504].includes(status) || (status >= 520 && status <= 530);
  const error = status === 429 ? limited(response) : ((await told(response)) ?? strange(response));
  return isPassing ? mayPass(error) : error;
}

/** @param {Response} response */
function limited({ headers }) {
  const seconds = Number(headers.get("retry-after") ?? 0);
  const retryAfter = seconds > 0 ? 1000 * seconds : undefined;
  return new VouchsafeError("rate_limited", "Too many requests: wait a moment and try again.", { retryAfter });
}

/**
 * The error in the service's own words.
 *
 * @param {Response} response
 */
async function told(response) {
  if (!isOf(response, JSON_TYPE)) return undefined;
  try {
    const { error } = await json(response);
    const { code, message, quota } = error;
    if (!CODES.includes(code) || (code === "quota_exceeded" && kindOf(quota) !== "String")) return undefined;
    // A service's words may stand on a page.
    const isShown = kindOf(message) === "String" && message.length <= 1000 && !/[\p{Cc}\p{Bidi_C}]/u.test(message);
    return new VouchsafeError(code, isShown ? message : "The service says no more.", { quota });
  } catch {
    return undefined;
  }
}

/**
 * The error of an answer that no service gives.
 *
 * @param {Response} response
 */
export function strange({ status, headers }) {
  if (status === 413) return new VouchsafeError("too_large", "What stands in front of the service takes no request of this size.");
  const message =
    status === 0 || (status >= 300 && status < 400)
      ? "The service's address leads to another one: pass that to open()."
      : [401, 403, 407, 451].includes(status)
        ? "What stands in front of the service refused the request: it has to let the app's requests through."
        : "Something else than the service answered, or another version of it: check its address, and what stands in front of it.";
  const lasts = status === 0 || (status >= 300 && status < 500 && status !== 408 && status !== 425);
  const cause = new Error(`status ${status}, type ${headers.get("content-type")}`);
  return new VouchsafeError("server_error", message, { cause, retryable: !lasts });
}

/**
 * @param {Response} response
 * @param {string} type
 */
function isOf({ headers }, type) {
  return headers.get("content-type")?.split(";")[0].trim().toLowerCase() === type;
}

/**
 * The JSON of an answer.
 *
 * @param {Response} response
 * @param {number} [most] Its bytes at most.
 */
export async function json(response, most = MAX_JSON) {
  const bytes = await octets(response, most);
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (kindOf(value) === "Object") return value;
  } catch {}
  throw strange(response);
}

/**
 * The body of an answer; nothing of one that has more bytes.
 *
 * @param {Response} response
 * @param {number} most Its bytes at most.
 * @returns {Promise<import("./bytes.js").Bytes | undefined>}
 */
export async function octets(response, most) {
  const reader = response.body?.getReader();
  /** @type {import("./bytes.js").Bytes[]} */
  const pieces = [];
  let length = 0;
  while (length <= most) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return joined(pieces);
    pieces.push(value);
    length += value.length;
  }
  reader?.cancel().catch(() => {});
  return undefined;
}
