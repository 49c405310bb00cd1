// What the tabs of this page tell one another: steps that ended and who is signed in. Nothing secret goes this way.

/** Tells this tab from others. */
export const TAB = crypto.randomUUID();

const listeners = new Map();
const channel = new BroadcastChannel("vouchsafe-demo");

function deliver(message) {
  for (const listener of listeners.get(message.kind) ?? []) listener(message);
}

channel.addEventListener("message", ({ data }) => deliver(data));

/** Calls `listener` for messages of this kind, this tab's own among them, until what it returns is called. */
export function hear(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(listener);
  return () => listeners.get(kind).delete(listener);
}

/** Tells all tabs. */
export function tell(kind, content = {}) {
  const message = { ...content, kind, tab: TAB };
  channel.postMessage(message);
  deliver(message);
}
