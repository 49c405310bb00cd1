import { button, during, el } from "./dom.js";
import { problemBox, sentence } from "./errors.js";

/** Records that one call fetches at most. */
const MOST = 200;

/** Every item of a paged list. */
export async function everything(fetch) {
  const items = [];
  let cursor;
  do {
    const page = await fetch(cursor === undefined ? { limit: MOST } : { limit: MOST, cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return items;
}

/** Whether `item` of a list is a record that could not be opened. */
export const isFailure = (item) => item.error !== undefined && item.error !== null;

const failureRow = (failure, look) =>
  el(
    "li",
    { class: look === "tiles" ? "row tile" : "row" },
    el("p", { class: "problem-text" }, el("strong", {}, "One record cannot be shown. "), sentence(failure.error)),
  );

/** Fetches at least a page, and all `items` that are shown, however much has come before them: the newest are first. */
async function fetchShown(fetch, items, size) {
  const oldest = items.at(-1);
  const all = [];
  const reached = () =>
    all.length >= items.length &&
    (oldest === undefined || all.some(({ id }) => id === oldest.id) || all.at(-1)?.createdAt < oldest.createdAt);
  let cursor;
  do {
    const limit = Math.min(MOST, Math.max(size, items.length - all.length));
    const page = await fetch(cursor === undefined ? { limit } : { limit, cursor });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== null && !reached());
  return { items: all, next: cursor };
}

/**
 * Puts the rows of `items` into `list`. An unchanged item keeps the row that it has in `rows`, a changed one if `renew` could
 * bring it up to date; `make` makes the others, and `gone` is asked what stays of an item that is no longer there. Returns the
 * rows by id.
 */
function drawRows(list, rows, items, { gone, renew, make }) {
  const drawn = new Map();
  const wanted = new Set(items.map(({ id }) => id));
  for (const [id, { node, item }] of rows) {
    if (wanted.has(id)) continue;
    const left = gone(item, node);
    if (left === null) node.remove();
    else if (left !== node) node.replaceWith(left);
  }
  items.forEach((item, index) => {
    const image = JSON.stringify(item);
    const known = rows.get(item.id);
    const keeps = known !== undefined && (known.image === image || renew(item, known.item));
    const node = keeps ? known.node : make(item);
    drawn.set(item.id, { image, node, item });
    if (known && known.node !== node) known.node.remove();
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  return drawn;
}

/** The place for rows of the past, folded away; `name` says what they are. */
function foldedList(name, look) {
  const list = el("ul", { class: `rows ${look}`.trim(), "aria-label": name, role: "list" });
  const summary = el("summary", {});
  const root = el("details", { class: "folded", hidden: true }, summary, list);
  return {
    root,
    list,
    count(count) {
      summary.replaceChildren(`${name} (${count})`);
      root.hidden = count === 0;
    },
  };
}

function showRow(node) {
  node?.scrollIntoView({ block: "center" });
  node?.querySelector(".actions button:not([hidden])")?.focus({ preventScroll: true });
}

/**
 * A list with paging. `fetch` gives a page, `row` makes the `li` of an item. When the list is fetched again, the row of an
 * unchanged item stays as it is, with everything opened in it. `gone` may give a row to keep in the place of one whose item is no
 * longer there, and `renew` may bring the row of a changed item up to date, if it returns `true`; `changed` gets the items. The
 * items of which `fold.when` is true are folded away under `fold.name`.
 */
export function pagedList({ label, empty, size = 50, look = "", fetch, row, gone = () => null, renew = () => false, changed = () => {}, fold }) {
  const problem = problemBox();
  const list = el("ul", { class: `rows ${look}`.trim(), "aria-label": label, role: "list" });
  const nothing = el("p", { class: "muted empty" }, "Loading…");
  const more = button("Load more", () => during(more, problem, fetchMore), { what: label });
  const folded = fold && foldedList(fold.name, look);
  const root = el("div", { class: "list" }, problem.root, nothing, list, more, folded?.root);
  more.hidden = true;

  let items = [];
  let next = null;
  let isDrawn = false;
  let latest = 0;
  let newest = null;
  let rows = new Map();
  let past = new Map();

  const make = (item) => (isFailure(item) ? failureRow(item, look) : row(item));
  const isPast = (item) => fold !== undefined && !isFailure(item) && fold.when(item);

  function draw() {
    rows = drawRows(list, rows, items.filter((item) => !isPast(item)), { gone, renew, make });
    if (folded) {
      past = drawRows(folded.list, past, items.filter(isPast), { gone: () => null, renew: () => false, make });
      folded.count(past.size);
    }
    isDrawn = true;
    nothing.replaceChildren(empty);
    nothing.hidden = list.children.length > 0 || past.size > 0;
    more.hidden = next === null;
    changed(items);
  }

  /** Fetches the next page. If the list is fetched anew meanwhile, it is the page after what then is shown. */
  async function fetchMore() {
    let turn, page;
    do {
      await newest;
      if (next === null) return;
      turn = latest;
      page = await fetch({ limit: size, cursor: next });
    } while (turn !== latest);
    items = [...items, ...page.items];
    next = page.next;
    draw();
    if (next === null) rows.get(page.items[0]?.id)?.node.querySelector("button")?.focus();
  }

  /** Fetches and draws the list. A call that a newer one overtakes ends with that one, and so with a list at least as new. */
  async function load(turn) {
    try {
      const page = await fetchShown(fetch, items, size);
      if (turn !== latest) return newest;
      problem.clear();
      items = page.items;
      next = page.next;
      draw();
    } catch (error) {
      if (turn !== latest) return newest;
      problem.show(error);
    }
  }

  return {
    root,
    find: (id) => items.find((item) => item.id === id),
    /** Sets what is said where there is nothing. */
    sayEmpty(text) {
      empty = text;
      if (isDrawn) nothing.replaceChildren(empty);
    },
    /** Brings the row of an item into view, with the focus on the first thing to do. */
    show: (id) => showRow(rows.get(id)?.node),
    refresh() {
      newest = load(++latest);
      return newest;
    },
  };
}

/** A button that fetches a list again. The list tells errors itself. */
export function refreshButton(list, what) {
  const refresh = button("Refresh", () => during(refresh, { clear() {}, show() {} }, list.refresh), { what, kind: "quiet" });
  return refresh;
}
