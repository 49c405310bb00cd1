// Files of a card, whoever's it is: what people see of one, and how they get it.

import { button, during, el, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { bytes } from "./format.js";

/** Bytes up to which a picture is shown without being asked for. */
const SHOWN = 10_000_000;
/** Milliseconds after which a browser has begun to keep what it was handed. */
const HANDED = 60_000;

/** What nobody should see as it is; SVG can hold scripts. */
const isPicture = ({ type }) => /^image\/(?!svg)/.test(type);

/**
 * A line that tells how far a file is, with a button that ends it. `run` gives what `call` gives, or `null` if it was ended; `call`
 * gets the options of the package's calls about files. `gone` is told when the line goes with the focus in it.
 */
export function transferLine(doing, name, gone) {
  const bar = el("progress", { "aria-label": `${doing} ${name}` });
  const far = el("span", {});
  let controller = null;
  const stop = button("Cancel", () => controller.abort(), { what: `${doing.toLowerCase()} ${name}`, kind: "quiet" });
  const root = el("div", { class: "progress", hidden: true }, bar, far, stop);

  function onProgress(progress) {
    bar.max = Math.max(progress.total, 1);
    bar.value = progress.bytes;
    far.replaceChildren(`${bytes(progress.bytes)} of ${bytes(progress.total)}`);
  }

  return {
    root,
    end: () => controller?.abort(),
    focus: () => stop.focus(),
    async run(call) {
      const { signal } = (controller = new AbortController());
      bar.removeAttribute("value");
      far.replaceChildren(`${doing}…`);
      root.hidden = false;
      try {
        return await call({ signal, onProgress });
      } catch (error) {
        if (!signal.aborted) throw error;
        return null;
      } finally {
        const had = root.contains(document.activeElement);
        root.hidden = true;
        if (had) gone();
      }
    },
  };
}

/** Hands a file to the browser to keep. */
function hand(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), HANDED);
}

/** Calls `run` once `node` has been in sight. Returns a function that ends the waiting. */
function whenSeen(node, run) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    run();
  });
  observer.observe(node);
  return () => observer.disconnect();
}

/** The frame for a picture; `read` gives it as a Blob, or `null`. Nothing of it stays once it is closed. */
function pictureFrame({ name, size }, read) {
  const ask = button("Show the picture", () => load(), { what: name, kind: "quiet", hidden: true });
  const frame = el("div", { class: "file-picture" }, ask);
  let url = null;
  let closed = false;

  async function load() {
    ask.hidden = true;
    const blob = await read().catch(() => null);
    if (closed) return;
    if (blob === null) {
      ask.hidden = false;
      return;
    }
    url = URL.createObjectURL(blob);
    const picture = el("img", { src: url, alt: name });
    const isShown = await picture.decode().then(() => true, () => false);
    if (closed) return;
    if (isShown) frame.replaceChildren(picture);
    else close();
  }
  function close() {
    closed = true;
    forget();
    if (url !== null) URL.revokeObjectURL(url);
    frame.remove();
  }
  const forget = whenSeen(frame, () => {
    if (size <= SHOWN) load();
    else ask.hidden = false;
  });
  return { root: frame, close };
}

/** What people see of one file. `open` gives the package's handle of it; `controls` stand beside the button that keeps it. */
function fileView(ref, { open, problems, controls = () => [] }) {
  const { name, size } = ref;
  const problem = problemBox({
    not_found: "This file is no longer there.",
    record_rejected: "This is not the file that the card names, or it was changed on its way, so it is not shown.",
    ...problems,
  });
  let hadFocus = false;
  const line = transferLine("Reading", name, () => (hadFocus = true));
  /** The end of the newest reading: there is one line for all. */
  let latest = Promise.resolve();
  function read() {
    const mine = latest.then(() => line.run(async (options) => (await open(ref)).blob(options)));
    latest = mine.catch(() => {}).then(takeFocus);
    return mine;
  }
  /** Takes the focus that the line went with, once the button can have it. */
  function takeFocus() {
    if (!hadFocus || get.disabled) return;
    hadFocus = false;
    get.focus();
  }
  async function keep() {
    await during(get, problem, async () => {
      const blob = await read();
      if (blob !== null) hand(blob, name);
    });
    takeFocus();
  }
  const get = button("Download", keep, { what: name, kind: "quiet" });
  const show = () =>
    read().catch((error) => {
      problem.show(error);
      throw error;
    });
  const picture = isPicture(ref) ? pictureFrame(ref, () => (problem.clear(), show())) : null;
  const root = el(
    "li",
    { class: "file" },
    picture?.root,
    el(
      "div",
      { class: "file-head" },
      el("p", { class: "file-name" }, userText(name), " ", el("span", { class: "muted small" }, bytes(size))),
      el("div", { class: "actions" }, get, controls(ref)),
    ),
    line.root,
    problem.root,
  );
  return {
    root,
    close() {
      line.end();
      picture?.close();
    },
  };
}

/**
 * The files of a card. What is shown of one stays while the card changes around it, and goes with `close`: no decrypted picture
 * outlives the place where it was seen.
 */
export function fileList(options) {
  const root = el("ul", { class: "files", role: "list" });
  let views = new Map();

  function show(card) {
    const before = views;
    views = new Map(card.files.map((ref) => [ref.id, before.get(ref.id) ?? fileView(ref, options)]));
    for (const [id, view] of before) if (!views.has(id)) view.close();
    root.setAttribute("aria-label", `Files of ${card.label}`);
    root.hidden = views.size === 0;
    const ids = [...views.keys()].join(" ");
    if (ids !== [...before.keys()].join(" ")) root.replaceChildren(...[...views.values()].map((view) => view.root));
  }

  return { root, show, close: () => show({ label: "", files: [] }) };
}
