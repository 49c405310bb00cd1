import { button, during, el, makeId } from "./dom.js";
import { problemBox } from "./errors.js";

/**
 * Opens a modal dialog. The browser keeps the focus inside and gives it back at the end; if the element that had it is gone,
 * the heading of its section gets it.
 */
export function openDialog(title, ...children) {
  const opener = document.activeElement;
  const section = opener?.closest("section");
  const heading = el("h2", { id: makeId("dialog") }, title);
  const dialog = el(
    "dialog",
    { "aria-labelledby": heading.id },
    el("div", { class: "dialog-head" }, heading, button("Close", () => leave(dialog), { kind: "quiet" })),
    ...children,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    // Another dialog may have closed in the same moment, with the focus in it.
    if (document.activeElement !== document.body && !document.activeElement.closest("dialog:not([open])")) return;
    if (opener?.isConnected) opener.focus();
    else section?.querySelector("h2[tabindex]")?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Closes a dialog as the Escape key would, unless it objects. */
export function leave(dialog) {
  if (dialog.dispatchEvent(new Event("cancel", { cancelable: true }))) dialog.close();
}

/** Dialogs that were closed while they held on. */
const over = new WeakSet();

/** Does `work`, and keeps the dialog open until it is done. */
export async function hold(dialog, work) {
  const stay = (event) => event.preventDefault();
  // Browsers close a dialog at a second attempt all the same: then it is opened again.
  const again = () => {
    if (over.has(dialog)) return;
    document.body.append(dialog);
    dialog.showModal();
  };
  dialog.addEventListener("cancel", stay);
  dialog.addEventListener("close", again);
  try {
    return await work();
  } finally {
    dialog.removeEventListener("cancel", stay);
    dialog.removeEventListener("close", again);
  }
}

/** Closes all dialogs, so that nothing secret stays on the screen when keys are forgotten. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    over.add(dialog);
    dialog.close();
  }
}

/** Asks before something that cannot be undone, and does it. */
export function confirmDialog({ title, text, action, keep: kept = "Keep it", run }) {
  const problem = problemBox();
  const go = button(
    action,
    () =>
      during(go, problem, async () => {
        await run();
        dialog.close();
      }),
    { kind: "danger" },
  );
  const keep = button(kept, () => dialog.close(), { autofocus: true });
  const dialog = openDialog(title, el("p", {}, text), problem.root, el("div", { class: "actions end" }, keep, go));
}
