// A banner while the servers do not answer, and a look now and then whether they do again.

import { button } from "./dom.js";
import { setStatus } from "./status.js";

/** Milliseconds between two looks whether the servers answer again. */
const AGAIN = 2_000;

let away = false;
let timer = null;
let back = () => {};

async function ask() {
  clearTimeout(timer);
  const answers = await fetch("/health", { cache: "no-store" }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!away) return;
  if (answers) reached(true);
  else timer = setTimeout(ask, AGAIN);
}

/** Notes that the servers answered, or that they could not be reached. */
export function reached(answers) {
  if (answers !== away) return;
  away = !answers;
  clearTimeout(timer);
  if (!away) {
    setStatus("offline", null);
    back();
    return;
  }
  setStatus("offline", {
    text: navigator.onLine
      ? "The servers cannot be reached. What you see may be old; nothing is lost."
      : "This device is offline. What you see may be old; nothing is lost.",
    action: button("Try again", ask),
  });
  timer = setTimeout(ask, AGAIN);
}

/** Calls `listener` whenever the servers answer again. */
export function whenBack(listener) {
  back = listener;
}

window.addEventListener("offline", () => reached(false));
window.addEventListener("online", ask);
