import { el } from "./dom.js";

/** The kinds of status, the most urgent first. Each has its own place, so that none disturbs another. */
const places = new Map(["offline", "attack", "twin"].map((name) => [name, el("div", {})]));
document.getElementById("status").append(...places.values());

/** Shows a status of the whole page above everything: `{ text, action, bad }`, or `null` when it is over. */
export function setStatus(name, status) {
  const place = places.get(name);
  if (status === null) {
    place.replaceChildren();
    return;
  }
  const { text, action = null, bad = false } = status;
  place.replaceChildren(el("div", { class: bad ? "banner bad" : "banner" }, el("p", {}, text), action));
}
