import { el } from "./dom.js";

/** What there can be to say, the most urgent first; each has a place of its own, so that none disturbs another. */
const places = new Map(["offline", "attack", "twin"].map((name) => [name, el("div", {})]));
document.getElementById("status").append(...places.values());

/** Says what is true of the whole page, above everything: `{ text, action, bad }`, or `null` when it is over. */
export function setStatus(name, status) {
  const place = places.get(name);
  if (status === null) {
    place.replaceChildren();
    return;
  }
  const { text, action = null, bad = false } = status;
  place.replaceChildren(el("div", { class: bad ? "banner bad" : "banner" }, el("p", {}, text), action));
}
