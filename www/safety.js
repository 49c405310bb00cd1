import { button, copyButton, during, el, field, form, makeId, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { qrCode } from "./qr-code.js";
import { scanner } from "./scan.js";
import { trustChip, trustMeaning } from "./trust.js";

const DIGITS = 60;
/** The text of a safety number's QR code. */
const NUMBER = new RegExp(`^\\d{${DIGITS}}$`);

/** The number in twelve groups, easy to read aloud, and as a code for the other person's camera. */
function numberBox(number, name) {
  const groups = number.split(" ").flatMap((group) => [el("span", {}, group), " "]);
  const digits = el("div", { class: "digits", role: "group", "aria-label": "Safety number" }, groups);
  const code = el(
    "div",
    { class: "digits-code" },
    qrCode(number.replaceAll(" ", ""), "QR code of the safety number"),
    el("p", { class: "hint" }, "For ", userText(name), "'s camera"),
  );
  return { digits, root: el("div", { class: "digits-box" }, digits, code) };
}

/** Advice for two people whose numbers are not the same. */
const differing = (name, disconnect) => [
  el("p", {}, el("strong", {}, "Then somebody may stand between you. "), "Do not share with ", userText(name), "."),
  el(
    "p",
    {},
    "First make sure that both of you look at the connection with each other. If the numbers still differ, choose Disconnect, and connect anew by a link that you hand over yourself.",
  ),
  el("div", { class: "actions" }, button("Disconnect", disconnect, { what: `from ${name}`, kind: "danger" })),
];

/** One of the ways to compare; opening it closes the others. */
const way = (group, title, props, ...children) =>
  el("details", { class: "compare", name: group, ...props }, el("summary", {}, title), el("div", { class: "compare-inside" }, ...children));

/** Comparing by a number that was sent; `mark` gets it, and `copy` is the button that copies one's own. */
function byPaste(group, name, copy, mark) {
  const problem = problemBox();
  const theirs = field(`The number that ${name} sees`, {
    tag: "textarea",
    rows: "2",
    required: true,
    autocomplete: "off",
    inputmode: "numeric",
    hint: `${DIGITS} digits; blanks do not matter.`,
  });
  const compare = el("button", { type: "submit" }, "Compare");
  return way(
    group,
    "Paste the number",
    { open: true },
    form(
      {},
      // What is mistyped, or a part, is no other number: the package tells which, and nobody is alarmed by it.
      () => during(compare, problem, () => mark(theirs.input.value)),
      el("p", {}, "Send each other the number over a channel that both of you trust."),
      theirs.root,
      el("div", { class: "actions" }, compare, copy),
      problem.root,
    ),
  );
}

/** Comparing by the code on the other person's screen; `mark` gets its number. `stop` lets go of the camera. */
function byCamera(group, name, mark) {
  const problem = problemBox();
  const camera = scanner({ found, problem });

  async function found(text) {
    if (!NUMBER.test(text)) {
      problem.explain(el("p", {}, "This code is no safety number. The one to read is in the dialog that ", userText(name), " sees."));
      return;
    }
    problem.clear();
    camera.stop();
    try {
      await mark(text);
    } catch (error) {
      problem.show(error);
    }
  }

  const root = way(group, "Check with the camera", {}, camera.root, problem.root);
  root.addEventListener("toggle", () => (root.open ? camera.start() : camera.stop()));
  return { root, stop: camera.stop };
}

/** The ways to compare the numbers of two people. `done` is called when they agree. */
function comparing(world, connection, shown, copy, done) {
  const { id, name, safetyNumber: number } = connection;
  const group = makeId("ways");
  const problem = problemBox();

  async function mark(theirs) {
    await world.session.markVerified(id, theirs);
    await world.refreshConnections();
    done();
  }

  const match = button("They match", () => during(match, problem, () => mark(number)));
  const differ = button("They differ", () => problem.explain(...differing(name, () => world.disconnect(connection))));
  const camera = byCamera(group, name, mark);

  const nodes = [
    el(
      "p",
      {},
      "Meet or call ",
      userText(name),
      ". If both of you see the same digits, nobody stands between you and reads along.",
    ),
    shown.root,
    el("div", { class: "actions" }, match, differ),
    problem.root,
    el("div", { class: "compare-ways" }, byPaste(group, name, copy, mark), camera.root),
  ];
  return { nodes, stop: camera.stop };
}

/** For those who have compared: the number to look at, and for the other person to read. */
const showing = ({ name }, shown, copy) => [
  shown.root,
  el("p", { class: "muted" }, userText(name), " sees the same number under the connection with you."),
  el("div", { class: "actions" }, copy),
];

/** Comparing the safety number, of keys that did not change. `verified` is called when the two agree. */
export function safetyDialog(world, connection, verified = () => {}) {
  const { name, trust, verifiedBy } = connection;
  const shown = numberBox(connection.safetyNumber, name);
  const copy = copyButton("Copy my number", () => connection.safetyNumber, shown.digits);
  const ways = trust === "unverified" ? comparing(world, connection, shown, copy, done) : null;

  function done() {
    dialog.close();
    world.tell(`${name} is verified.`);
    verified();
  }

  const dialog = openDialog(
    ["Safety number with ", userText(name)],
    el("p", { class: "meaning" }, trustChip(trust, verifiedBy), " ", trustMeaning(trust, verifiedBy, name)),
    ...(ways?.nodes ?? showing(connection, shown, copy)),
  );
  dialog.classList.add("safety-dialog");
  if (ways !== null) dialog.addEventListener("close", ways.stop);
}
