import { button, during, el, field, form, nameField } from "./dom.js";
import { confirmDialog, leave, openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { characters, fieldName } from "./format.js";

/** Longer values are kept as they are, or written anew: a text field with a million characters holds a page up for seconds. */
const EDITABLE = 20_000;

/** Where a value is written; `read` gives it. */
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

/** A dialog to write a card; `save` gets the content. */
export function cardDialog(title, card, save) {
  const label = nameField("Card title", { value: card.label, autofocus: true });
  const problem = problemBox({
    conflict: "This card was changed elsewhere in the meantime. Save once more, and yours takes the place of that; or discard yours to see it.",
    not_found: "This card was deleted elsewhere in the meantime. Copy what you still need, then discard it here.",
  });
  const submit = el("button", { type: "submit", class: "primary" }, "Save card");
  const add = button("Add a field", () => addField().focus());
  const list = el("div", { class: "card-fields" });
  const entries = [];

  function addField(existing) {
    const legend = el("legend", {});
    const name = nameField("Field name", { value: existing?.label ?? "" });
    const value = valueField(existing?.value ?? "");
    const entry = { name: existing?.name, label: name.input, value: value.read, legend };
    const remove = button(
      "Remove field",
      () => {
        entries.splice(entries.indexOf(entry), 1);
        group.remove();
        number();
        add.focus();
      },
      { kind: "quiet" },
    );
    const group = el("fieldset", {}, legend, name.root, value.root, remove);
    entries.push(entry);
    list.append(group);
    number();
    return name.input;
  }

  function number() {
    entries.forEach((entry, index) => entry.legend.replaceChildren(`Field ${index + 1}`));
  }

  function content() {
    const taken = new Set(entries.map((entry) => entry.name).filter((name) => name !== undefined));
    const fields = entries.map((entry) => {
      const name = entry.name ?? fieldName(entry.label.value, taken);
      taken.add(name);
      return { name, label: entry.label.value.trim(), value: entry.value() };
    });
    return { label: label.input.value.trim(), fields };
  }

  if (card.fields.length === 0) addField();
  for (const existing of card.fields) addField(existing);

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
      list,
      el("div", { class: "actions" }, add),
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
