import { el, userText } from "./dom.js";
import { saidNamed } from "./party-names.js";
import { STEPS } from "./story.js";

/** The refusals that stay listed. */
const SHOWN = 50;

/** A person's explanation of a refusal, by its code and the call that ended with it. */
const WHY = {
  peer_key_changed: {
    accept: "The link says which key is the inviter’s, and no server has seen the link. The Vault showed another key.",
    connections: "The Vault showed other keys for this person than those that your own sealed notes hold.",
    unproven: "The Vault says that this person used your link, and cannot prove it: whoever it shows has never had the link.",
    share: "The keys that the Vault shows for this person are not those in your own sealed notes. No key was made and nothing was sent.",
    other: "The keys that came are not those in your own sealed notes.",
  },
  record_rejected: {
    cards: "Every card says in its sealed part which card it is. What came in its place was another one.",
    "old-edition": "Your browser has seen a newer edition of this card, and remembers its number and its fingerprint.",
    readShare: "The card does not carry the signature of the person whom it was said to come from.",
    openLink: "The link names the key that must have signed its card. What came in its place was another card.",
    blob: "The card holds each file’s fingerprint, and nobody else can change what a card holds. What came was another file.",
    other: "What came is not what it claimed to be, so it was not opened.",
  },
  connection_unverified: {
    other: "The keys came from the Vault alone and nobody has compared the safety number, so nothing was shared.",
  },
  safety_number_mismatch: {
    other: "The two numbers differ: at least one of you was given a key that is not the other’s.",
  },
};

/** The calls by the names that a person knows. */
const CALLS = {
  accept: "Accepting the invitation",
  connections: "Listing your people",
  connection: "Fetching a person",
  share: "Sharing the card",
  readShare: "Reading the share",
  cards: "Listing your cards",
  incomingShares: "Listing what is shared with you",
  markVerified: "Comparing the safety number",
  openLink: "Opening the link",
  blob: "Reading a file",
};

/** By call: the steps whose answers are checked, each with the step that follows only if all was well. */
const CHECKS = {
  accept: [[10, 12], [17, 17]],
  share: [[19, 23], [31, 31]],
  readShare: [[33, 33], [35, 35], [37, 37], [39, 39], [43, 43]],
  openLink: [["i", "i"]],
};

/** By lie, the step at which it is seen, where the steps before it do not tell: a key that was claimed needs no private key. */
const SEEN = { "old-edition": 43 };

/** The step at which a call was ended: the first whose answer was not found to be right. */
function stoppedAt(call, steps, lie) {
  if (call === "readShare" && lie in SEEN) return STEPS.get(SEEN[lie]);
  const [number] = CHECKS[call]?.find(([, follows]) => !steps.includes(follows)) ?? [];
  return number === undefined ? null : STEPS.get(number);
}

function entryOf({ call, code, name, unproven }, step, lie) {
  const reasons = WHY[code];
  return el(
    "li",
    { class: "refusal" },
    el("p", {}, el("strong", {}, CALLS[call] ?? "A call", name ? [": ", userText(name)] : null)),
    step === null ? null : el("p", { class: "small" }, "Refused at step ", el("span", { class: "step-label" }, step.label), " ", saidNamed(step.what), "."),
    el("p", {}, (unproven ? reasons.unproven : (reasons[lie] ?? reasons[call])) ?? reasons.other, " ", el("code", {}, code)),
  );
}

/** The list of what the browser refused, newest first. */
export function refusalList() {
  const list = el("ol", { class: "refusals", role: "list", "aria-live": "polite", "aria-label": "What your browser refused" });
  const none = el("p", { class: "muted" }, "Nothing yet.");
  /** By lie, code and record: whether the refusal was told since the lie began, and the entry that tells it. */
  let known = new Set();
  let entries = new Map();

  return {
    nodes: [none, list],
    /** Notes a refusal while the servers tell the lie of this id, once for each record. Returns its step, or `null`, and whether it is new. */
    add(refusal, lie) {
      const { call, code, id, steps } = refusal;
      const step = stoppedAt(call, steps, lie);
      const key = id === null ? null : `${lie} ${code} ${id}`;
      if (key !== null && known.has(key)) return { step, isNew: false };
      const entry = entryOf(refusal, step, lie);
      none.hidden = true;
      list.prepend(entry);
      if (key !== null) {
        // The same lie, told again: the newest stands for it.
        entries.get(key)?.remove();
        entries.set(key, entry);
        known.add(key);
      }
      while (list.children.length > SHOWN) list.lastElementChild.remove();
      return { step, isNew: true };
    },
    /** Lets the refusals of a lie that is told again be noted again. */
    beginAnew() {
      known = new Set();
    },
    clear() {
      known = new Set();
      entries = new Map();
      list.replaceChildren();
      none.hidden = false;
    },
  };
}
