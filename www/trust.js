import { el } from "./dom.js";

const HOW = { safetyNumber: "safety number compared", link: "invitation link" };

/** How sure it is that the keys are the other person's, in a word or two. */
export function trustChip(trust, verifiedBy = null) {
  if (trust === "verified") {
    const how = HOW[verifiedBy];
    return el("span", { class: "chip good" }, how ? `Verified: ${how}` : "Verified");
  }
  if (trust === "changed") return el("span", { class: "chip bad" }, "Keys changed");
  return el("span", { class: "chip warn" }, "Unverified");
}

/** The warning for keys that are not those from before. */
export const changedWarning = () =>
  el(
    "div",
    { class: "problem" },
    el(
      "p",
      {},
      el("strong", {}, "Stop. "),
      "The server shows other keys for this person than before. Somebody may stand between you. Share nothing, talk to the person face to face, then disconnect and connect anew.",
    ),
  );
