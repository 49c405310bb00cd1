// Messages between the tabs of this page: steps that ended, and who is signed in. Nothing secret goes this way.

/** An id of this tab. */
export const TAB = crypto.randomUUID();

const listeners = new Map();
const channel = new BroadcastChannel("vouchsafe-demo");

function deliver(message) {
  for (const listener of listeners.get(message.kind) ?? []) listener(message);
}

channel.addEventListener("message", ({ data }) => deliver(data));

/** Calls `listener` for messages of this kind, also of this tab. Returns a function that ends it. */
export function hear(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(listener);
  return () => listeners.get(kind).delete(listener);
}

/** Sends a message to all tabs, this one included. */
export function tell(kind, content = {}) {
  const message = { ...content, kind, tab: TAB };
  channel.postMessage(message);
  deliver(message);
}
