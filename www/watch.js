// A watch between the page and a session: it notes the steps of calls, the client's refusals, and whether the servers answer.

import { isVouchsafeError } from "./errors.js";
import { follow } from "./requests.js";
import { isUnproven } from "./trust.js";

/** Codes of errors for records or keys that are not what they claim to be. */
const REFUSALS = new Set(["peer_key_changed", "record_rejected", "connection_unverified", "safety_number_mismatch"]);

const isRefusal = (error) => isVouchsafeError(error) && REFUSALS.has(error.code);

/** Calls that ask no server. */
const LOCAL = new Set(["file", "pendingUploads"]);
/** Calls whose result has calls of its own, which are watched, too. */
const OPENING = new Set(["file", "openLink"]);

const running = new Set();

/** Notes a step for the calls that are running. */
export function noteStep({ number }) {
  for (const call of running) call.steps.push(number);
}

/**
 * Wraps a session, the app, or what one of their calls opened, in a watch.
 *
 * - `refused` gets `{ call, code, id, name, unproven, steps }`: `id` and `name` are of a file, or of a record in a list, else `null`
 *   and missing;
 *   `unproven` says that the person never proved to have had the link; `steps` are the numbers that the call got through.
 * - `reached` gets whether the servers answered.
 * - `changed` gets each call that ended: the servers may keep other rows after it;
 * - `told` gets each step of which the client tells nothing.
 */
export function watched(session, listeners) {
  const { refused, reached, changed, told } = listeners;

  async function watch(call, promise, end) {
    const steps = [];
    const run = { steps };
    running.add(run);
    try {
      const result = await promise;
      end(null, false);
      if (!LOCAL.has(call)) reached(true);
      for (const item of result?.items ?? []) {
        if (item.error) note(call, item.error, item.id, steps);
        else if (item.trust === "changed") {
          refused({ call, code: "peer_key_changed", id: item.id, name: item.name, unproven: isUnproven(item), steps });
        }
      }
      if (result?.trust === "changed") refused({ call, code: "peer_key_changed", id: result.id ?? null, steps });
      return OPENING.has(call) ? watched(result, listeners) : result;
    } catch (error) {
      end(error, isRefusal(error));
      if (isVouchsafeError(error)) reached(error.code !== "offline");
      note(call, error, session.id ?? null, steps, session.name);
      throw error;
    } finally {
      running.delete(run);
      changed(call);
    }
  }

  function note(call, error, id, steps, name) {
    if (isRefusal(error)) refused({ call, code: error.code, id, steps, name });
  }

  // What a link shows cannot be changed, and a watch of it could not stand in its calls' place.
  return new Proxy({}, {
    get(_, name) {
      const value = Reflect.get(session, name, session);
      if (typeof value !== "function") return value;
      return (...given) => {
        const end = follow(name, told);
        const result = value.apply(session, given);
        return result instanceof Promise ? watch(name, result, end) : result;
      };
    },
  });
}
