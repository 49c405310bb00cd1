import { el, userText } from "./dom.js";

const HOW = { safetyNumber: "safety number compared", link: "invitation link" };

/** Whether somebody accepted a link without a proof of having had it. No keys of theirs were known that could have changed. */
export const isUnproven = (connection) => connection?.trust === "changed" && connection.safetyNumber === null;

/** The certainty of the other person's keys, in a word or two. */
export function trustChip(trust, verifiedBy = null, unproven = false) {
  if (trust === "verified") {
    const how = HOW[verifiedBy];
    return el("span", { class: "chip trust good" }, how ? `Verified: ${how}` : "Verified");
  }
  if (trust === "changed") return el("span", { class: "chip trust bad" }, unproven ? "Not proven" : "Keys changed");
  return el("span", { class: "chip trust warn" }, "Unverified");
}

/** The certainty of the other person's keys in a sentence, for people who know no cryptography. */
export function trustMeaning(trust, verifiedBy, name, unproven = false) {
  const who = userText(name);
  if (unproven) return el("span", {}, "Nobody can show to have had the invitation for ", who, ".");
  if (trust === "changed") return el("span", {}, "These are not the keys that ", who, " had before.");
  if (trust === "unverified") return el("span", {}, "Nobody has checked yet that these keys are ", who, "'s.");
  if (verifiedBy === "link") {
    return el("span", {}, "These keys are ", who, "'s, as surely as nobody but the two of you had the invitation link.");
  }
  return el("span", {}, "These keys are ", who, "'s: you compared the safety number.");
}

const CHANGED =
  "The server shows other keys for this person than before. Somebody may stand between you. Share nothing, talk to the person face to face, then disconnect and connect anew.";
const UNPROVEN =
  "The server says that somebody accepted your invitation, but whoever it was cannot show to have had your link. Share nothing; disconnect, and make a new link.";

/** The warning of keys that changed, or that nobody proved. */
export const changedWarning = (connection) =>
  el("div", { class: "problem" }, el("p", {}, el("strong", {}, "Stop. "), isUnproven(connection) ? UNPROVEN : CHANGED));
