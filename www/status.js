import { el } from "./dom.js";

const ORDER = ["offline", "attack", "twin"];
const shown = new Map();

/**
 * Says what is true of the whole page, above everything: `{ text, action, bad }`, or `null` when it is over. There is one
 * banner for each `name`.
 */
export function setStatus(name, status) {
  if (status === null && !shown.has(name)) return;
  shown.get(name)?.remove();
  shown.delete(name);
  if (status !== null) {
    const { text, action = null, bad = false } = status;
    shown.set(name, el("div", { class: bad ? "banner bad" : "banner" }, el("p", {}, text), action));
  }
  document.getElementById("status").replaceChildren(...ORDER.flatMap((each) => shown.get(each) ?? []));
}
