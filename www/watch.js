// Stands between the page and a session: which steps a call took, what the client refused, whether the servers answer.

import { isVouchsafeError } from "./errors.js";
import { isUnproven } from "./trust.js";

/** Codes by which the client says that something is not what it claims to be. */
const REFUSALS = new Set(["peer_key_changed", "record_rejected", "connection_unverified", "safety_number_mismatch"]);

const running = new Set();

/** Notes a step for the calls that are running. */
export function noteStep({ number }) {
  for (const call of running) call.steps.push(number);
}

/**
 * The session, watched.
 *
 * - `refused` is told of `{ call, code, id, name, unproven, steps }`: `id` and `name` of a record in a list, or `null` and nothing;
 *   whether that person never proved anything; the steps that the call got through.
 * - `reached` is told whether the servers answered.
 * - `changed` is told of each call that ended: by it, or by what it answers to, the servers may keep other rows.
 */
export function watched(session, { refused, reached, changed }) {
  async function watch(call, promise) {
    const steps = [];
    const run = { steps };
    running.add(run);
    try {
      const result = await promise;
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
      if (isVouchsafeError(error)) reached(error.code !== "offline");
      note(call, error, null, steps);
      throw error;
    } finally {
      running.delete(run);
      changed(call);
    }
  }

  function note(call, error, id, steps) {
    if (isVouchsafeError(error) && REFUSALS.has(error.code)) refused({ call, code: error.code, id, steps });
  }

  return new Proxy(session, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given) => {
        const result = value.apply(target, given);
        return result instanceof Promise ? watch(name, result) : result;
      };
    },
  });
}
