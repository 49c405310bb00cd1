import { button, el } from "./dom.js";

/** Milliseconds that a notice stays. */
const STAY = 12_000;
/** Notices at a time: each takes a line of the window. */
const MOST = 2;

/** Shows news without taking the focus. `action` is a button's `{ name, what, run }`. */
export function notify(text, action = null) {
  const notice = el("div", { class: "notice" }, el("p", { dir: "auto" }, text));
  if (action !== null) {
    const act = () => (notice.remove(), action.run());
    notice.append(button(action.name, act, { what: action.what, kind: "quiet" }));
  }
  notice.append(button("Dismiss", () => notice.remove(), { kind: "quiet" }));
  const place = document.getElementById("notices");
  place.append(notice);
  while (place.children.length > MOST) place.firstElementChild.remove();
  // A notice stays while somebody points at it or has the focus in it.
  const end = () => (notice.matches(":hover, :focus-within") ? setTimeout(end, STAY) : notice.remove());
  setTimeout(end, STAY);
}

/** Removes all notices: they name people, and a locked tab must not. */
export const clearNotices = () => document.getElementById("notices").replaceChildren();
