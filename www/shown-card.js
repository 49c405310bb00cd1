import { button, during, el, field, form, section, userText } from "./dom.js";
import { cardFields } from "./cards.js";
import { isVouchsafeError, problemBox } from "./errors.js";
import { fileList } from "./files.js";
import { time } from "./format.js";

const PROBLEMS = {
  not_found: "This file cannot be read any more: the link was revoked, or it was opened more than an hour ago. Open the link again.",
};

/** The card that a link showed; nobody has checked who made it. */
const shownParts = ({ card, claimedName, expiresAt }, files, over) => [
  el(
    "article",
    { class: "received", "aria-label": card.label },
    el("h3", { dir: "auto", tabindex: "-1" }, card.label),
    cardFields(card),
    files.root,
    el("p", { class: "small" }, "Whoever made the link says to be ", userText(claimedName), ". Nobody has checked that."),
    el("p", { class: "small muted" }, "The link can be opened until ", time(expiresAt), " at the latest. Nothing of it is kept here."),
  ),
  el("div", { class: "actions" }, button("Close", over)),
];

/** The panel for a link that shows a card, to anybody. Each opening counts, so it waits to be asked. `over` is called at its end. */
export function shownPanel(vouchsafe, link, over) {
  const problem = problemBox({
    not_found: "There is nothing behind this link any more: it was revoked, or it is not whole.",
    wrong_credentials: "This is not the passphrase of the link. Ten wrong ones close it.",
    share_expired: "This link is over: its time ran out, it was opened as often as it may be, or wrong passphrases closed it.",
  });
  let files = null;
  const passphrase = field("Passphrase", { autocomplete: "off", required: true, hint: "The person who made the link tells it to you." });
  passphrase.root.hidden = true;
  passphrase.input.disabled = true;
  const submit = el("button", { type: "submit", class: "primary" }, "Show the card");
  /** Asks for the passphrase, if that is what the link lacks. */
  const ask = (error) => {
    const isNeeded = isVouchsafeError(error, "passphrase_needed");
    if (!isNeeded && !isVouchsafeError(error, "wrong_credentials")) throw error;
    passphrase.root.hidden = false;
    passphrase.input.disabled = false;
    passphrase.input.focus();
    passphrase.input.select();
    if (!isNeeded) throw error;
  };
  const run = () =>
    during(submit, problem, async () => {
      const given = passphrase.input.disabled ? {} : { passphrase: passphrase.input.value };
      const view = await vouchsafe.openLink(link, given).catch(ask);
      if (view === undefined) return;
      files = fileList({ open: (ref) => view.file(ref), problems: PROBLEMS });
      files.show(view.card);
      root.replaceChildren(root.firstElementChild, ...shownParts(view, files, over));
      root.querySelector("h3").focus();
    });
  const root = section(
    "Somebody shows you a card",
    {},
    el("p", {}, "It is decrypted here, with the secret in the link. You need no account."),
    form({}, run, passphrase.root, el("div", { class: "actions" }, submit, button("Not now", over, { kind: "quiet" })), problem.root),
  );
  return { root, close: () => files?.close() };
}
