import { hear, TAB, tell } from "./channel.js";
import { el, makeId } from "./dom.js";
import { took } from "./format.js";
import { callParty, writeNamed } from "./party-names.js";
import { stepRow } from "./step-row.js";
import { PARTIES, READER, STEPS, STORY } from "./story.js";
import { tabs } from "./tabs.js";

/** The number of the step that also happens whenever a list is shown. */
const LIST = 33;

/** A name made of an address, for somebody of whom nothing else is known here. */
function nameFrom(email) {
  const [name] = email.split(/[.@+]/);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The heads of the diagram's columns, with the names of the people who last stood for them. */
class Parties {
  #places = new Map();
  /** By party, the report of the step in which somebody last stood for it. */
  #actors = new Map();
  #reader = el(
    "div",
    { class: "party party-reader" },
    el("strong", { class: "party-name" }, "Anybody"),
    el("span", { class: "party-who" }, "with the link"),
  );
  /** Whether somebody is signed in here; if not, nobody is named. */
  #open = false;
  #knownAs;

  /** `knownAs` gives this side's name for an account, or `null`. */
  constructor(knownAs) {
    this.#knownAs = knownAs;
    const heads = PARTIES.map(({ id, name, person }) => {
      const who = el("span", { class: "party-who" });
      if (person) this.#places.set(id, { name, who });
      return el("div", { class: `party party-${id}` }, writeNamed(el("strong", { class: "party-name" }), name), who);
    });
    this.#reader.hidden = true;
    this.root = el("div", { class: "parties", "aria-hidden": "true" }, heads, this.#reader);
  }

  /** Shows who stands in the last column in this part. */
  stands = ({ steps }) => {
    const byLink = steps.some(({ from }) => from === READER);
    this.#reader.hidden = !byLink;
    this.#reader.previousElementSibling.hidden = byLink;
  };

  /** Notes that the person of a report stands for a party. */
  acts(party, told) {
    this.#actors.set(party, told);
    this.#name(party);
  }

  /** Names the people anew, after this side has learnt names. */
  rename() {
    for (const party of this.#places.keys()) this.#name(party);
  }

  opens(wanted) {
    // The next person who signs in must not learn who left.
    if (this.#open && !wanted) this.#actors.clear();
    this.#open = wanted;
    this.rename();
  }

  #name(party) {
    const place = this.#places.get(party);
    const told = this.#actors.get(party);
    if (place === undefined) return;
    const isHere = this.#open && told?.tab === TAB;
    const name = !this.#open || told === undefined ? null : ((isHere ? null : this.#knownAs(told.account)) ?? (nameFrom(told.who) || null));
    callParty(place.name, name);
    place.who.replaceChildren(name === null ? "" : isHere ? "you" : "another tab");
    place.who.parentElement.classList.toggle("here", isHere);
  }
}

/** The box that says what the newest or the chosen step sends. */
function stepText() {
  const label = el("span", { class: "step-label", hidden: true });
  const what = el("strong", {}, "Nothing has happened yet");
  const time = el("span", { class: "took" });
  const sent = el("p", {}, "Invite somebody, and the steps light up as they happen, in this tab or another one. Choose a step to read what it sends.");
  const root = el("div", { class: "now" }, el("p", { class: "now-head" }, label, what, time), sent);
  return {
    root,
    /** `told` is the step's report, if it stands as done; `aloud` tells whether screen readers read it. */
    say(step, told, aloud) {
      if (aloud !== undefined) root.setAttribute("aria-live", aloud ? "polite" : "off");
      label.hidden = false;
      label.replaceChildren(step.label);
      writeNamed(what, step.what);
      time.replaceChildren(took(told));
      writeNamed(sent, step.sent);
    },
  };
}

/** The rows of all steps in the parts of the story, and the count of done steps in each part. */
class Parts {
  /** By the step's number. */
  rows = new Map();
  /** The parts that a refusal ended. */
  #ended = new Set();
  /** By part, the call whose steps are in it, where they say so. */
  #runs = new Map();

  /** `chosen` gets the row that somebody presses, `shown` the part that comes up. */
  constructor(chosen, shown) {
    this.all = STORY.map((part) => {
      const rows = part.steps.map((step) => {
        const row = stepRow(step, chosen);
        this.rows.set(step.number, row);
        return row.root;
      });
      const title = writeNamed(el("h3", { class: "part-title", id: makeId("part") }), part.title);
      const list = el("ol", { class: "lane-rows", role: "list", "aria-labelledby": title.id }, rows);
      const count = el("span", { class: "part-count" }, `0 of ${part.steps.length}`);
      return { ...part, count, name: [`${part.name} `, count], panel: el("div", {}, title, list), shown: () => shown(part) };
    });
  }

  /**
   * Makes room for a step. A step that comes again begins its part anew, and so does one of another call, and any step after a
   * refusal. What followed the old run does not follow the new one: a new invitation has not been accepted. What came before
   * remains: a second share needs no second invitation.
   */
  begin(step, { run }) {
    const part = this.#part(step.part);
    const isAgain = run === undefined ? this.rows.get(step.number).lit : run !== this.#runs.get(part.id);
    this.#runs.set(part.id, run);
    if (isAgain || this.#ended.has(part.id)) this.#empty(part);
    if (this.#isEmpty(part)) for (const id of part.then) this.#empty(this.#part(id));
  }

  #part(id) {
    return this.all.find((part) => part.id === id);
  }

  light(step, told, past) {
    this.rows.get(step.number).light(told, past);
    this.#recount(step.part);
  }

  refuse(step) {
    this.rows.get(step.number).refuse();
    this.#ended.add(step.part);
    this.#recount(step.part);
  }

  #isEmpty(part) {
    return part.steps.every(({ number }) => !this.rows.get(number).lit);
  }

  #empty(part) {
    this.#ended.delete(part.id);
    for (const step of part.steps) this.rows.get(step.number).reset();
    this.#recount(part.id);
  }

  #recount(part) {
    const { steps, count } = this.#part(part);
    const lit = steps.filter(({ number }) => this.rows.get(number).lit).length;
    count.replaceChildren(`${lit} of ${steps.length}`);
  }
}

/** Asks the other tabs for the steps so far, and answers those that ask. `light` gets the steps of the first answer. */
function catchUp(rows, light) {
  let joining = true;
  hear("join", ({ tab }) => {
    if (tab === TAB) return;
    const steps = [...rows.values()].filter(({ told }) => told !== null && !told.lied).map(({ told }) => told);
    if (steps.length > 0) tell("joined", { joiner: tab, steps });
  });
  hear("joined", ({ joiner, steps }) => {
    if (joiner !== TAB || !joining) return;
    joining = false;
    for (const told of steps) if (rows.get(told.number)?.lit === false) light(told);
  });
  tell("join");
}

/**
 * The protocol as a sequence diagram. Steps light up when some tab reports that they ended; `lit` is told of each. `knownAs`
 * gives this side's name for an account, or `null`.
 */
export function diagram(lit, knownAs) {
  const parties = new Parties(knownAs);
  const now = stepText();
  // Screen readers read a step that somebody chose, but not the dozens that go by.
  const parts = new Parts(({ step, told }) => now.say(step, told, true), parties.stands);
  const views = tabs("Parts of the protocol", parts.all);
  /** By tab, the report of the newest list of shares: it is a step of reading when something is read. */
  const listed = new Map();

  function light(told, { past = false } = {}) {
    const step = STEPS.get(told.number);
    parts.light(step, told, past);
    parties.acts(step.from, told);
    views.open(step.part);
    now.say(step, told, false);
    if (!past) lit(step);
  }

  hear("step", (told) => {
    const { number, tab } = told;
    const step = STEPS.get(number);
    if (step === undefined) return;
    // A lie to one person did not happen to the others.
    if (told.lied && tab !== TAB) return;
    if (number === LIST) {
      listed.set(tab, told);
      return;
    }
    parts.begin(step, told);
    const list = listed.get(tab);
    if (list !== undefined && step.part === STEPS.get(LIST).part && !parts.rows.get(LIST).lit) light(list);
    light(told);
  });
  catchUp(parts.rows, (told) => light(told, { past: true }));

  const root = el(
    "div",
    { class: "diagram" },
    parties.root,
    now.root,
    views.list,
    views.panels,
    el(
      "p",
      { class: "small muted" },
      "The numbers are those of the protocol’s document; it counts no steps of links, nor of revoking, so those have letters. The times are what each step took here.",
    ),
  );
  return {
    root,
    /** Marks the step whose answer the client refused. */
    refuse(number) {
      const step = STEPS.get(number);
      parts.refuse(step);
      views.open(step.part);
      now.say(step, null);
    },
    /** Notes whether somebody is signed in here; if not, nobody is named. */
    opens: (wanted) => parties.opens(wanted),
    rename: () => parties.rename(),
  };
}
