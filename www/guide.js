import { button, during, el, hidden, section } from "./dom.js";
import { problemBox } from "./errors.js";
import { icon } from "./icon.js";

/** The way through the first minute, with a button for each step, and where to look when all is done. */
export function guide({ invited }) {
  const problem = problemBox();
  const counts = { cards: 0, invitations: 0, people: 0, outgoing: 0 };
  let actions = {};

  const sample = button("Start with a sample", () => during(sample, problem, () => actions.addSample()));
  const steps = [
    { name: "Make a card", text: "A passport number, a password: what you want to share.", done: () => counts.cards > 0, action: sample },
    {
      name: "Invite somebody",
      text: "By link is quickest: one click opens it in another tab, and there you are the other person.",
      done: () => counts.invitations > 0 || counts.people > 0,
      action: button("Invite", () => actions.invite(), { what: "somebody by a link", "aria-haspopup": "dialog" }),
    },
    { name: "Accept in the other tab", text: "Choose an example person there, and accept.", done: () => counts.people > 0 },
    {
      name: "Share the card",
      text: "The other tab shows it at once, and can read it.",
      done: () => counts.outgoing > 0,
      action: button("Share it", () => actions.share(), { "aria-haspopup": "dialog" }),
    },
  ];
  const rows = steps.map(({ name, text, action }) => {
    const state = hidden(", to do");
    const root = el(
      "li",
      {},
      el("span", { class: "guide-mark" }, icon("tick")),
      el("div", {}, el("strong", {}, name), state, el("p", { class: "small muted" }, text)),
      action ?? null,
    );
    return { root, state };
  });
  const finished = el(
    "div",
    { class: "guide-done", hidden: true },
    el("p", {}, el("strong", {}, "That was it. "), "Read the card in the other tab, and then look behind the scenes:"),
    el(
      "div",
      { class: "actions" },
      button("What is stored", () => actions.showRows()),
      button("Let the servers lie", () => actions.lie()),
    ),
  );
  const hide = button("Hide", () => (root.hidden = true), { what: "the first steps", kind: "quiet" });
  const root = section(
    "Share something in a minute",
    { look: "guide", tools: [hide] },
    el("ol", { class: "guide-steps", role: "list", "aria-label": "First steps" }, rows.map((row) => row.root)),
    problem.root,
    finished,
  );
  // Whoever was invited is led by the invitation.
  root.hidden = invited;

  function draw() {
    const todo = steps.findIndex((step) => !step.done());
    rows.forEach((row, index) => {
      const done = steps[index].done();
      row.root.classList.toggle("done", done);
      row.root.classList.toggle("next", index === todo);
      row.state.replaceChildren(done ? ", done" : index === todo ? ", next" : ", to do");
    });
    finished.hidden = todo >= 0;
  }
  draw();

  return {
    root,
    /** What the buttons do. */
    does(given) {
      actions = given;
    },
    /** Notes how much there is of something. */
    count(given) {
      Object.assign(counts, given);
      draw();
    },
  };
}
