import { button, el, userText } from "./dom.js";
import { cardFields } from "./cards.js";
import { fileList } from "./files.js";
import { when } from "./format.js";
import { changedWarning, trustChip } from "./trust.js";

const PROBLEMS = { not_found: "This file is no longer there, or is no longer shared with you." };

/** The files of `card` that `other` has not. */
const filesBeside = (card, other) => card.files.filter(({ id }) => !other.files.some((file) => file.id === id));

/**
 * What a new edition changed: the names of fields with another label or value, the new files, and what fields and files that are gone
 * were called.
 */
function changesOf(before, card) {
  const known = new Map(before.fields.map((field) => [field.name, field]));
  const isNew = ({ name, label, value }) => known.get(name)?.value !== value || known.get(name)?.label !== label;
  const kept = new Set(card.fields.map(({ name }) => name));
  return {
    names: new Set(card.fields.filter(isNew).map(({ name }) => name)),
    files: filesBeside(card, before).map(({ name }) => name),
    gone: [...before.fields.filter(({ name }) => !kept.has(name)).map(({ label }) => label), ...filesBeside(before, card).map(({ name }) => name)],
  };
}

/** Labels, one after the other. */
const listed = (labels) => labels.flatMap((label, index) => [index === 0 ? "" : ", ", userText(label)]);

/** The line that says what a new edition changed. */
function newsOf({ names, files, gone }, card, at) {
  const labels = [...card.fields.filter(({ name }) => names.has(name)).map(({ label }) => label), ...files];
  return [
    el("strong", {}, "Changed ", when(at)),
    labels.length > 0 ? [": ", listed(labels)] : "",
    ".",
    gone.length > 0 ? [" No longer shared: ", listed(gone), "."] : "",
  ].flat(2);
}

/**
 * A card that was read; `show` puts a new edition in its place and marks what changed. `open` opens a file of it, and `closed` is
 * called by its button. `close` forgets what was decrypted.
 */
export function receivedCard(open, closed) {
  const title = el("h4", { dir: "auto", tabindex: "-1" });
  const news = el("p", { class: "small edition-news", role: "status" });
  const content = el("div", { class: "parts" });
  const files = fileList({ open, problems: PROBLEMS });
  const close = button("Close", closed, { kind: "quiet" });
  const root = el("article", { class: "received" }, title, news, content, el("div", { class: "actions" }, close));
  let shown = null;

  return {
    root,
    title,
    close: files.close,
    show({ card, from, trust, share }) {
      const changes = shown !== null && shown.edition !== share.edition ? changesOf(shown.card, card) : null;
      if (changes !== null) news.replaceChildren(...newsOf(changes, card, share.updatedAt));
      shown = { card, edition: share.edition };
      root.setAttribute("aria-label", card.label);
      title.replaceChildren(card.label);
      files.show(card);
      content.replaceChildren(
        cardFields(card, changes?.names),
        files.root,
        el("p", { class: "small row-head" }, el("span", {}, "From ", userText(from.name)), trustChip(trust)),
        ...(trust === "changed" ? [changedWarning()] : []),
      );
    },
  };
}
