import { audience, audiences, sharedWith } from "./audience.js";
import { button, copyButton, during, el, hidden, section, userText } from "./dom.js";
import { cardFiles } from "./card-files.js";
import { cardDialog } from "./card-form.js";
import { cardLinkDialog } from "./card-link.js";
import { cutUploads } from "./cut-uploads.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { isVouchsafeError, problemBox, sentence } from "./errors.js";
import { SAMPLES } from "./example.js";
import { characters, time } from "./format.js";
import { isFailure, pagedList, refreshButton } from "./list.js";
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

/** The fields of a card, one below the other; those whose names are in `changed` are marked. */
export function cardFields(card, changed = new Set()) {
  if (card.fields.length === 0) return el("p", { class: "muted" }, card.files?.length > 0 ? "Files alone." : "No fields.");
  const row = ({ name, label, value }) => {
    const isChanged = changed.has(name);
    const term = el("dt", { dir: "auto" }, label, isChanged ? hidden(", changed") : null);
    return el("div", { class: isChanged ? "changed" : null }, term, longValue(value));
  };
  return el("dl", { class: "fields" }, card.fields.map(row));
}

function cardRow(world, card, { edit, remove, files }) {
  const record = { id: card.id, name: card.label };
  files.show(card);
  const row = pointsAt(
    el(
      "li",
      { class: "row tile" },
      el("div", { class: "row-head" }, el("h3", { dir: "auto" }, card.label), rowsButton(record, world.showRows)),
      cardFields(card),
      files.root,
      el("p", { class: "muted small tile-foot" }, sharedWith(world, card), el("span", {}, "Changed ", time(card.updatedAt))),
      el(
        "div",
        { class: "actions" },
        button("Share", () => shareDialog(world, { card: card.id }), { what: card.label }),
        button("Link", () => cardLinkDialog(world, card), { what: `to ${card.label}`, kind: "quiet", "aria-haspopup": "dialog" }),
        button("Edit", () => edit(card), { what: card.label, kind: "quiet" }),
        button("Delete", () => remove(card), { what: card.label, kind: "quiet" }),
      ),
    ),
    record,
    world.point,
  );
  files.takesDrops(row);
  return row;
}

/** What could not be brought up to date after an edit, in a sentence; `null` if all was. */
async function laggingText(world, lagging) {
  if (lagging.length === 0) return null;
  const names = await Promise.all(lagging.map(({ connection }) => (connection === null ? "some people" : world.nameOf(connection))));
  return `Saved. Your change has not reached ${[...new Set(names)].join(", ")} yet: ${sentence(lagging[0].error)}`;
}

function editDialog(world, list, card) {
  const { session } = world;
  let { version } = card;
  cardDialog(["Edit ", userText(card.label)], card, async (content) => {
    try {
      const { lagging } = await session.updateCard({ id: card.id, version, kind: card.kind, data: card.data, ...content });
      const told = await laggingText(world, lagging);
      if (told !== null) world.tell(told);
    } catch (error) {
      if (isVouchsafeError(error, "conflict") || isVouchsafeError(error, "not_found")) {
        await list.refresh();
        // The person was told of the other change, and replaces it by saving once more.
        version = list.find(card.id)?.version ?? version;
      }
      throw error;
    }
    await list.refresh();
    await world.refreshShown();
  });
}

/** Asks what becomes of the shares of a card that is to be deleted; `remove` gets the answer. */
function sharedCardDialog(card, remove) {
  const problem = problemBox();
  const go = (text, shares, kind) => {
    const press = () =>
      during(made, problem, async () => {
        await remove(shares);
        dialog.close();
      });
    const made = button(text, press, { kind });
    return made;
  };
  const keep = button("Keep it", () => dialog.close(), { autofocus: true });
  const dialog = openDialog(
    ["Delete ", userText(card.label), "?"],
    el("p", {}, audience(card), card.people.length === 0 ? ". Shall the link end, too?" : ". Shall they lose it, too?", " What was read cannot be unread."),
    problem.root,
    el("div", { class: "actions end" }, keep, go("Delete mine alone", "keep"), go("Delete for everybody", "revoke", "danger")),
  );
}

/** Deletes a card, after a question; `done` is called then. */
function removeDialog(world, card, done) {
  const remove = async (shares) => {
    await world.session.deleteCard(card.id, { shares });
    await done();
    if (shares !== undefined) await world.refreshShares();
  };
  if (card.shares > 0) return sharedCardDialog(card, remove);
  confirmDialog({
    title: ["Delete ", userText(card.label), "?"],
    text: "The card is gone for good. Nobody else has it.",
    action: "Delete the card",
    run: () =>
      remove().catch((error) => {
        if (!isVouchsafeError(error, "card_shared")) throw error;
        // Another tab has shared it since the list was fetched.
        sharedCardDialog(card, remove);
      }),
  });
}

/** The section with one's own cards. */
export function cardsSection(world) {
  const { session } = world;
  const problem = problemBox();
  /** The files of each card, which stay when its row is drawn anew. */
  const files = new Map();
  const filesOf = (id) => {
    if (!files.has(id)) files.set(id, cardFiles(world, id, { changed: changedFiles, ended: () => cut.refresh() }));
    return files.get(id);
  };

  async function changedFiles(lagging) {
    const told = await laggingText(world, lagging);
    if (told !== null) world.tell(told);
    await list.refresh();
    await world.refreshShown();
  }

  /** Forgets the files of cards other than these. */
  function keepFiles(items) {
    const ids = new Set(items.map(({ id }) => id));
    for (const [id, each] of files) {
      if (ids.has(id)) continue;
      each.close();
      files.delete(id);
    }
  }

  /** The cards of the list that could be opened. */
  let shown = [];
  const list = pagedList({
    label: "Your cards",
    empty: "No cards yet. Make one, or start with a sample.",
    look: "tiles",
    async fetch(page) {
      const { items, next } = await session.cards(page);
      const has = items.some(({ shares }) => shares > 0) ? await audiences(world) : () => ({ people: [], byLink: false });
      return { items: items.map((card) => (isFailure(card) ? card : { ...card, ...has(card) })), next };
    },
    changed(items) {
      keepFiles(items);
      shown = items.filter((item) => !isFailure(item));
      world.count({ cards: items.length, ownFiles: shown.reduce((sum, card) => sum + card.files.length, 0) });
    },
    row: (card) => cardRow(world, card, { edit, remove, files: filesOf(card.id) }),
  });
  const cut = cutUploads(session, {
    cards: () => shown,
    isOnItsWay: (upload) => [...files.values()].some((each) => each.uploads().some(({ name, size }) => name === upload.name && size === upload.size)),
    goOn: (id, file, upload) => filesOf(id).goOn(upload, file),
  });

  function create() {
    cardDialog("New card", { label: "", fields: [] }, async (content) => {
      await session.createCard(content);
      await list.refresh();
    });
  }

  const edit = (card) => editDialog(world, list, card);
  const remove = (card) => removeDialog(world, card, list.refresh);

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
    cut.root,
    list.root,
  );
  return {
    root,
    async refresh() {
      await list.refresh();
      cut.refresh();
    },
    find: list.find,
    addSample,
    /** Forgets what was decrypted, and ends what is on its way. */
    close: () => keepFiles([]),
  };
}
