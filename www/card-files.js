// The files of one's own card: those that it has, those on their way to it, and the ways to add one.

import { button, el, hidden, userText } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { isVouchsafeError, problemBox } from "./errors.js";
import { fileList, transferLine } from "./files.js";
import { bytes } from "./format.js";

/** Times that a card is read anew because somebody else changed it meanwhile. */
const TRIES = 5;

const PROBLEMS = {
  quota_exceeded: "This account has as many files, or as large ones, as it may have. Remove some, then try again.",
  too_large: "A file has at most 5 GiB. Choose a smaller one.",
  offline: "The connection broke. What was sent stays where it is: try again when the servers are back.",
  not_found: "This card was deleted, or the upload is too old to go on. Try again.",
};

/** The error of an upload; a browser does not say in words that it cannot read a folder. */
const toldOf = (error) =>
  error instanceof DOMException ? new Error("This cannot be read. If it is a folder, choose the files in it.", { cause: error }) : error;

/** A file on its way. `send` sends it; `over` is told when the row is done with, and whether it had the focus. */
function uploadRow(file, send, over) {
  const problem = problemBox(PROBLEMS);
  let hadFocus = false;
  const line = transferLine("Uploading", file.name, () => (hadFocus = true));
  const again = button("Try again", () => run(), { what: `to upload ${file.name}` });
  const dismiss = button("Dismiss", () => over(true), { what: file.name, kind: "quiet" });
  const failed = el("div", { class: "actions", hidden: true }, again, dismiss);
  const root = el(
    "li",
    { class: "file" },
    el("p", { class: "file-name" }, userText(file.name), " ", el("span", { class: "muted small" }, bytes(file.size))),
    line.root,
    problem.root,
    failed,
  );
  async function run() {
    const isAgain = failed.contains(document.activeElement);
    problem.clear();
    failed.hidden = true;
    hadFocus = false;
    try {
      const sent = line.run(send);
      if (isAgain) line.focus();
      await sent;
      over(hadFocus);
    } catch (error) {
      problem.show(toldOf(error));
      // What is refused for its name, or is another file, is refused each time.
      again.hidden = isVouchsafeError(error, "bad_input");
      failed.hidden = false;
      if (hadFocus) (again.hidden ? dismiss : again).focus();
    }
  }
  return { root, file, run, end: line.end };
}

/** Lets files be dropped on `node`; `take` gets them. */
function takesDrops(node, take) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  const over = (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    node.classList.add("dropping");
  };
  node.addEventListener("dragenter", over);
  node.addEventListener("dragover", over);
  node.addEventListener("dragleave", (event) => {
    if (!node.contains(event.relatedTarget)) node.classList.remove("dropping");
  });
  node.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    node.classList.remove("dropping");
    take([...event.dataTransfer.files]);
  });
}

/**
 * The files of the card with this id. `changed` is called with what could not be brought up to date when the card has other files,
 * and `ended` when an upload is over.
 */
export function cardFiles(world, id, { changed, ended }) {
  const { session } = world;
  const list = fileList({
    open: (ref) => session.file(ref),
    controls: (ref) => button("Remove", () => removeDialog(ref), { what: ref.name, kind: "quiet" }),
  });
  const rows = new Set();
  const sending = el("ul", { class: "files", role: "list", "aria-label": "Uploads", hidden: true });
  const input = el("input", { type: "file", multiple: true, class: "sr" });
  const whose = hidden("");
  const said = el("p", { class: "sr", role: "status" });
  const add = el("label", { class: "button quiet" }, input, "Add a file", whose);
  const root = el(
    "div",
    { class: "card-files" },
    list.root,
    sending,
    said,
    el("div", { class: "actions" }, add, el("span", { class: "small muted drop-hint", "aria-hidden": "true" }, "or drop it here")),
  );
  input.addEventListener("change", () => {
    upload([...input.files]);
    // The same file can be chosen once more.
    input.value = "";
  });
  let label = "";
  /** The end of the newest change: one follows another, since each makes a version. */
  let latest = Promise.resolve();

  /** Gives the card the files that `next` makes of those it has. */
  function change(next) {
    const mine = latest.then(() => changeNow(next));
    latest = mine.catch(() => {});
    return mine;
  }

  async function changeNow(next) {
    for (let tries = 1; ; tries += 1) {
      const card = await session.card(id);
      try {
        const { lagging } = await session.updateCard({ ...card, files: next(card.files) });
        return await changed(lagging);
      } catch (error) {
        if (!isVouchsafeError(error, "conflict") || tries === TRIES) throw error;
      }
    }
  }

  function removeDialog(ref) {
    confirmDialog({
      title: ["Remove ", userText(ref.name), "?"],
      text: "It goes from the card, and from what follows the card. What was read cannot be unread.",
      action: "Remove the file",
      run: async () => {
        await change((files) => files.filter((file) => file.id !== ref.id));
        input.focus();
      },
    });
  }

  /** Sends a file. One that was cut in this tab goes on: it has the same name, size and bytes. */
  async function send(file, options) {
    const cut = (await session.pendingUploads().catch(() => [])).find(({ name, size }) => name === file.name && size === file.size);
    if (cut !== undefined) {
      try {
        return await session.resumeUpload(cut.id, file, options);
      } catch (error) {
        // It has other bytes, or the Vault has erased what there was.
        if (!isVouchsafeError(error, "bad_input") && !isVouchsafeError(error, "not_found")) throw error;
      }
    }
    return session.addFile(file, options);
  }

  /** Goes on with an upload, whatever the file is called now. Another file is refused. */
  async function goOn(upload, file, options) {
    try {
      return await session.resumeUpload(upload, file, options);
    } catch (error) {
      // The Vault has erased what there was.
      if (!isVouchsafeError(error, "not_found")) throw error;
      return session.addFile(file, options);
    }
  }

  function uploadOne(file, sends = send) {
    let ref = null;
    const row = uploadRow(
      file,
      async (options) => {
        ref ??= await sends(file, options);
        options.signal.throwIfAborted();
        await change((files) => [...files.filter((known) => known.id !== ref.id), ref]);
        said.replaceChildren(`Added ${file.name} to ${label}.`);
      },
      (hadFocus) => {
        rows.delete(row);
        row.root.remove();
        sending.hidden = rows.size === 0;
        if (hadFocus) input.focus();
        ended();
      },
    );
    rows.add(row);
    sending.append(row.root);
    sending.hidden = false;
    row.run();
  }

  function upload(files) {
    for (const file of files) uploadOne(file);
  }

  return {
    root,
    upload,
    /** Goes on with the upload of this id. */
    goOn: (id, file) => uploadOne(file, (_, options) => goOn(id, file, options)),
    /** Lets files be dropped on the card's row. */
    takesDrops: (node) => takesDrops(node, upload),
    show(card) {
      label = card.label;
      whose.replaceChildren(` to ${label}`);
      list.show(card);
    },
    /** The files that are on their way, or failed and can be tried again. */
    uploads: () => [...rows].map(({ file }) => file),
    close() {
      for (const { end } of rows) end();
      list.close();
    },
  };
}
