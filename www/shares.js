import { button, el, section, userText } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { time, when } from "./format.js";
import { isFailure, pagedList, refreshButton } from "./list.js";
import { pointsAt, rowsButton } from "./rows.js";
import { shareDialog } from "./share-form.js";

/** Whether the time of a share ran out. */
export const isOver = ({ expiresAt }) => expiresAt !== null && expiresAt <= Date.now();

/** Adds to each share of a page the other person's name, and whether its time has run out. */
export const named = (world, fetch) => async (options) => {
  const page = await fetch(options);
  const items = page.items.map(async (share) =>
    isFailure(share) ? share : { ...share, over: isOver(share), name: await world.nameOf(share.connection) },
  );
  return { ...page, items: await Promise.all(items) };
};

/** Milliseconds that a browser's timer can wait at most. */
const LONGEST = 2 ** 31 - 1;
/** Milliseconds for which a server whose clock is behind is asked again, once a second. */
const BEHIND = 5_000;

/** Fetches a list again when the time of one of its shares runs out: no event tells of that. */
export function whenExpired(world, refresh) {
  let timer;
  return (items) => {
    clearTimeout(timer);
    const ends = items.map(({ expiresAt }) => expiresAt).filter((end) => end !== null && end > Date.now() - BEHIND);
    if (ends.length === 0) return;
    const wait = Math.min(LONGEST, Math.max(1_000, Math.min(...ends) - Date.now()));
    timer = setTimeout(() => void (world.isOpen() && refresh()), wait);
  };
}

/** How long a share can be read. */
export const expiryText = (share) => (share.expiresAt === null ? "until revoked" : ["until ", time(share.expiresAt)]);

/** The chip that says whether, and when, the recipient read a share. */
export function readChip({ read, edition, claimed, over }) {
  if (read !== null) {
    const newest = read.edition >= edition;
    return el("span", { class: newest ? "chip good" : "chip plain" }, newest ? "Read " : "Read before the last change, ", when(read.at));
  }
  if (claimed) return el("span", { class: "chip good" }, "Opened");
  return el("span", { class: "chip plain" }, over ? "Never opened" : "Not opened yet");
}

/** The fields and files of a card that are shared: `card` gives what they are called, where it is known. */
export function partText({ fields, files }, card) {
  if (fields === null && files === null) return ["Everything"];
  const labels = fields?.map((name) => card?.fields.find((field) => field.name === name)?.label ?? name);
  const named = card?.files.filter(({ id }) => files?.includes(id)).map(({ name }) => name) ?? [];
  const rest = named.length > 0 || labels !== undefined ? named : ["no file"];
  const all = labels === undefined ? ["All fields", ...rest.flatMap((name) => [", ", userText(name)])] : null;
  return all ?? [...labels, ...rest].flatMap((name, index) => [index === 0 ? "Only " : ", ", userText(name)]);
}

/** Asks, then revokes a share, and calls `done`. */
export function revokeDialog(world, share, label, done) {
  confirmDialog({
    title: ["Revoke what you shared with ", userText(share.name), "?"],
    text: "The share and its key are deleted. What was read cannot be unread.",
    action: "Revoke",
    run: async () => {
      await world.session.revokeShare(share.id);
      world.tell(`Revoked: ${share.name} can no longer open ${label ?? "what you shared"}.`);
      await Promise.all([done(), world.refreshCards()]);
    },
  });
}

/** The words on one's own share, for its row in any list. */
export const outgoingParts = (share, card) => [
  el("p", { class: "muted small" }, partText(share, card), share.live ? ", kept up to date" : ", as they were then"),
  el("p", { class: "muted small" }, "Shared ", time(share.createdAt), share.over ? ", could be read " : ", can be read ", expiryText(share)),
  share.upToDate === false && !share.over
    ? el("p", { class: "small" }, "Your last change has not reached it yet. That is tried again by itself.")
    : null,
];

/** The buttons for what can be done with one's own share. */
export const outgoingActions = (world, share, { change, revoke }) =>
  el(
    "div",
    { class: "actions" },
    share.live && !share.over && world.card(share.card) ? button("Change", change, { what: `what ${share.name} sees`, kind: "quiet" }) : null,
    button("Revoke", revoke, { what: `what you shared with ${share.name}`, kind: "quiet" }),
  );

function outgoingRow(world, share, refresh) {
  const record = { id: share.id, name: `what you shared with ${share.name}` };
  const card = world.card(share.card);
  return pointsAt(
    el(
      "li",
      { class: "row" },
      el(
        "div",
        { class: "row-head" },
        el("h3", {}, "With ", userText(share.name)),
        share.over ? el("span", { class: "chip plain" }, "Time ran out") : null,
        readChip(share),
        rowsButton(record, world.showRows),
      ),
      share.label === null ? null : el("p", {}, userText(share.label)),
      ...outgoingParts(share, card),
      outgoingActions(world, share, {
        change: () => shareDialog(world, { card: share.card, connection: share.connection }),
        revoke: () => revokeDialog(world, share, share.label, refresh),
      }),
    ),
    record,
    world.point,
  );
}

const NOTHING = "You share nothing. A card can go to people you are connected with, or by a link to anybody.";

/** The section with one's own shares: those with people, and below them the links. */
export function outgoingSection(world, links) {
  const { session } = world;
  const expire = whenExpired(world, () => Promise.all([list.refresh(), world.refreshCards()]));
  const list = pagedList({
    label: "Shared by you",
    empty: NOTHING,
    size: 10,
    fetch: named(world, async (page) => {
      const { items, next } = await session.outgoingShares(page);
      return { items: items.map((share) => ({ ...share, label: world.card(share.card)?.label ?? null })), next };
    }),
    changed(items) {
      world.count({ outgoing: items.length });
      expire(items);
    },
    row: (share) => outgoingRow(world, share, list.refresh),
  });

  const both = { refresh: () => Promise.all([list.refresh(), links.refresh()]) };
  const root = section("Shared by you", { tools: [refreshButton(both, "what you share")] }, list.root, links.root);
  return {
    root,
    refresh: list.refresh,
    find: list.find,
    /** Notes the number of links: where there are some, not nothing is shared. */
    countLinks: (count) => list.sayEmpty(count === 0 ? NOTHING : "Nothing with people you are connected with."),
  };
}
