import { button, during, el, hidden, section } from "./dom.js";
import { problemBox } from "./errors.js";
import { icon } from "./icon.js";

/** The names of the steps that the person of this tab has done: what is taken back or deleted later does not undo them. */
const done = new Set();

/** Begins anew, for somebody else. */
export const forgetSteps = () => done.clear();

/** The steps, when each is done, and the button that does it. `does` is called with the name of an action. */
function guideSteps(counts, sample, does) {
  return [
    { name: "Make a card", text: "A passport number, a password: what you want to share.", isDone: () => counts.cards > 0, action: sample },
    {
      name: "Invite somebody",
      text: "By link is quickest: one click opens it in another tab, and there you are the other person.",
      isDone: () => counts.invitations > 0 || counts.people > 0,
      action: button("Invite", () => does("invite"), { what: "somebody by a link", "aria-haspopup": "dialog" }),
    },
    { name: "Accept in the other tab", text: "Choose an example person there, and accept.", isDone: () => counts.people > 0 },
    {
      name: "Share the card",
      text: "The other tab shows it at once, and can read it.",
      isDone: () => counts.outgoing > 0,
      action: button("Share it", () => does("share"), { "aria-haspopup": "dialog" }),
    },
  ];
}

function guideRow({ name, text, action }) {
  const state = hidden(", to do");
  const root = el(
    "li",
    {},
    el("span", { class: "guide-mark" }, icon("tick")),
    el("div", {}, el("strong", {}, name), state, el("p", { class: "small muted" }, text)),
    action ?? null,
  );
  return { root, state };
}

/** The way through the first minute, with a button for each step, and where to look when all is done. */
export function guide({ invited }) {
  const problem = problemBox();
  const counts = { cards: 0, invitations: 0, people: 0, outgoing: 0 };
  let actions = {};
  const does = (name) => actions[name]();

  const sample = button("Start with a sample", () => during(sample, problem, () => does("addSample")));
  const steps = guideSteps(counts, sample, does);
  const rows = steps.map(guideRow);
  const way = el("ol", { class: "guide-steps", role: "list", "aria-label": "First steps" }, rows.map((row) => row.root));
  const over = el(
    "p",
    { class: "guide-over", hidden: true },
    el("strong", {}, "That was it. "),
    "Edit the card, and watch the other tab; or make a link to it. Behind the scenes: ",
    button("What is stored", () => does("showRows"), { kind: "link" }),
    ", ",
    button("Let the servers lie", () => does("lie"), { kind: "link" }),
  );
  const hide = button("Hide", () => (root.hidden = true), { what: "the first steps", kind: "quiet" });
  const root = section("Share something in a minute", { look: "guide", tools: [hide] }, way, problem.root);
  const heading = root.querySelector("h2");
  heading.after(over);
  // The invitation leads somebody who was invited.
  root.hidden = invited;

  function draw() {
    for (const step of steps) if (step.isDone()) done.add(step.name);
    const todo = steps.findIndex((step) => !done.has(step.name));
    rows.forEach((row, index) => {
      const isDone = done.has(steps[index].name);
      row.root.classList.toggle("done", isDone);
      row.root.classList.toggle("next", index === todo);
      row.state.replaceChildren(isDone ? ", done" : index === todo ? ", next" : ", to do");
    });
    // Only one line stays. The heading may have the focus, so it stays for screen readers.
    over.hidden = todo >= 0;
    way.hidden = todo < 0;
    heading.classList.toggle("sr", todo < 0);
  }
  draw();

  return {
    root,
    /** Sets what the buttons do. */
    does(given) {
      actions = given;
    },
    /** Notes the counts that the steps depend on. */
    count(given) {
      Object.assign(counts, given);
      draw();
    },
  };
}
