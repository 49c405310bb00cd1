// A banner for somebody who is signed in in two tabs: both show the same person, so nothing can be shared between them.

import { el } from "./dom.js";
import { hear, TAB, tell } from "./channel.js";
import { setStatus } from "./status.js";

let mine = null;
const others = new Set();

function draw() {
  setStatus(
    "twin",
    others.size === 0
      ? null
      : {
          text: "You are this person in another tab, too. To share, be somebody else in one of them: sign out there first.",
          action: el("a", { class: "button", href: "./", target: "_blank", rel: "noopener" }, "Open another tab"),
        },
  );
}

hear("here", ({ account, tab, answer }) => {
  if (tab === TAB || mine === null || account !== mine) return;
  others.add(tab);
  draw();
  if (!answer) tell("here", { account: mine, answer: true });
});

hear("gone", ({ tab }) => {
  if (others.delete(tab)) draw();
});

window.addEventListener("pagehide", () => tell("gone"));

/** Notes the person of this tab; `null` for nobody. */
export function iAm(account) {
  if (account === mine) return;
  if (mine !== null) tell("gone");
  mine = account;
  others.clear();
  draw();
  if (mine !== null) tell("here", { account: mine, answer: false });
}
