import { button, during, el, section, userText } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { pagedList } from "./list.js";
import { cardDialog } from "./card-form.js";
import { shareDialog } from "./share-form.js";

const SAMPLE = {
  label: "Passport",
  fields: [
    { name: "number", label: "Number", value: "X4R8 221 907" },
    { name: "full_name", label: "Full name", value: "Robin Example" },
    { name: "date_of_birth", label: "Date of birth", value: "14 March 1988" },
    { name: "valid_until", label: "Valid until", value: "30 June 2031" },
  ],
};

/** The fields of a card, one below the other. */
export function cardFields(card) {
  if (card.fields.length === 0) return el("p", { class: "muted" }, "No fields.");
  return el(
    "dl",
    { class: "fields" },
    card.fields.map((field) =>
      el("div", {}, el("dt", { dir: "auto" }, field.label), el("dd", { dir: "auto" }, field.value || "–")),
    ),
  );
}

/** One's own cards. */
export function cardsSection(world) {
  const { session } = world;
  const problem = problemBox();

  const list = pagedList({
    label: "Your cards",
    empty: "No cards yet. Make one, or start with the sample.",
    fetch: (page) => session.cards(page),
    row: (card) =>
      el(
        "li",
        { class: "row" },
        el("h3", { dir: "auto" }, card.label),
        cardFields(card),
        el("p", { class: "muted small" }, "Changed ", time(card.updatedAt)),
        el(
          "div",
          { class: "actions" },
          button("Share", () => shareDialog(world, { card: card.id }), { what: card.label }),
          button("Edit", () => edit(card), { what: card.label, kind: "quiet" }),
          button("Delete", () => remove(card), { what: card.label, kind: "quiet" }),
        ),
      ),
  });

  function create() {
    cardDialog("New card", { label: "", fields: [] }, async (content) => {
      await session.createCard(content);
      await list.refresh();
    });
  }

  function edit(card) {
    cardDialog(["Edit ", userText(card.label)], card, async (content) => {
      await session.updateCard({ id: card.id, version: card.version, ...content });
      await list.refresh();
    });
  }

  function remove(card) {
    confirmDialog({
      title: ["Delete ", userText(card.label), "?"],
      text: "The card is gone for good. What you have shared of it stays shared until you revoke it.",
      action: "Delete the card",
      run: async () => {
        await session.deleteCard(card.id);
        await list.refresh();
      },
    });
  }

  const sample = button("Add a sample card", () =>
    during(sample, problem, async () => {
      await session.createCard(SAMPLE);
      await list.refresh();
    }),
  );

  const root = section(
    "Your cards",
    { intro: "Only you can read them, until you share one." },
    el("div", { class: "actions" }, button("New card", create, { kind: "primary" }), sample),
    problem.root,
    list.root,
  );
  return { root, refresh: list.refresh };
}
