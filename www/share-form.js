import { button, choice, during, el, field, form, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { isVouchsafeError, problemBox } from "./errors.js";
import { everything, isFailure } from "./list.js";
import { safetyDialog } from "./safety.js";
import { isUnproven, trustChip, trustMeaning } from "./trust.js";

const HOUR = 3_600_000;
const EXPIRIES = [
  ["Until I revoke it", ""],
  ["For an hour", String(HOUR)],
  ["For a day", String(24 * HOUR)],
  ["For a week", String(7 * 24 * HOUR)],
  ["Until a time that I choose", "chosen"],
];

const select = (label, options, chosen) =>
  field(
    label,
    { tag: "select" },
    options.map(([text, value]) => el("option", { value, selected: value === chosen }, text)),
  );

/** Opens the dialog to share a card; `start` says which card or which connection it was opened from. */
export async function shareDialog(world, start) {
  const problem = problemBox();
  const body = el("div", {}, el("p", { class: "muted", role: "status" }, "Loading…"));
  const dialog = openDialog("Share a card", body, problem.root);
  try {
    const [cards, connections] = await Promise.all([
      everything((page) => world.session.cards(page)),
      everything((page) => world.session.connections(page)),
    ]);
    const readable = cards.filter((card) => !isFailure(card));
    const people = connections.filter((connection) => !isFailure(connection) && connection.state === "active");
    const hindrance = whyNot(start, { cards, readable, connections, people });
    if (hindrance === null) body.replaceChildren(shareForm(world, { start, cards: readable, people, dialog, problem }));
    else {
      body.replaceChildren(el("p", {}, hindrance));
      await world.refresh();
    }
  } catch (error) {
    body.replaceChildren();
    problem.show(error);
  }
}

/** The reason why nothing can be shared, or `null`. The card or connection that the dialog was opened for has no substitute. */
function whyNot(start, { cards, readable, connections, people }) {
  const isIn = (list, id) => id === undefined || list.some((item) => item.id === id);
  if (cards.length === 0) return "You have no card yet. Make one first.";
  if (readable.length === 0) return "None of your cards can be opened now.";
  if (!isIn(readable, start.card)) return "This card is no longer there, or cannot be opened now.";
  if (!isIn(people, start.connection)) return "You are no longer connected with this person.";
  if (people.length > 0) return null;
  if (connections.some(isFailure)) return "None of your connections can be checked now.";
  return "You are connected with nobody yet. Invite somebody first.";
}

/** The choice of a card's fields. `changed` is called when somebody changes it. */
function fieldChoices(changed) {
  const root = el("fieldset", { class: "plain" });
  root.addEventListener("change", changed);
  let choices = [];
  const isChecked = ({ input }) => input.checked;
  return {
    root,
    show(card) {
      choices = card.fields.map(({ name, label }) => ({
        name,
        ...choice(userText(label), { type: "checkbox", checked: true }),
      }));
      root.replaceChildren(el("legend", {}, "What is shared"), ...choices.map(({ root }) => root));
      root.hidden = choices.length === 0;
    },
    /** The names of the chosen fields; `undefined` if all are. */
    names() {
      const named = choices.filter(isChecked).map(({ name }) => name);
      return named.length === choices.length ? undefined : named;
    },
    /** Whether a card with fields has none chosen; then the first gets the focus. */
    lacks() {
      if (choices.length === 0 || choices.some(isChecked)) return false;
      choices[0].input.focus();
      return true;
    },
  };
}

/** The choice of how long a share can be read. */
function expiryChoice() {
  const expiry = select("How long can it be read?", EXPIRIES, "");
  const until = field("Reading ends", { type: "datetime-local", required: true });
  function showUntil() {
    until.root.hidden = expiry.input.value !== "chosen";
    // A hidden input must not stop the form.
    until.input.disabled = until.root.hidden;
  }
  expiry.input.addEventListener("change", showUntil);
  showUntil();
  return {
    roots: [expiry.root, until.root],
    /** The time as `share()` takes it; `undefined` until the share is revoked. */
    expiresAt() {
      const span = expiry.input.value;
      if (span === "") return undefined;
      return span === "chosen" ? new Date(until.input.value) : Date.now() + Number(span);
    },
  };
}

/** The choice of a person, with what is known of their keys. `changed` is called when another is shown. */
function personChoice(people, chosen, changed) {
  // A verified person is the likeliest choice.
  const likely = people.find(({ trust }) => trust === "verified") ?? people[0];
  const person = select("With", people.map(({ id, name }) => [name, id]), chosen ?? likely.id);
  const meaning = el("p", { class: "meaning" });
  const value = () => people.find(({ id }) => id === person.input.value);
  function show() {
    const to = value();
    const known = [to.trust, to.verifiedBy];
    const unproven = isUnproven(to);
    meaning.replaceChildren(trustChip(...known, unproven), " ", trustMeaning(...known, to.name, unproven));
    changed();
  }
  person.input.addEventListener("change", show);
  return { roots: [person.root, meaning], value, show };
}

/** The refusal to share with somebody unverified: `compare` and `anyway` are the buttons for what to do. */
const unverified = (to, compare, anyway) => [
  el("p", {}, el("strong", {}, "Nothing was shared. "), userText(to.name), " is not verified yet."),
  el(
    "p",
    {},
    "Nobody has checked that the keys you got are theirs; the server could have given you its own and read along. Compare the safety number first.",
  ),
  el("div", { class: "actions" }, compare, anyway),
];

function shareForm(world, { start, cards, people, dialog, problem }) {
  const submit = el("button", { type: "submit", class: "primary" }, "Share");
  /** Lets the form be sent again: the refusal was for the form as it was then. */
  const tryAgain = () => {
    submit.hidden = false;
    problem.clear();
  };
  const card = select("Card", cards.map(({ id, label }) => [label, id]), start.card);
  const chosenCard = () => cards.find(({ id }) => id === card.input.value);
  const person = personChoice(people, start.connection, tryAgain);
  const fields = fieldChoices(tryAgain);
  const expiry = expiryChoice();
  card.input.addEventListener("change", () => fields.show(chosenCard()));
  person.show();
  fields.show(chosenCard());

  async function share(extra = {}) {
    const to = person.value();
    const { id, label } = chosenCard();
    try {
      const options = { card: id, connection: to.id, fields: fields.names(), expiresAt: expiry.expiresAt() };
      const shared = await world.session.share({ ...options, ...extra });
      world.labels.set(shared.id, label);
    } catch (error) {
      if (!isVouchsafeError(error, "connection_unverified")) throw error;
      explainUnverified(to);
      return;
    }
    dialog.close();
    world.tell(`Shared with ${to.name}.`);
    await world.refreshShares();
  }

  function explainUnverified(to) {
    const compare = button("Compare the safety number", () => safetyDialog(world, to, verified), { kind: "primary" });
    const anyway = button("Share anyway", () => during(anyway, problem, () => share({ acceptUnverified: true })));
    const verified = () => {
      to.trust = "verified";
      to.verifiedBy = "safetyNumber";
      person.show();
      submit.focus();
    };
    submit.hidden = true;
    problem.explain(...unverified(to, compare, anyway));
    compare.focus();
    problem.root.scrollIntoView({ block: "nearest" });
  }

  const run = () =>
    during(submit, problem, async () => {
      if (fields.lacks()) problem.explain(el("p", {}, "Choose at least one field to share."));
      else await share();
    });
  return form({}, run, card.root, ...person.roots, fields.root, ...expiry.roots, el("div", { class: "actions end" }, submit));
}
