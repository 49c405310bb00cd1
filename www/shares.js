import { button, during, el, section, userText } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { pagedList } from "./list.js";
import { cardFields } from "./cards.js";
import { changedWarning, trustChip } from "./trust.js";

/** The page of `fetch` with the other person's name beside each share. */
const named = (world, fetch) => async (options) => {
  const page = await fetch(options);
  const items = page.items.map(async (share) => ({ ...share, name: await world.nameOf(share.connection) }));
  return { ...page, items: await Promise.all(items) };
};

const expiryText = (share) => (share.expiresAt === null ? "until revoked" : ["until ", time(share.expiresAt)]);

/** What others share with oneself. */
export function incomingSection(world) {
  const { session } = world;
  const list = pagedList({
    label: "Shared with you",
    empty: "Nobody has shared anything with you yet.",
    size: 10,
    fetch: named(world, (page) => session.incomingShares(page)),
    row: incomingRow,
  });

  function incomingRow(share) {
    const problem = problemBox();
    const place = el("div", { class: "opened" });

    const read = () =>
      during(open, problem, async () => {
        const { card, from, trust } = await session.readShare(share.id);
        const title = el("h4", { dir: "auto", tabindex: "-1" }, card.label);
        const close = button("Close", () => {
          place.replaceChildren();
          open.hidden = false;
          open.focus();
        }, { what: card.label, kind: "quiet" });
        place.replaceChildren(
          el(
            "article",
            { class: "received", "aria-label": card.label },
            title,
            cardFields(card),
            el("p", { class: "small row-head" }, el("span", {}, "From ", userText(from.name)), trustChip(trust)),
            trust === "changed" ? changedWarning() : null,
            el("div", { class: "actions" }, close),
          ),
        );
        title.focus();
        open.hidden = true;
      });
    const open = button("Read", read, { what: `what ${share.name} shared` });

    return el(
      "li",
      { class: "row" },
      el("h3", {}, "From ", userText(share.name)),
      el("p", { class: "muted small" }, "Shared ", time(share.createdAt), ", can be read ", expiryText(share)),
      el("div", { class: "actions" }, open),
      problem.root,
      place,
    );
  }

  const root = section("Shared with you", { tools: [refreshButton(list, "what is shared with you")] }, list.root);
  return { root, refresh: list.refresh, find: list.find };
}

/** What one shares with others. */
export function outgoingSection(world) {
  const { session } = world;
  const list = pagedList({
    label: "Shared by you",
    empty: "You share nothing.",
    size: 10,
    fetch: named(world, (page) => session.outgoingShares(page)),
    row: (share) =>
      el(
        "li",
        { class: "row" },
        el(
          "div",
          { class: "row-head" },
          el("h3", {}, "With ", userText(share.name)),
          share.claimed ? el("span", { class: "chip good" }, "Claimed") : el("span", { class: "chip plain" }, "Not yet claimed"),
        ),
        el("p", { class: "muted small" }, "Shared ", time(share.createdAt), ", can be read ", expiryText(share)),
        el(
          "div",
          { class: "actions" },
          button("Revoke", () => revoke(share), { what: `what you shared with ${share.name}`, kind: "quiet" }),
        ),
      ),
  });

  function revoke(share) {
    confirmDialog({
      title: ["Revoke what you shared with ", userText(share.name), "?"],
      text: "The share and its key are deleted. What was read cannot be unread.",
      action: "Revoke",
      run: async () => {
        await session.revokeShare(share.id);
        await list.refresh();
      },
    });
  }

  const root = section("Shared by you", { tools: [refreshButton(list, "what you share")] }, list.root);
  return { root, refresh: list.refresh };
}

function refreshButton(list, what) {
  const refresh = button("Refresh", () => during(refresh, { clear() {}, show() {} }, list.refresh), { what, kind: "quiet" });
  return refresh;
}
