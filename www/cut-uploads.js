// Uploads that were cut, by a reload or with the connection: each goes on with the same file, or is given up.

import { button, during, el, field, form, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { bytes, time } from "./format.js";
import { select } from "./share-form.js";

/** Asks for the file and for its card; `goOn` gets both, and the upload's id. */
function goOnDialog(upload, cards, goOn) {
  const problem = problemBox();
  const card = select("Card", cards.map(({ id, label }) => [label, id]));
  const again = field("The same file again", { type: "file", required: true, autofocus: true });
  const submit = el("button", { type: "submit", class: "primary" }, "Go on");
  const run = () => {
    const [file] = again.input.files;
    if (file.size !== upload.size) {
      problem.explain(el("p", {}, `This is another file: it has ${bytes(file.size)}, and the upload began with ${bytes(upload.size)}.`));
      return;
    }
    dialog.close();
    goOn(card.input.value, file, upload.id);
  };
  const dialog = openDialog(
    ["Go on with ", userText(upload.name)],
    el("p", {}, "The browser cannot read the file by itself any more. Choose it once more: what was sent is not sent again."),
    form({}, run, again.root, card.root, problem.root, el("div", { class: "actions end" }, submit)),
  );
}

/** The list of them. `cards` gives the cards that can get a file, `isOnItsWay` says whether this tab goes on with one, and `goOn` does. */
export function cutUploads(session, { cards, isOnItsWay, goOn }) {
  const problem = problemBox();
  const list = el("ul", { class: "files", role: "list", "aria-label": "Uploads that were cut" });
  const root = el("div", { class: "cut-uploads", hidden: true }, el("h3", {}, "Uploads that were cut"), list, problem.root);

  function row(upload) {
    const on = button("Go on", () => goOnDialog(upload, cards(), goOn), { what: `with ${upload.name}`, "aria-haspopup": "dialog" });
    const discard = () =>
      during(off, problem, async () => {
        await session.discardUpload(upload.id);
        await refresh();
      });
    const off = button("Discard", discard, { what: upload.name, kind: "quiet" });
    on.disabled = cards().length === 0;
    return el(
      "li",
      { class: "file" },
      el(
        "div",
        { class: "file-head" },
        el(
          "p",
          { class: "file-name" },
          userText(upload.name),
          " ",
          el("span", { class: "muted small" }, `up to ${bytes(upload.bytes)} of ${bytes(upload.size)} sent, begun `, time(upload.startedAt)),
        ),
        el("div", { class: "actions" }, on, off),
      ),
    );
  }

  async function refresh() {
    // Where the browser keeps nothing, there is none.
    const found = await session.pendingUploads().catch(() => []);
    const cut = found.filter((upload) => !isOnItsWay(upload));
    list.replaceChildren(...cut.map(row));
    root.hidden = cut.length === 0;
  }

  return { root, refresh };
}
