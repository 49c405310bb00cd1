import { button, during, el, field, form, nameField, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { cardLink, secretLinkBox } from "./link-box.js";
import { partChoices, select } from "./share-form.js";

const DAY = 86_400_000;
const ENDS = [
  ["For a day", String(DAY)],
  ["For a week", String(7 * DAY)],
  ["For 90 days", String(90 * DAY)],
];
const READS = [
  ["As often as they like", ""],
  ["Once", "1"],
  ["Five times", "5"],
];

/** Shows the link to a card, with the ways to hand it over. */
export const showCardLink = (link, label) => openDialog(["Link to ", userText(label)], secretLinkBox(link, cardLink(label)));

function linkForm(session, card, made) {
  const problem = problemBox();
  const parts = partChoices(() => problem.clear());
  parts.show(card, null);
  const end = select("How long can it be opened?", ENDS, ENDS[1][1]);
  const reads = select("How often?", READS, "");
  const name = nameField("Your name, as they see it", { hint: "Nobody checks it: whoever opens the link is told so." });
  const passphrase = field("A passphrase, if you want one", {
    autocomplete: "off",
    hint: "Tell it to them another way than the link. Ten wrong ones close the link.",
  });
  const submit = el("button", { type: "submit", class: "primary" }, "Make the link");
  const run = () =>
    during(submit, problem, async () => {
      if (parts.lacks()) return problem.explain(el("p", {}, "Choose at least one thing to show."));
      const link = await session.shareByLink({
        card: card.id,
        ...parts.part(),
        expiresAt: Date.now() + Number(end.input.value),
        maxReads: reads.input.value === "" ? undefined : Number(reads.input.value),
        passphrase: passphrase.input.value === "" ? undefined : passphrase.input.value,
        name: name.input.value.trim(),
      });
      await made(link);
    });
  const roots = [name, end, reads, passphrase].map(({ root }) => root);
  return form({}, run, parts.root, ...roots, el("div", { class: "actions end" }, submit), problem.root);
}

/** Opens the dialog to make a link that shows a card to somebody without an account. */
export function cardLinkDialog(world, card) {
  const body = el("div", { class: "dialog-body" });
  const about = el("p", {}, "Whoever has the link sees the card, without an account, and your edits while it lasts.");
  const dialog = openDialog(["Make a link to ", userText(card.label)], body);
  const made = async ({ link }) => {
    const done = el("div", { class: "actions end" }, button("Done", () => dialog.close()));
    body.replaceChildren(secretLinkBox(link, cardLink(card.label)), done);
    body.querySelector("input").focus();
    await world.refreshLinks();
  };
  body.append(about, linkForm(world.session, card, made));
  body.querySelector("input").focus();
}
