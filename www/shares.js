import { button, during, el, section, userText } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { pagedList, refreshButton } from "./list.js";
import { cardFields } from "./cards.js";
import { pointsAt, rowsButton } from "./rows.js";
import { changedWarning, trustChip } from "./trust.js";

const isOver = ({ expiresAt }) => expiresAt !== null && expiresAt <= Date.now();

/** Adds to each share of a page the other person's name, and whether its time has run out. */
const named = (world, fetch) => async (options) => {
  const page = await fetch(options);
  const items = page.items.map(async (share) => ({ ...share, over: isOver(share), name: await world.nameOf(share.connection) }));
  return { ...page, items: await Promise.all(items) };
};

/** Milliseconds that a browser's timer can wait at most. */
const LONGEST = 2 ** 31 - 1;
/** Milliseconds for which a server whose clock is behind is asked again, once a second. */
const BEHIND = 5_000;

/** Fetches a list again when the time of one of its shares runs out: no event tells of that. */
function whenExpired(world, refresh) {
  let timer;
  return (items) => {
    clearTimeout(timer);
    const ends = items.map(({ expiresAt }) => expiresAt).filter((end) => end !== null && end > Date.now() - BEHIND);
    if (ends.length === 0) return;
    const wait = Math.min(LONGEST, Math.max(1_000, Math.min(...ends) - Date.now()));
    timer = setTimeout(() => void (world.isOpen() && refresh()), wait);
  };
}

const expiryText = (share) => (share.expiresAt === null ? "until revoked" : ["until ", time(share.expiresAt)]);

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

/** A card that was read, and the button that closes it. */
function receivedCard({ card, from, trust }, title, closed) {
  return el(
    "article",
    { class: "received", "aria-label": card.label },
    title,
    cardFields(card),
    el("p", { class: "small row-head" }, el("span", {}, "From ", userText(from.name)), trustChip(trust)),
    trust === "changed" ? changedWarning() : null,
    el("div", { class: "actions" }, button("Close", closed, { what: card.label, kind: "quiet" })),
  );
}

/** The row of a share with the button that reads it; `opened` holds the ids of the shares that are shown. */
function incomingRow(world, share, opened) {
  const problem = problemBox({
    record_rejected:
      "This is not what it claims to be, so it is not shown: somebody else than this person made it, or it was tampered with.",
  });
  const place = el("div", { class: "opened" });

  const close = () => {
    opened.delete(share.id);
    place.replaceChildren();
    open.hidden = false;
    open.focus();
  };
  const read = () =>
    during(open, problem, async () => {
      const received = await world.session.readShare(share.id);
      const title = el("h4", { dir: "auto", tabindex: "-1" }, received.card.label);
      opened.add(share.id);
      place.replaceChildren(receivedCard(received, title, close));
      title.focus();
      open.hidden = true;
    });
  const open = button("Read", read, { what: `what ${share.name} shared`, kind: "primary" });
  const record = { id: share.id, name: `what ${share.name} shared` };

  return pointsAt(
    el(
      "li",
      { class: "row" },
      el("div", { class: "row-head" }, el("h3", {}, "From ", userText(share.name)), rowsButton(record, world.showRows)),
      el("p", { class: "muted small" }, "Shared ", time(share.createdAt), ", can be read ", expiryText(share)),
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
  const opened = new Set();
  const expire = whenExpired(world, () => list.refresh());
  const past = new Map();
  const list = pagedList({
    label: "Shared with you",
    empty: "Nobody has shared anything with you yet. When somebody does, it appears here at once.",
    size: 10,
    fetch: named(world, (page) => session.incomingShares(page)),
    changed(items) {
      world.count({ incoming: items.length });
      expire(items);
    },
    row: (share) => incomingRow(world, share, opened),
    gone(share, node) {
      past.set(share.id, share);
      return opened.delete(share.id) ? takenBackRow(share, node, dismissed) : null;
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
    /** A share that is no longer in the list. */
    past: (id) => past.get(id),
  };
}

function outgoingRow(world, share, revoke) {
  const record = { id: share.id, name: `what you shared with ${share.name}` };
  return pointsAt(
    el(
      "li",
      { class: "row" },
      el(
        "div",
        { class: "row-head" },
        el("h3", {}, "With ", userText(share.name)),
        share.over ? el("span", { class: "chip plain" }, "Time ran out") : null,
        share.claimed ? el("span", { class: "chip good" }, "Opened") : el("span", { class: "chip plain" }, share.over ? "Never opened" : "Not opened yet"),
        rowsButton(record, world.showRows),
      ),
      share.label === null ? null : el("p", {}, userText(share.label)),
      el("p", { class: "muted small" }, "Shared ", time(share.createdAt), share.over ? ", could be read " : ", can be read ", expiryText(share)),
      el(
        "div",
        { class: "actions" },
        button("Revoke", () => revoke(share), { what: record.name, kind: "quiet" }),
      ),
    ),
    record,
    world.point,
  );
}

/** The section with one's own shares. */
export function outgoingSection(world) {
  const { session } = world;
  const expire = whenExpired(world, () => list.refresh());
  const list = pagedList({
    label: "Shared by you",
    empty: "You share nothing.",
    size: 10,
    fetch: named(world, async (page) => {
      const { items, next } = await session.outgoingShares(page);
      return { items: items.map((share) => ({ ...share, label: world.labels.get(share.id) ?? null })), next };
    }),
    changed(items) {
      world.count({ outgoing: items.length });
      expire(items);
    },
    row: (share) => outgoingRow(world, share, revoke),
  });

  function revoke(share) {
    confirmDialog({
      title: ["Revoke what you shared with ", userText(share.name), "?"],
      text: "The share and its key are deleted. What was read cannot be unread.",
      action: "Revoke",
      run: async () => {
        await session.revokeShare(share.id);
        world.tell(`Revoked: ${share.name} can no longer open ${share.label ?? "what you shared"}.`);
        await list.refresh();
      },
    });
  }

  const root = section("Shared by you", { tools: [refreshButton(list, "what you share")] }, list.root);
  return { root, refresh: list.refresh };
}
