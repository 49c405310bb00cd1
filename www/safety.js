import { button, during, el, field, form, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { safetyNumber } from "./format.js";
import { notify } from "./notices.js";
import { changedWarning, trustChip } from "./trust.js";

/** The number in twelve groups, easy to read aloud. */
function numberBox(number) {
  const groups = number.split(" ").flatMap((group) => [el("span", {}, group), " "]);
  return el("div", { class: "safety", role: "group", "aria-label": "Safety number" }, groups);
}

/** Comparing the safety number. `verified` is called when the two agree. */
export function safetyDialog(world, connection, verified = () => {}) {
  const { name, trust } = connection;
  const problem = problemBox();

  async function mark(number) {
    await world.session.markVerified(connection.id, number);
    await world.refreshConnections();
    dialog.close();
    notify(`${name} is verified.`);
    verified();
  }

  const match = button("They match", () => during(match, problem, () => mark(connection.safetyNumber)), { kind: "primary" });
  const theirs = field(`The number that ${name} sees`, {
    tag: "textarea",
    rows: "2",
    required: true,
    autocomplete: "off",
    inputmode: "numeric",
    hint: "60 digits; blanks do not matter.",
  });
  const compare = el("button", { type: "submit" }, "Compare");

  const dialog = openDialog(
    ["Safety number with ", userText(name)],
    el("p", {}, trustChip(trust, connection.verifiedBy)),
    trust === "changed" ? changedWarning() : null,
    numberBox(connection.safetyNumber),
    trust === "unverified"
      ? [
          el(
            "p",
            {},
            "Meet or call ",
            userText(name),
            " and read the digits to each other. If both of you see the same number, nobody stands between you.",
          ),
          el("div", { class: "actions" }, match),
          form(
            { class: "apart" },
            () => during(compare, problem, () => mark(safetyNumber(theirs.input.value))),
            el("p", {}, "Or paste the number that you were sent over another channel:"),
            theirs.root,
            el("div", { class: "actions" }, compare),
          ),
          problem.root,
        ]
      : el("p", { class: "muted" }, "The other person sees the same number under their connection with you."),
  );
}
