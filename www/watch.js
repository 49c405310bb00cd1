// A watch between the page and a session: it notes the steps of calls, the client's refusals, and whether the servers answer.

import { isVouchsafeError } from "./errors.js";
import { follow } from "./requests.js";
import { isUnproven } from "./trust.js";

/** Codes of errors for records or keys that are not what they claim to be. */
const REFUSALS = new Set(["peer_key_changed", "record_rejected", "connection_unverified", "safety_number_mismatch"]);

const isRefusal = (error) => isVouchsafeError(error) && REFUSALS.has(error.code);

const running = new Set();

/** Notes a step for the calls that are running. */
export function noteStep({ number }) {
  for (const call of running) call.steps.push(number);
}

/**
 * Wraps a session, or the app, in a watch.
 *
 * - `refused` gets `{ call, code, id, name, unproven, steps }`: `id` and `name` are of a record in a list, else `null` and missing;
 *   `unproven` says that the person never proved to have had the link; `steps` are the numbers that the call got through.
 * - `reached` gets whether the servers answered.
 * - `changed` gets each call that ended: the servers may keep other rows after it;
 * - `told` gets each step of which the client tells nothing.
 */
export function watched(session, { refused, reached, changed, told }) {
  async function watch(call, promise, end) {
    const steps = [];
    const run = { steps };
    running.add(run);
    try {
      const result = await promise;
      end(null, false);
      reached(true);
      for (const item of result?.items ?? []) {
        if (item.error) note(call, item.error, item.id, steps);
        else if (item.trust === "changed") {
          refused({ call, code: "peer_key_changed", id: item.id, name: item.name, unproven: isUnproven(item), steps });
        }
      }
      if (result?.trust === "changed") refused({ call, code: "peer_key_changed", id: result.id ?? null, steps });
      return result;
    } catch (error) {
      end(error, isRefusal(error));
      if (isVouchsafeError(error)) reached(error.code !== "offline");
      note(call, error, null, steps);
      throw error;
    } finally {
      running.delete(run);
      changed(call);
    }
  }

  function note(call, error, id, steps) {
    if (isRefusal(error)) refused({ call, code: error.code, id, steps });
  }

  return new Proxy(session, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given) => {
        const end = follow(name, told);
        const result = value.apply(target, given);
        return result instanceof Promise ? watch(name, result, end) : result;
      };
    },
  });
}
