import { el, userText } from "./dom.js";

const HOW = { safetyNumber: "safety number compared", link: "invitation link" };

/** How sure it is that the keys are the other person's, in a word or two. */
export function trustChip(trust, verifiedBy = null) {
  if (trust === "verified") {
    const how = HOW[verifiedBy];
    return el("span", { class: "chip trust good" }, how ? `Verified: ${how}` : "Verified");
  }
  if (trust === "changed") return el("span", { class: "chip trust bad" }, "Keys changed");
  return el("span", { class: "chip trust warn" }, "Unverified");
}

/** The same in a sentence, for people who know no cryptography. */
export function trustMeaning(trust, verifiedBy, name) {
  const who = userText(name);
  if (trust === "changed") return el("span", {}, "These are not the keys that ", who, " had before.");
  if (trust === "unverified") return el("span", {}, "Nobody has checked yet that these keys are ", who, "'s.");
  if (verifiedBy === "link") {
    return el("span", {}, "These keys are ", who, "'s, as surely as nobody but the two of you had the invitation link.");
  }
  return el("span", {}, "These keys are ", who, "'s: you compared the safety number.");
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
