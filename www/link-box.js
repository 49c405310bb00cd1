import { button, copyButton, el, field, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { qrCode } from "./qr-code.js";

const TITLE = "Invitation to Vouchsafe";

/** A mail that waits for its reader's address. */
function mailTo(link) {
  const text = [
    "I would like to share something with you, encrypted so that only you can read it; this link connects us:",
    link,
    "The link is secret: whoever opens it first can accept, so please pass it on to nobody.",
  ];
  return `mailto:?subject=${encodeURIComponent(TITLE)}&body=${encodeURIComponent(text.join("\r\n\r\n"))}`;
}

/** The button that opens the system's own window to share; `null` in a browser without one. */
function shareButton(link, problem) {
  if (typeof navigator.share !== "function") return null;
  return button("Share…", async () => {
    problem.clear();
    try {
      await navigator.share({ title: TITLE, url: link });
    } catch (error) {
      // The person closed the system's window.
      if (error.name !== "AbortError") problem.explain(el("p", {}, "This browser could not share the link. Copy it instead."));
    }
  });
}

/** The link as a QR code, drawn when somebody asks for it. */
function codeBehind(link, name) {
  const place = el("div", { class: "code-place" });
  const root = el("details", { class: "link-code" }, el("summary", {}, "Show as QR code"), place);
  root.addEventListener("toggle", () => {
    if (!root.open) return place.replaceChildren();
    place.replaceChildren(
      el("p", { class: "hint" }, "Whoever photographs this code can accept the invitation. Show it to ", userText(name), " alone."),
      qrCode(link, `QR code of the invitation link for ${name}`),
    );
  });
  return root;
}

/** A secret link, and the ways to hand it over. */
export function linkBox(link, name) {
  const problem = problemBox();
  const box = field(`Invitation link for ${name}`, {
    readonly: true,
    value: link,
    hint: "Whoever opens it first can accept. Hand it over where only this person reads it.",
  });
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
      shareButton(link, problem),
      el("a", { class: "button", href: mailTo(link) }, "Write a mail"),
    ),
    problem.root,
    codeBehind(link, name),
  );
}
