import { button, during, el, field, form, nameField } from "./dom.js";
import { confirmDialog, leave, openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { characters, fieldName } from "./format.js";

/** Characters up to which a value is edited. A longer one is kept or written anew: a million in a text field hold a page up for seconds. */
const EDITABLE = 20_000;

/** The input for a value; `read` gives it. */
function valueField(value) {
  const box = field("Value", { tag: "textarea", rows: "1", autocomplete: "off", dir: "auto" }, value.length > EDITABLE ? "" : value);
  if (value.length <= EDITABLE) return { root: box.root, read: () => box.input.value };
  let kept = true;
  const anew = button("Write it anew", () => {
    kept = false;
    root.replaceChildren(box.root);
    box.input.focus();
  });
  const root = el("div", {}, el("p", {}, `The value has ${characters(value.length)} and stays as it is.`), el("div", { class: "actions" }, anew));
  return { root, read: () => (kept ? value : box.input.value) };
}

/** The fields of a card as they are written. */
class CardFields {
  #entries = [];
  #add = button("Add a field", () => this.add().focus());
  #list = el("div", { class: "card-fields" });

  constructor(fields) {
    this.nodes = [this.#list, el("div", { class: "actions" }, this.#add)];
    if (fields.length === 0) this.add();
    for (const existing of fields) this.add(existing);
  }

  /** Adds a field. Returns the input of its name. */
  add(existing) {
    const legend = el("legend", {});
    const name = nameField("Field name", { value: existing?.label ?? "" });
    const value = valueField(existing?.value ?? "");
    const entry = { name: existing?.name, label: name.input, value: value.read, legend };
    const remove = button(
      "Remove field",
      () => {
        this.#entries.splice(this.#entries.indexOf(entry), 1);
        group.remove();
        this.#number();
        this.#add.focus();
      },
      { kind: "quiet" },
    );
    const group = el("fieldset", {}, legend, name.root, value.root, remove);
    this.#entries.push(entry);
    this.#list.append(group);
    this.#number();
    return name.input;
  }

  content() {
    const taken = new Set(this.#entries.map((entry) => entry.name).filter((name) => name !== undefined));
    return this.#entries.map((entry) => {
      const name = entry.name ?? fieldName(entry.label.value, taken);
      taken.add(name);
      return { name, label: entry.label.value.trim(), value: entry.value() };
    });
  }

  #number() {
    this.#entries.forEach((entry, index) => entry.legend.replaceChildren(`Field ${index + 1}`));
  }
}

/** A dialog to write a card; `save` gets the content. */
export function cardDialog(title, card, save) {
  const label = nameField("Card title", { value: card.label, autofocus: true });
  const problem = problemBox({
    conflict: "This card was changed elsewhere in the meantime. Save once more, and yours takes the place of that; or discard yours to see it.",
    not_found: "This card was deleted elsewhere in the meantime. Copy what you still need, then discard it here.",
  });
  const submit = el("button", { type: "submit", class: "primary" }, "Save card");
  const fields = new CardFields(card.fields);
  const content = () => ({ label: label.input.value.trim(), fields: fields.content() });

  const run = () =>
    during(submit, problem, async () => {
      await save(content());
      dialog.close();
    });
  const dialog = openDialog(
    title,
    form(
      {},
      run,
      label.root,
      ...fields.nodes,
      problem.root,
      el("div", { class: "actions end" }, button("Discard", () => leave(dialog)), submit),
    ),
  );
  const before = JSON.stringify(content());
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog || JSON.stringify(content()) === before) return;
    event.preventDefault();
    confirmDialog({
      title: "Discard what you wrote?",
      text: "It is not saved anywhere.",
      action: "Discard it",
      keep: "Go on writing",
      run: async () => dialog.close(),
    });
  });
}
