import { choice, el, field } from "./dom.js";

/** An input for a passphrase, which can be shown. */
export function passphraseField(label, autocomplete, hint) {
  const passphrase = field(label, { type: "password", autocomplete, required: true, hint });
  const show = choice("Show passphrase", { type: "checkbox" });
  const draw = () => (passphrase.input.type = show.input.checked ? "text" : "password");
  show.input.addEventListener("change", draw);
  passphrase.root.append(show.root);
  /** Shows a passphrase that was filled in for the person. */
  const reveal = () => {
    show.input.checked = true;
    draw();
  };
  return { ...passphrase, reveal };
}

/** An input for a new passphrase. */
export function newPassphraseField(label) {
  const passphrase = passphraseField(
    label,
    "new-password",
    "At least 8 characters; several words are best. It never leaves this tab, so nobody can send it to you again.",
  );
  passphrase.input.minLength = 8;
  return passphrase;
}

/** The line under a button while a passphrase is stretched. */
export function progressLine() {
  const root = el("div", { class: "progress", role: "status" });
  return {
    root,
    show: (text) => root.replaceChildren(el("progress", { "aria-label": text }), el("span", {}, text)),
    clear: () => root.replaceChildren(),
  };
}

/** Runs `run` with a progress line that names what is going on. */
export async function withProgress(progress, text, run) {
  progress.show(text);
  try {
    return await run();
  } finally {
    progress.clear();
  }
}
