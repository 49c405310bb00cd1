import { copyButton, el, field } from "./dom.js";

/** A secret link, to be handed over. */
export function linkBox(link, name) {
  const box = field(`Invitation link for ${name}`, {
    readonly: true,
    value: link,
    hint: "Whoever opens it first can accept. Hand it over where only this person reads it.",
  });
  box.input.addEventListener("focus", () => box.input.select());
  return el("div", { class: "link-box" }, box.root, copyButton("Copy link", () => link, box.input));
}
