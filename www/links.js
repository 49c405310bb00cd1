import { button, el } from "./dom.js";
import { showCardLink } from "./card-link.js";
import { confirmDialog } from "./dialog.js";
import { time, when } from "./format.js";
import { pagedList } from "./list.js";
import { pointsAt, rowsButton } from "./rows.js";
import { partText } from "./shares.js";

const OVER = { used: "Used up", closed: "Closed after wrong passphrases", expired: "Time ran out" };

function stateChip({ state, reads, readAt }) {
  if (state !== "open") return el("span", { class: state === "closed" ? "chip warn" : "chip plain" }, OVER[state]);
  if (reads === 0) return el("span", { class: "chip plain" }, "Not opened yet");
  return el("span", { class: "chip good" }, reads === 1 ? "Opened " : `Opened ${reads} times, last `, when(readAt));
}

/** How a link goes on: one that is live follows its card, edition by edition. */
function followText({ state, live, edition, upToDate }) {
  if (state !== "open") return null;
  if (!live) return "Shows the card as it was then.";
  return `Follows your card: edition ${edition}${{ true: ", up to date.", false: ", behind. That is tried again by itself." }[upToDate] ?? "."}`;
}

function linkRow(world, link, revoke) {
  const label = world.card(link.card)?.label ?? "A card";
  const record = { id: link.id, name: `the link to ${label}` };
  const bound = link.maxReads === null ? "" : link.maxReads === 1 ? ", once" : `, ${link.maxReads} times at most`;
  const follows = followText(link);
  return pointsAt(
    el(
      "li",
      { class: "row" },
      el("div", { class: "row-head" }, el("h4", { dir: "auto" }, label), stateChip(link), rowsButton(record, world.showRows)),
      el("p", { class: "muted small" }, partText(link, world.card(link.card)), link.passphrase ? ", with a passphrase" : ""),
      follows === null ? null : el("p", { class: link.upToDate === false ? "small" : "muted small" }, follows),
      el("p", { class: "muted small" }, link.state === "open" ? "Can be opened until " : "Made for until ", time(link.expiresAt), bound),
      el(
        "div",
        { class: "actions" },
        link.link === null ? null : button("Show link", () => showCardLink(link.link, label), { what: `to ${label}` }),
        button("Revoke", () => revoke(link, label), { what: record.name, kind: "quiet" }),
      ),
    ),
    record,
    world.point,
  );
}

/** The links that show one's cards to people without an account. `counted` gets their number. */
export function linksSection(world, counted) {
  const { session } = world;
  const list = pagedList({
    label: "Your links",
    empty: "",
    size: 20,
    // The row is drawn anew when the card has another title.
    async fetch(page) {
      const { items, next } = await session.linkShares(page);
      return { items: items.map((item) => ({ ...item, label: world.card(item.card)?.label })), next };
    },
    changed(items) {
      root.hidden = items.length === 0;
      counted(items.length);
    },
    row: (link) => linkRow(world, link, revoke),
  });

  function revoke(link, label) {
    confirmDialog({
      title: `Revoke the link to ${label}?`,
      text: "It shows nothing any more, to nobody. What was read cannot be unread.",
      action: "Revoke",
      run: async () => {
        await session.revokeLink(link.id);
        await Promise.all([list.refresh(), world.refreshCards()]);
      },
    });
  }

  const root = el("div", { class: "sub-section", hidden: true }, el("h3", {}, "By link, to people without an account"), list.root);
  return { root, refresh: list.refresh };
}
