import { hear, TAB, tell } from "./channel.js";
import { button, el, hidden } from "./dom.js";
import { duration } from "./format.js";
import { PARTIES, STEPS, STORY } from "./story.js";
import { tabs } from "./tabs.js";

/** The step that also happens whenever a list is looked at. */
const LIST = 33;

const COLUMN = new Map(PARTIES.map(({ id }, index) => [id, index + 1]));
const NAME = new Map(PARTIES.map(({ id, name }) => [id, name]));

/**
 * The protocol as a sequence diagram. Steps light up when some tab reports that they ended; `lit` is told of each.
 */
export function diagram(lit) {
  const people = new Map();
  const heads = PARTIES.map(({ id, name }) => {
    const who = el("span", { class: "party-who" });
    people.set(id, who);
    return el("div", { class: `party party-${id}` }, el("strong", {}, name), who);
  });
  const now = el("div", { class: "now" });
  const rows = new Map();

  const parts = STORY.map((part) => {
    const list = el("ol", { class: "lane-rows", role: "list", "aria-label": part.title }, part.steps.map((step) => {
      const row = stepRow(step, (chosen) => {
        // Read aloud when somebody asked, and not when dozens go by.
        now.setAttribute("aria-live", "polite");
        say(chosen.step, chosen.told?.duration ?? null);
      });
      rows.set(step.number, row);
      return row.root;
    }));
    const count = el("span", { class: "part-count" }, `0 of ${part.steps.length}`);
    return { ...part, count, name: [`${part.name} `, count], panel: el("div", {}, el("h3", { class: "part-title" }, part.title), list) };
  });
  const views = tabs("Parts of the protocol", parts);

  function say(step, took) {
    now.replaceChildren(
      el(
        "p",
        { class: "now-head" },
        el("span", { class: "step-label" }, step.label),
        el("strong", {}, step.what),
        took === null ? null : el("span", { class: "took" }, duration(took)),
      ),
      el("p", {}, step.sent),
    );
  }

  /** Names people only while somebody is signed in here. */
  let open = false;

  function idle() {
    now.replaceChildren(
      el("p", { class: "now-head" }, el("strong", {}, "Nothing has happened yet")),
      el("p", {}, "Invite somebody, and the steps light up as they happen, in this tab or another one. Choose a step to read what it sends."),
    );
  }

  /** The parts that a refusal ended. */
  const ended = new Set();

  /** Whether nothing of a part stands as done. */
  const isEmpty = (part) => part.steps.every(({ number }) => !rows.get(number).lit);

  function empty(part) {
    ended.delete(part.id);
    for (const step of part.steps) rows.get(step.number).reset();
    recount({ part: part.id });
  }

  /**
   * A step that comes again begins its part anew, and so does any step after a refusal. What followed the old run does not follow
   * the new one: a new invitation has not been accepted. What came before remains: a second share needs no second invitation.
   */
  function begin(step) {
    const at = parts.findIndex(({ id }) => id === step.part);
    if (rows.get(step.number).lit || ended.has(step.part)) empty(parts[at]);
    if (isEmpty(parts[at])) parts.slice(at + 1).forEach(empty);
  }

  function recount({ part }) {
    const { steps, count } = parts.find(({ id }) => id === part);
    const lit = steps.filter(({ number }) => rows.get(number).lit).length;
    count.replaceChildren(`${lit} of ${steps.length}`);
  }

  /** By tab, the newest list of shares: it is a step of reading when something is read. */
  const listed = new Map();

  function add(told) {
    const { number, tab } = told;
    const step = STEPS.get(number);
    if (step === undefined) return;
    // What is made up for one person did not happen to the others.
    if (told.lied && tab !== TAB) return;
    if (number === LIST) {
      listed.set(tab, told);
      return;
    }
    begin(step);
    const list = listed.get(tab);
    if (list !== undefined && step.part === STEPS.get(LIST).part && !rows.get(LIST).lit) light(list);
    light(told);
  }

  function light(told, { past = false } = {}) {
    const step = STEPS.get(told.number);
    rows.get(told.number).light(told, past);
    actors.set(step.from, told);
    name(step.from);
    recount(step);
    views.open(step.part);
    now.setAttribute("aria-live", "off");
    say(step, told.duration);
    if (!past) lit(step);
  }

  /** By party, the step in which somebody last stood for it. */
  const actors = new Map();

  function name(party) {
    const actor = people.get(party);
    const told = actors.get(party);
    actor.replaceChildren(...(open && told !== undefined ? [el("bdi", {}, told.who.split("@")[0])] : []));
    actor.parentElement.classList.toggle("here", told?.tab === TAB);
  }

  idle();
  hear("step", add);

  // A tab that joins asks the others what has happened so far; the first answer does.
  let joining = true;
  hear("join", ({ tab }) => {
    if (tab === TAB) return;
    const steps = [...rows.values()].filter(({ told }) => told !== null && !told.lied).map(({ told }) => told);
    if (steps.length > 0) tell("joined", { joiner: tab, steps });
  });
  hear("joined", ({ joiner, steps }) => {
    if (joiner !== TAB || !joining) return;
    joining = false;
    for (const told of steps) if (rows.get(told.number)?.lit === false) light(told, { past: true });
  });
  tell("join");

  const root = el(
    "div",
    { class: "diagram" },
    el("div", { class: "parties", "aria-hidden": "true" }, heads),
    now,
    views.list,
    views.panels,
    el("p", { class: "small muted" }, "The numbers are those of the protocol’s document; the times are what each step took here."),
  );
  return {
    root,
    /** Marks the step whose answer the client refused. */
    refuse(number) {
      const step = STEPS.get(number);
      rows.get(number).refuse();
      ended.add(step.part);
      recount(step);
      views.open(step.part);
      say(step, null);
    },
    /** Whether somebody is signed in here; if not, nobody is named. */
    opens(wanted) {
      // Whoever signs in after somebody left is not told who that was.
      if (open && !wanted) actors.clear();
      open = wanted;
      for (const party of people.keys()) name(party);
    },
  };
}

/** One line of the diagram: an arrow between two, or a mark on one line where nothing is sent. */
function stepRow(step, chosen) {
  const [from, to] = [COLUMN.get(step.from), COLUMN.get(step.to)];
  const time = el("span", { class: "took" });
  const state = hidden("not yet");
  const place = from === to ? `at-${from}` : `from-${from} to-${to}`;
  const path = from === to ? NAME.get(step.from) : `${NAME.get(step.from)} to ${NAME.get(step.to)}`;
  const row = {
    step,
    /** What was told of it, while it stands as done. */
    told: null,
    get lit() {
      return row.told !== null;
    },
  };
  const press = button(
    el("span", { class: "step-head" }, el("span", { class: "step-label" }, step.label), el("span", { class: "step-what" }, step.what), time),
    () => chosen(row),
    { kind: "step-press" },
  );
  press.prepend(hidden("Step "));
  press.append(hidden(`. ${path}. `), state);
  const root = el(
    "li",
    { class: "step" },
    press,
    el("span", { class: `wire ${place} ${from === to ? "inside" : from < to ? "right" : "left"}`, "aria-hidden": "true" }),
  );
  row.root = root;
  row.light = (told, past) => {
    row.told = told;
    time.replaceChildren(duration(told.duration));
    state.replaceChildren("done");
    root.classList.remove("lit", "refused");
    root.classList.toggle("past", past);
    // Reading the width lets the arrow be drawn again when its step comes again.
    void root.offsetWidth;
    root.classList.add("lit");
  };
  row.reset = () => {
    row.told = null;
    time.replaceChildren();
    state.replaceChildren("not yet");
    root.classList.remove("lit", "refused");
  };
  row.refuse = () => {
    row.reset();
    time.replaceChildren("refused");
    state.replaceChildren("refused");
    root.classList.add("refused");
  };
  return row;
}
