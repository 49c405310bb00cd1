import { button, choice, during, el, field, form, makeId, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { isVouchsafeError, problemBox } from "./errors.js";
import { bytes, moment } from "./format.js";
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
/** Characters of a value that are shown beside its box. */
const SHOWN = 200;

/** A labelled choice of `[text, value]`. */
export const select = (label, options, chosen) =>
  field(
    label,
    { tag: "select" },
    options.map(([text, value]) => el("option", { value, selected: value === chosen }, text)),
  );

/**
 * Opens the dialog to share a card; `start` says which card or which connection it was opened from, and with `anew` that
 * somebody is likelier who has not got it.
 */
export async function shareDialog(world, start) {
  const problem = problemBox();
  const body = el("div", {}, el("p", { class: "muted", role: "status" }, "Loading…"));
  const dialog = openDialog("Share a card", body, problem.root);
  try {
    const [cards, connections, shares] = await Promise.all([
      everything((page) => world.session.cards(page)),
      everything((page) => world.session.connections(page)),
      everything((page) => world.session.outgoingShares(page)),
    ]);
    const readable = cards.filter((card) => !isFailure(card));
    const people = connections.filter((connection) => !isFailure(connection) && connection.state === "active");
    const hindrance = whyNot(start, { cards, readable, connections, people });
    if (hindrance === null) body.replaceChildren(shareForm(world, { start, cards: readable, people, shares: liveShares(shares), dialog, problem }));
    else {
      body.replaceChildren(el("p", {}, hindrance));
      await world.refresh();
    }
  } catch (error) {
    body.replaceChildren();
    problem.show(error);
  }
}

/** The shares that go on and follow their card; `of` finds the one of a card and a person. */
function liveShares(shares) {
  const inForce = shares.filter(({ live, expiresAt }) => live && (expiresAt === null || expiresAt > Date.now()));
  return { of: (card, person) => inForce.find((share) => share.card === card && share.connection === person) ?? null };
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

/** The box for a part of a card that has the name `name` in calls, and beside it what will be seen. `look` is of files, whose names are long. */
function partChoice(name, label, seen, checked, look = "") {
  const id = makeId("value");
  const { root, input } = choice(userText(label), { type: "checkbox", checked, "aria-describedby": id });
  return { name, input, root: el("div", { class: `field-choice ${look}`.trim() }, root, el("p", { id, class: "small muted", dir: "auto" }, seen)) };
}

const valueText = ({ value }) => (value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value || "–");

/** The choice of a card's fields and files. `changed` is called when somebody changes it. */
export function partChoices(changed) {
  const root = el("fieldset", { class: "plain" });
  const later = el("p", { class: "hint" });
  let fields = [];
  let files = [];
  const isChecked = ({ input }) => input.checked;
  const isAll = (choices) => choices.every(isChecked);
  const chosen = (choices) => choices.filter(isChecked).map(({ name }) => name);
  const tell = () => later.replaceChildren(isAll([...fields, ...files]) ? "Everything, also what you add later." : "This alone.");
  root.addEventListener("change", () => (tell(), changed()));
  return {
    root,
    /** Shows the parts of a card, with those chosen that a `share` has now; without one, all. */
    show(card, share) {
      const before = { fields: share?.fields ?? null, files: share?.files ?? null };
      const hasFile = (id) => before.files?.includes(id) ?? before.fields === null;
      fields = card.fields.map((field) => partChoice(field.name, field.label, valueText(field), before.fields?.includes(field.name) ?? true));
      files = card.files.map((file) => partChoice(file.id, file.name, `File, ${bytes(file.size)}`, hasFile(file.id), "of-file"));
      const parts = [...fields, ...files];
      root.replaceChildren(el("legend", {}, "What they see"), ...parts.map(({ root }) => root), later);
      root.hidden = parts.length === 0;
      tell();
    },
    /**
     * The chosen `fields` and `files` as calls take them. What is `undefined` grows with the card: so are files where all of
     * everything is chosen; some fields alone come without any.
     */
    part() {
      const names = isAll(fields) ? undefined : chosen(fields);
      if (names === undefined && isAll(files)) return {};
      const ids = chosen(files);
      return { fields: names, files: names !== undefined && ids.length === 0 ? undefined : ids };
    },
    /** Whether nothing of a card that has parts is chosen; then the first gets the focus. */
    lacks() {
      const parts = [...fields, ...files];
      if (parts.length === 0 || parts.some(isChecked)) return false;
      parts[0].input.focus();
      return true;
    },
  };
}

/** The choice of how long a share can be read. */
function expiryChoice() {
  const expiry = select("How long can it be read?", EXPIRIES, "");
  /** The end of the share as it is now. */
  let now = null;
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
    /** Begins with the end that a `share` has now. */
    show(share) {
      now = share?.expiresAt ?? null;
      expiry.input.querySelector("[value=now]")?.remove();
      if (now !== null) expiry.input.prepend(el("option", { value: "now" }, `As now: until ${moment(now)}`));
      expiry.input.selectedIndex = 0;
      showUntil();
    },
    /** The time as `share()` takes it; `undefined` until the share is revoked. */
    expiresAt() {
      const span = expiry.input.value;
      if (span === "") return undefined;
      if (span === "now") return now;
      return span === "chosen" ? new Date(until.input.value) : Date.now() + Number(span);
    },
  };
}

/**
 * The choice of a person, with what is known of their keys. `chosen` is the one to begin with, if any, `has` tells whether somebody
 * has the card already, and `changed` is called when another is shown.
 */
function personChoice(people, { chosen, has }, changed) {
  // A verified person who has not got the card is the likeliest choice.
  const verified = people.filter(({ trust }) => trust === "verified");
  const likely = verified.find((person) => !has(person)) ?? verified[0] ?? people[0];
  const person = select("With", people.map(({ id, name }) => [name, id]), chosen ?? likely.id);
  const meaning = el("p", { class: "meaning" });
  const value = () => people.find(({ id }) => id === person.input.value);
  /** Says what is known of the person's keys. */
  function tell() {
    const to = value();
    const known = [to.trust, to.verifiedBy];
    const unproven = isUnproven(to);
    meaning.replaceChildren(trustChip(...known, unproven), " ", trustMeaning(...known, to.name, unproven));
  }
  const show = () => (tell(), changed());
  person.input.addEventListener("change", show);
  return { roots: [person.root, meaning], value, show, tell };
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

/** Shares as the form says, and tells the person who shares; returns `false` if the person it is for is not verified. */
async function send(world, to, options, share) {
  try {
    await world.session.share(options);
  } catch (error) {
    if (isVouchsafeError(error, "connection_unverified")) return false;
    throw error;
  }
  world.tell(share === null ? `Shared with ${to.name}.` : `Changed what ${to.name} sees.`);
  await Promise.all([world.refreshOutgoing(), world.refreshCards()]);
  return true;
}

function shareForm(world, { start, cards, people, shares, dialog, problem }) {
  const submit = el("button", { type: "submit", class: "primary" });
  /** Lets the form be sent again: the refusal was for the form as it was then. */
  const tryAgain = () => {
    submit.hidden = false;
    problem.clear();
  };
  const card = select("Card", cards.map(({ id, label }) => [label, id]), start.card);
  const chosenCard = () => cards.find(({ id }) => id === card.input.value);
  const has = ({ id }) => start.anew === true && shares.of(card.input.value, id) !== null;
  const person = personChoice(people, { chosen: start.connection, has }, showShare);
  const parts = partChoices(tryAgain);
  const expiry = expiryChoice();
  const live = choice("Keep it up to date: when you edit the card, they see it at once", { type: "checkbox", checked: true });
  const known = el("p", { class: "small known-share" });
  const current = () => shares.of(card.input.value, person.value().id);

  /** Begins with what the person has of the card now. */
  function showShare() {
    tryAgain();
    const share = current();
    parts.show(chosenCard(), share);
    expiry.show(share);
    live.root.hidden = share !== null;
    known.hidden = share === null;
    known.replaceChildren(userText(person.value().name), " has this card. What you change here changes what they see.");
    submit.replaceChildren(share === null ? "Share" : "Save changes");
  }
  card.input.addEventListener("change", showShare);
  person.show();

  async function share(extra = {}) {
    const to = person.value();
    const share = current();
    const options = { card: card.input.value, connection: to.id, ...parts.part(), expiresAt: expiry.expiresAt() };
    if (await send(world, to, { ...options, live: share !== null || live.input.checked, ...extra }, share)) dialog.close();
    else explainUnverified(to);
  }

  function explainUnverified(to) {
    const compare = button("Compare the safety number", () => safetyDialog(world, to, verified), { kind: "primary" });
    const anyway = button("Share anyway", () => during(anyway, problem, () => share({ acceptUnverified: true })));
    const verified = () => {
      to.trust = "verified";
      to.verifiedBy = "safetyNumber";
      person.tell();
      tryAgain();
      submit.focus();
    };
    submit.hidden = true;
    problem.explain(...unverified(to, compare, anyway));
    compare.focus();
    problem.root.scrollIntoView({ block: "nearest" });
  }

  const run = () =>
    during(submit, problem, async () => {
      if (parts.lacks()) problem.explain(el("p", {}, "Choose at least one thing to share."));
      else await share();
    });
  return form({}, run, card.root, ...person.roots, known, parts.root, live.root, ...expiry.roots, el("div", { class: "actions end" }, submit));
}
