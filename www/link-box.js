import { button, copyButton, el, field, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { qrCode } from "./qr-code.js";

/** The words around a link that invites `name`. */
const invitation = (name) => ({
  title: "Invitation to Vouchsafe",
  label: `Invitation link for ${name}`,
  hint: "Whoever opens it first can accept. Hand it over where only this person reads it.",
  mail: [
    "I would like to share something with you, encrypted so that only you can read it; this link connects us:",
    "The link is secret: whoever opens it first can accept, so please pass it on to nobody.",
  ],
  code: `QR code of the invitation link for ${name}`,
  codeHint: ["Whoever photographs this code can accept the invitation. Show it to ", userText(name), " alone."],
});

/** The words around a link that shows the card `label`. */
export const cardLink = (label) => ({
  title: "A card for you",
  label: `Link to ${label}`,
  hint: "Whoever has it sees the card. Hand it over where only they read it.",
  mail: [
    "This link shows you something that I keep encrypted; you need no account:",
    "The link is secret: whoever has it sees it, too, so please pass it on to nobody.",
  ],
  code: `QR code of the link to ${label}`,
  codeHint: ["Whoever photographs this code sees the card."],
});

/** A mail that waits for its reader's address. */
function mailTo(link, { title, mail: [before, after] }) {
  const text = [before, link, after].join("\r\n\r\n");
  return `mailto:?subject=${encodeURIComponent(title)}&body=${encodeURIComponent(text)}`;
}

/** The button that opens the system's own window to share; `null` in a browser without one. */
function shareButton(link, title, problem) {
  if (typeof navigator.share !== "function") return null;
  return button("Share…", async () => {
    problem.clear();
    try {
      await navigator.share({ title, url: link });
    } catch (error) {
      // The person closed the system's window.
      if (error.name !== "AbortError") problem.explain(el("p", {}, "This browser could not share the link. Copy it instead."));
    }
  });
}

/** The link as a QR code, drawn when somebody asks for it. */
function codeBehind(link, { code, codeHint }) {
  const place = el("div", { class: "code-place" });
  const root = el("details", { class: "link-code" }, el("summary", {}, "Show as QR code"), place);
  root.addEventListener("toggle", () => {
    if (!root.open) return place.replaceChildren();
    place.replaceChildren(
      el("p", { class: "hint" }, codeHint),
      qrCode(link, code),
    );
  });
  return root;
}

/** A link that invites `name`, and the ways to hand it over. */
export const linkBox = (link, name) => secretLinkBox(link, invitation(name));

/** A secret link, the `words` around it, and the ways to hand it over. */
export function secretLinkBox(link, words) {
  const problem = problemBox();
  const box = field(words.label, { readonly: true, value: link, hint: words.hint });
  box.input.addEventListener("focus", () => box.input.select());
  return el(
    "div",
    { class: "link-box" },
    box.root,
    el(
      "div",
      { class: "actions" },
      el("a", { class: "button primary", href: link, target: "_blank", rel: "noopener" }, "Open in another tab"),
      copyButton("Copy link", () => link, box.input),
      shareButton(link, words.title, problem),
      el("a", { class: "button", href: mailTo(link, words) }, "Write a mail"),
    ),
    problem.root,
    codeBehind(link, words),
  );
}
