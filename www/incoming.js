import { button, during, el, section, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { pagedList, refreshButton } from "./list.js";
import { receivedCard } from "./received.js";
import { pointsAt, rowsButton } from "./rows.js";
import { expiryText, isOver, named, whenExpired } from "./shares.js";

/** The row left in the place of a share that was open when it was taken back. `dismissed` is called when it is dismissed. */
function takenBackRow(share, node, dismissed) {
  const had = node.contains(document.activeElement);
  const dismiss = button("Dismiss", dismissed, { what: "this", kind: "quiet" });
  const left = el(
    "li",
    { class: "row taken-back" },
    el("h3", { tabindex: "-1" }, "No longer shared"),
    el(
      "p",
      {},
      ...(isOver(share)
        ? ["The time for which ", userText(share.name), " shared this card ran out while you had it open."]
        : [userText(share.name), " took this card back while you had it open."]),
      " Its key is deleted; what you read, you have read.",
    ),
    el("div", { class: "actions" }, dismiss),
  );
  if (had) queueMicrotask(() => left.querySelector("h3").focus());
  return left;
}

/** What a row says of a share: when it was shared and changed, how long it can be read, and whether there is something new to read. */
function aboutShare(share, readEdition) {
  const isNewer = readEdition !== undefined && readEdition < share.edition;
  return [
    "Shared ",
    time(share.createdAt),
    ...(share.edition > 1 ? [", changed ", time(share.updatedAt)] : []),
    ", can be read ",
    expiryText(share),
    ...(isNewer ? [". ", el("strong", {}, "Changed since you read it.")] : []),
  ].flat();
}

/** The row of a share, with the button that reads it. What is open is brought up to date by `renew`. */
function incomingRow(world, first, rows, counted) {
  let share = first;
  let read;
  let article = null;
  let fileCount = 0;
  const problem = problemBox({
    record_rejected:
      "This is not what it claims to be, so it is not shown: somebody else than this person made it, it is older than what you read before, or it was tampered with.",
  });
  const place = el("div", { class: "opened" });
  const about = el("p", { class: "muted small" });
  const record = { id: share.id, name: `what ${share.name} shared` };

  const describe = () => about.replaceChildren(...aboutShare(share, read));
  function forget() {
    article?.close();
    article = null;
    fileCount = 0;
    counted();
  }
  function close() {
    forget();
    place.replaceChildren();
    open.hidden = false;
    open.focus();
  }
  function show(received) {
    read = received.share.edition;
    fileCount = received.card.files.length;
    describe();
    counted();
    if (article !== null) return article.show(received);
    article = receivedCard((ref) => world.session.file(ref), close);
    article.show(received);
    place.replaceChildren(article.root);
    article.title.focus();
    open.hidden = true;
  }
  const fetch = () =>
    during(open, problem, async () => {
      let asked;
      do {
        asked = share;
        show(await world.session.readShare(share.id));
      } while (asked !== share && article !== null);
    });
  const open = button("Read", fetch, { what: record.name, kind: "primary" });
  describe();
  rows.get(share.id)?.forget();
  rows.set(share.id, {
    forget,
    files: () => fileCount,
    isOpen: () => article !== null,
    renew(next) {
      const isNewEdition = next.edition !== share.edition;
      share = next;
      describe();
      if (isNewEdition && article !== null) fetch();
    },
  });

  return pointsAt(
    el(
      "li",
      { class: "row" },
      el("div", { class: "row-head" }, el("h3", {}, "From ", userText(share.name)), rowsButton(record, world.showRows)),
      about,
      el("div", { class: "actions" }, open),
      problem.root,
      place,
    ),
    record,
    world.point,
  );
}

/** The section with the shares of others. */
export function incomingSection(world) {
  const { session } = world;
  /** By the share's id. */
  const rows = new Map();
  const past = new Map();
  /** The ids of shares that came in a second edition, whatever a server says later. */
  const edited = new Set();
  const expire = whenExpired(world, () => list.refresh());
  const isOpen = (id) => rows.get(id)?.isOpen() ?? false;
  const countFiles = () => world.count({ receivedFiles: [...rows.values()].reduce((sum, row) => sum + row.files(), 0) });
  const list = pagedList({
    label: "Shared with you",
    empty: "Nobody has shared anything with you yet. When somebody does, it appears here at once.",
    size: 10,
    fetch: named(world, (page) => session.incomingShares(page)),
    changed(items) {
      for (const { id, edition } of items) if (edition > 1) edited.add(id);
      world.count({ incoming: items.length, edited: items.filter(({ id }) => edited.has(id)).length });
      expire(items);
    },
    row: (share) => incomingRow(world, share, rows, countFiles),
    renew(share, before) {
      if (share.name !== before.name) return false;
      rows.get(share.id).renew(share);
      return true;
    },
    gone(share, node) {
      past.set(share.id, share);
      const wasOpen = isOpen(share.id);
      rows.get(share.id)?.forget();
      rows.delete(share.id);
      return wasOpen ? takenBackRow(share, node, dismissed) : null;
    },
  });

  function dismissed({ currentTarget }) {
    currentTarget.closest("li").remove();
    root.querySelector("h2").focus();
    list.refresh();
  }

  const root = section("Shared with you", { tools: [refreshButton(list, "what is shared with you")] }, list.root);
  return {
    root,
    refresh: list.refresh,
    find: list.find,
    show: list.show,
    isOpen,
    /** A share that is no longer in the list. */
    past: (id) => past.get(id),
    /** Forgets what was decrypted. */
    close() {
      for (const { forget } of rows.values()) forget();
    },
  };
}
