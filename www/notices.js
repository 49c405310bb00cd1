import { button, el } from "./dom.js";

/** How long a notice stays, in milliseconds. */
const STAY = 12_000;

/** Tells what happened, without taking the focus. `action` is what a person may want to do then: `{ name, what, run }`. */
export function notify(text, action = null) {
  const notice = el("div", { class: "notice" }, el("p", { dir: "auto" }, text));
  if (action !== null) {
    const act = () => (notice.remove(), action.run());
    notice.append(button(action.name, act, { what: action.what, kind: "quiet" }));
  }
  notice.append(button("Dismiss", () => notice.remove(), { kind: "quiet" }));
  const place = document.getElementById("notices");
  place.append(notice);
  while (place.children.length > 3) place.firstElementChild.remove();
  // Nobody who points at it, or is about to dismiss it, loses it.
  const end = () => (notice.matches(":hover, :focus-within") ? setTimeout(end, STAY) : notice.remove());
  setTimeout(end, STAY);
}

/** Takes all notices away: they name people, which a locked tab must not. */
export const clearNotices = () => document.getElementById("notices").replaceChildren();
