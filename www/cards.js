import { button, copyButton, during, el, section, userText } from "./dom.js";
import { cardDialog } from "./card-form.js";
import { confirmDialog } from "./dialog.js";
import { isVouchsafeError, problemBox } from "./errors.js";
import { SAMPLES } from "./example.js";
import { characters, time } from "./format.js";
import { pagedList, refreshButton } from "./list.js";
import { pointsAt, rowsButton } from "./rows.js";
import { shareDialog } from "./share-form.js";

/** Characters of a value that are shown at first, and added at a time: a browser takes long to lay out a million. */
const FIRST = 600;
const PORTION = 5_000;

/** A value, or the beginning of a long one. */
function longValue(value) {
  if (value.length <= FIRST) return el("dd", { dir: "auto" }, value || "–");
  const text = el("span", { dir: "auto", tabindex: "0", role: "group", "aria-label": "Beginning of the value" }, value.slice(0, FIRST));
  let shown = FIRST;
  const left = el("p", { class: "small muted" });
  const tell = () => left.replaceChildren(shown < value.length ? `… of ${characters(value.length)} in all.` : `${characters(value.length)} in all.`);
  const more = button("Show more", () => {
    text.append(value.slice(shown, shown + PORTION));
    shown += PORTION;
    more.hidden = shown >= value.length;
    tell();
  });
  tell();
  return el("dd", { class: "long-value" }, text, left, el("div", { class: "actions" }, more, copyButton("Copy all", () => value, text)));
}

/** The fields of a card, one below the other. */
export function cardFields(card) {
  if (card.fields.length === 0) return el("p", { class: "muted" }, "No fields.");
  return el(
    "dl",
    { class: "fields" },
    card.fields.map((field) => el("div", {}, el("dt", { dir: "auto" }, field.label), longValue(field.value))),
  );
}

function cardRow(world, card, { edit, remove }) {
  const record = { id: card.id, name: card.label };
  return pointsAt(
    el(
      "li",
      { class: "row tile" },
      el("div", { class: "row-head" }, el("h3", { dir: "auto" }, card.label), rowsButton(record, world.showRows)),
      cardFields(card),
      el("p", { class: "muted small tile-foot" }, "Changed ", time(card.updatedAt)),
      el(
        "div",
        { class: "actions" },
        button("Share", () => shareDialog(world, { card: card.id }), { what: card.label }),
        button("Edit", () => edit(card), { what: card.label, kind: "quiet" }),
        button("Delete", () => remove(card), { what: card.label, kind: "quiet" }),
      ),
    ),
    record,
    world.point,
  );
}

function editDialog(session, list, card) {
  let { version } = card;
  cardDialog(["Edit ", userText(card.label)], card, async (content) => {
    try {
      await session.updateCard({ ...card, version, ...content });
    } catch (error) {
      if (isVouchsafeError(error, "conflict") || isVouchsafeError(error, "not_found")) {
        await list.refresh();
        // The person was told of the other change, and replaces it by saving once more.
        version = list.find(card.id)?.version ?? version;
      }
      throw error;
    }
    await list.refresh();
  });
}

/** The section with one's own cards. */
export function cardsSection(world) {
  const { session } = world;
  const problem = problemBox();

  const list = pagedList({
    label: "Your cards",
    empty: "No cards yet. Make one, or start with a sample.",
    look: "tiles",
    fetch: (page) => session.cards(page),
    changed: (items) => world.count({ cards: items.length }),
    row: (card) => cardRow(world, card, { edit, remove }),
  });

  function create() {
    cardDialog("New card", { label: "", fields: [] }, async (content) => {
      await session.createCard(content);
      await list.refresh();
    });
  }

  const edit = (card) => editDialog(session, list, card);

  function remove(card) {
    confirmDialog({
      title: ["Delete ", userText(card.label), "?"],
      text: "The card is gone for good. What you have shared of it stays shared until you revoke it.",
      action: "Delete the card",
      run: async () => {
        await session.deleteCard(card.id, { shares: "keep" });
        await list.refresh();
      },
    });
  }

  let samples = 0;
  async function addSample() {
    await session.createCard(SAMPLES[samples % SAMPLES.length]);
    samples += 1;
    await list.refresh();
  }
  const sample = button("Add a sample card", () => during(sample, problem, addSample));

  const root = section(
    "Your cards",
    { intro: "Only you can read them, until you share one.", tools: [refreshButton(list, "your cards"), sample, button("New card", create, { kind: "primary" })] },
    problem.root,
    list.root,
  );
  return { root, refresh: list.refresh, addSample };
}
