import { button, choice, during, el, makeId, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { icon } from "./icon.js";
import { calm } from "./rows.js";
import { setStatus } from "./status.js";
import { STEPS } from "./story.js";

/** A part of a task that leads to a section of the page. */
const at = (section, text) => ({ section, text });

const PERSON = { of: "people", least: 1, text: "This needs a person you are connected with." };

/** What the servers can do, what to try then, what that `needs`, and which refusal is `meant` for it. */
const ATTACKS = [
  {
    id: "swap-key-before",
    told: "They show you a false key while you connect.",
    name: "Swap a key while you connect",
    lie: "The Vault shows you its own public key in place of the other person’s, so that it could read along.",
    task: [
      at("People", "Connect with somebody"),
      ". By link, accepting is refused at once. By mail the two of you see different safety numbers, until you disconnect and connect anew.",
    ],
    meant: ({ code }) => code !== "record_rejected",
  },
  {
    id: "swap-key-later",
    told: "They show you another key for the people you know.",
    name: "Swap a key later",
    lie: "You are connected. Now the Vault shows another key for that person.",
    task: [at("People", "Look at your people"), ": the change is seen. Then ", at("Your cards", "try to share a card"), "."],
    needs: PERSON,
    meant: ({ code, unproven }) => code === "peer_key_changed" && !unproven,
  },
  {
    id: "forge-share",
    told: "They made up a share from somebody you know.",
    name: "Forge a share",
    lie: "The servers make up a card, lock it for you as it should be, and say that somebody you know shared it.",
    task: [at("Shared with you", "Read the card that turned up"), " under “Shared with you”."],
    needs: PERSON,
    meant: ({ call, code }) => call === "readShare" && code === "record_rejected",
  },
  {
    id: "swap-records",
    told: "They hand out one record in place of another.",
    name: "Swap two records",
    lie: "The Vault hands out the ciphertext of one of your cards in place of another.",
    task: [at("Your cards", "Look at your cards"), "."],
    needs: { of: "cards", least: 2, text: "This needs two cards." },
    meant: ({ code }) => code === "record_rejected",
  },
  {
    id: "take-over-link",
    told: "They say that somebody has accepted your link.",
    name: "Take over an invitation link",
    lie: "The Vault says that somebody accepted your link, with keys of its own, without ever having had the link.",
    task: [at("People", "Make an invitation link"), ", then look at your people."],
    note: "Disconnecting ends the invitation for good; to let the real person in, be honest again first.",
    meant: ({ code }) => code === "peer_key_changed",
  },
];

/** Shows a section of the person's side, with the focus on its heading. */
function goTo(section) {
  const heading = [...document.querySelectorAll("#primary h2")].find(({ textContent }) => textContent === section);
  heading.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
  heading.focus({ preventScroll: true });
}

/** What a person should know about a refusal, by what was tried and what the client said. */
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
    readShare: "The card does not carry the signature of the person whom it was said to come from.",
    other: "What came is not what it claimed to be, so it was not opened.",
  },
  connection_unverified: {
    other: "The keys came from the Vault alone and nobody has compared the safety number, so nothing was shared.",
  },
  safety_number_mismatch: {
    other: "The two numbers differ: at least one of you was given a key that is not the other’s.",
  },
};

const CALLS = {
  accept: "Accepting the invitation",
  connections: "Listing your people",
  connection: "Fetching a person",
  share: "Sharing the card",
  readShare: "Reading the share",
  cards: "Listing your cards",
  incomingShares: "Listing what is shared with you",
  markVerified: "Comparing the safety number",
};

/** By call: the steps whose answers are checked, each with the step that only follows when all was well. */
const CHECKS = {
  accept: [[10, 12], [17, 17]],
  share: [[19, 23], [31, 31]],
  readShare: [[33, 33], [35, 35], [37, 37], [39, 39], [43, 43]],
};

/** The step at which a call was ended: the first whose answer was not found to be right. */
function stoppedAt(call, steps) {
  const [number] = CHECKS[call]?.find(([, follows]) => !steps.includes(follows)) ?? [];
  return number === undefined ? null : STEPS.get(number);
}

/** A switch that makes the servers lie to this person alone, and the list of what the browser refused. */
export function attacksView({ refresh }) {
  const problem = problemBox();
  const group = makeId("attack");
  const list = el("ol", { class: "refusals", role: "list", "aria-live": "polite", "aria-label": "What your browser refused" });
  const none = el("p", { class: "muted" }, "Nothing yet.");
  const explained = el("div", { class: "attack-now", "aria-live": "polite" });
  const lack = el("p", { class: "small muted" });
  const off = option({ id: null, name: "Honest servers" });
  const options = [off, ...ATTACKS.map(option)];
  let account = null;
  let known = new Set();
  let entries = new Map();
  let current = null;
  const counts = { people: 0, cards: 0 };

  function option(attack) {
    const made = choice(attack.name, { type: "radio", name: group, value: attack.id ?? "" });
    made.input.addEventListener("change", () => during(made.input, problem, () => turn(attack)));
    // What became of it stands beside the name, and is no part of it.
    const id = makeId("outcome");
    const outcome = el("span", { id, class: "outcome", hidden: true }, icon("tick"), "refused");
    const wasRefused = (yes) => {
      outcome.hidden = !yes;
      if (yes) made.input.setAttribute("aria-describedby", id);
      else made.input.removeAttribute("aria-describedby");
    };
    return { input: made.input, wasRefused, attack, root: el("div", { class: "attack-choice" }, made.root, outcome) };
  }

  /** Turned one after the other, so that the last one stays. */
  let before = Promise.resolve();
  let latest = 0;

  async function turn(attack, shown = () => {}) {
    const mine = ++latest;
    const asked = account;
    const send = () =>
      fetch("/demo/attacks", {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ account: asked, attack: attack.id }),
      }).catch(() => null);
    before = before.then(send);
    const answer = await before;
    if (mine !== latest || asked !== account) return;
    if (!answer?.ok) {
      show(current);
      throw new Error("The switch did not work. Is the demo still running? Try again.");
    }
    known = new Set();
    show(attack.id === null ? null : attack);
    shown();
    await refresh();
  }

  function show(attack) {
    current = attack;
    for (const each of options) each.input.checked = each.attack.id === (attack?.id ?? null);
    explained.replaceChildren();
    if (attack === null) {
      setStatus("attack", null);
      return;
    }
    const task = attack.task.map((part) => (typeof part === "string" ? part : button(part.text, () => goTo(part.section), { kind: "link" })));
    explained.append(
      el("p", {}, attack.lie),
      el("p", {}, el("strong", {}, "Try it: "), ...task),
      lack,
      attack.note ? el("p", { class: "small muted" }, attack.note) : "",
    );
    tellLack();
    const stop = button("Be honest again", () =>
      during(stop, problem, () =>
        // The button goes, and the focus must not go with it.
        turn(off.attack, () => (off.input.offsetParent === null ? document.getElementById("main") : off.input).focus()),
      ),
    );
    setStatus("attack", { bad: true, text: `The servers lie to you. ${attack.told}`, action: stop });
  }

  /** Says what is needed and is not there. */
  function tellLack() {
    const needs = current?.needs;
    lack.replaceChildren(needs !== undefined && counts[needs.of] < needs.least ? needs.text : "");
  }

  const root = el(
    "div",
    { class: "attacks" },
    el("p", { class: "small muted" }, "Let the servers lie, to this person alone, and see what your browser makes of it."),
    el("fieldset", { class: "plain attack-choices" }, el("legend", { class: "sr" }, "What the servers do"), options.map((each) => each.root)),
    problem.root,
    explained,
    el("h3", {}, "What your browser refused"),
    none,
    list,
  );
  show(null);

  function forgetRefusals() {
    list.replaceChildren();
    entries = new Map();
    none.hidden = false;
    for (const { wasRefused } of options) wasRefused(false);
  }

  return {
    root,
    /** Whether the servers lie to this person now. */
    isLying: () => current !== null,
    /** Notes a refusal, once for each record. Returns the step that it came at, or `null`. */
    refused(refusal) {
      const { call, code, id, name, unproven, steps } = refusal;
      const step = stoppedAt(call, steps);
      const key = id === null ? null : `${current?.id} ${code} ${id}`;
      if (key !== null && known.has(key)) return step;
      const reasons = WHY[code];
      const entry = el(
        "li",
        { class: "refusal" },
        el("p", {}, el("strong", {}, CALLS[call] ?? "A call", name ? [": ", userText(name)] : null)),
        step === null ? null : el("p", { class: "small" }, "Refused at step ", el("span", { class: "step-label" }, step.label), " ", step.what, "."),
        el("p", {}, (unproven ? reasons.unproven : reasons[call]) ?? reasons.other, " ", el("code", {}, code)),
      );
      none.hidden = true;
      list.prepend(entry);
      if (key !== null) {
        // The same lie, told again: the newest stands for it.
        entries.get(key)?.remove();
        entries.set(key, entry);
        known.add(key);
      }
      while (list.children.length > 50) list.lastElementChild.remove();
      if (current?.meant(refusal)) options.find(({ attack }) => attack === current).wasRefused(true);
      return step;
    },
    /** Notes how many people and cards there are. */
    count(given) {
      Object.assign(counts, given);
      tellLack();
    },
    /** To whom the servers lie; `null` for nobody. */
    belongsTo(id) {
      account = id;
      known = new Set();
      forgetRefusals();
      show(null);
      if (id !== null) look();
    },
  };

  async function look() {
    const asked = account;
    const answer = await fetch(`/demo/attacks?account=${asked}`, { headers: { accept: "application/json" } }).catch(() => null);
    if (answer === null || account !== asked) return;
    if (answer.status === 404) {
      for (const each of options) each.input.disabled = true;
      problem.explain(el("p", {}, "This server does not lie on demand. The demo’s does: cargo xtask demo."));
      return;
    }
    if (!answer.ok) return;
    const { attack } = await answer.json();
    if (account === asked) show(ATTACKS.find(({ id }) => id === attack) ?? null);
  }
}
