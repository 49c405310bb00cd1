import { button, el, hidden } from "./dom.js";
import { took } from "./format.js";
import { writeNamed } from "./party-names.js";
import { PARTIES, READER } from "./story.js";

const COLUMN = new Map([...PARTIES.map(({ id }, index) => [id, index + 1]), [READER, PARTIES.length]]);
const NAME = new Map([...PARTIES.map(({ id, name }) => [id, name]), [READER, "Whoever has the link"]]);

/**
 * One line of the diagram: an arrow between two parties, or a mark at one where nothing is sent. `chosen` gets the row when
 * somebody presses it.
 */
export function stepRow(step, chosen) {
  const [from, to] = [COLUMN.get(step.from), COLUMN.get(step.to)];
  const time = el("span", { class: "took" });
  const state = hidden("not yet");
  const place = from === to ? `at-${from}` : `from-${from} to-${to}`;
  const path = from === to ? NAME.get(step.from) : `${NAME.get(step.from)} to ${NAME.get(step.to)}`;
  const row = {
    step,
    /** The report of the step while it stands as done. */
    told: null,
    get lit() {
      return row.told !== null;
    },
  };
  const press = button(
    el("span", { class: "step-head" }, el("span", { class: "step-label" }, step.label), writeNamed(el("span", { class: "step-what" }), step.what), time),
    () => chosen(row),
    { kind: "step-press" },
  );
  press.prepend(hidden("Step "));
  press.append(writeNamed(hidden(""), `. ${path}. `), state);
  const root = el(
    "li",
    { class: "step" },
    press,
    el("span", { class: `wire ${place} ${from === to ? "inside" : from < to ? "right" : "left"}`, "aria-hidden": "true" }),
  );
  row.root = root;
  row.light = (told, past) => {
    row.told = told;
    time.replaceChildren(took(told));
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
