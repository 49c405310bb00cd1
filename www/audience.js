// Who has a card: the words on the card, and the dialog behind them.

import { button, el, userText } from "./dom.js";
import { openDialog } from "./dialog.js";
import { pagedList } from "./list.js";
import { shareDialog } from "./share-form.js";
import { named, outgoingActions, outgoingParts, readChip, revokeDialog } from "./shares.js";

/** Names that a card shows; the others are counted. */
const NAMED = 3;

/**
 * Gives, for each card, the names of the `people` who have it, newest first, and whether there is a link to it, too. A page of
 * shares is looked at: the rest is counted by the Keystore.
 */
export async function audiences(world) {
  const people = new Map();
  const counts = new Map();
  // The cards are shown without names, if need be.
  const { items, next } = await world.session.outgoingShares({ limit: 200 }).catch(() => ({ items: [], next: "unknown" }));
  const names = await Promise.all(items.map(({ connection }) => world.nameOf(connection)));
  items.forEach(({ card, expiresAt }, index) => {
    if (card === null || (expiresAt !== null && expiresAt <= Date.now())) return;
    people.set(card, [...new Set([...(people.get(card) ?? []), names[index]])]);
    counts.set(card, (counts.get(card) ?? 0) + 1);
  });
  return ({ id, shares }) => ({ people: people.get(id) ?? [], byLink: next === null && shares > (counts.get(id) ?? 0) });
}

/** Who has a card, in words. */
export function audience({ people, byLink }) {
  if (people.length === 0) return ["Shared by link"];
  const shown = people.slice(0, NAMED);
  const more = people.length - shown.length;
  return [
    "Shared with ",
    ...shown.flatMap((name, index) => [
      index === 0 ? "" : index === shown.length - 1 && more === 0 && !byLink ? " and " : ", ",
      userText(name),
    ]),
    more > 0 ? `${byLink ? "," : " and"} ${more} more` : "",
    byLink ? " and by link" : "",
  ];
}

/** The words on a card that say who has it, and lead to more. */
export const sharedWith = (world, card) =>
  card.shares === 0 || (card.shares === null && card.people.length === 0)
    ? el("span", {}, "Only you have it")
    : button(el("span", {}, audience(card)), () => audienceDialog(world, card), { what: `: ${card.label}`, kind: "link", "aria-haspopup": "dialog" });

function audienceRow(world, share, card, dialog, refresh) {
  return el(
    "li",
    { class: "row" },
    el("div", { class: "row-head" }, el("h3", {}, userText(share.name)), readChip(share)),
    ...outgoingParts(share, card),
    outgoingActions(world, share, {
      change() {
        dialog.close();
        shareDialog(world, { card: card.id, connection: share.connection });
      },
      revoke: () => revokeDialog(world, share, card.label, () => Promise.all([refresh(), world.refreshShares()])),
    }),
  );
}

/** Shows who has a card, what each of them sees, and whether they read it. */
function audienceDialog(world, card) {
  const list = pagedList({
    label: `Who has ${card.label}`,
    empty: "Nobody you are connected with has it. Links stand under “Shared by you”.",
    fetch: named(world, (page) => world.session.sharesOf(card.id, page)),
    row: (share) => audienceRow(world, share, card, dialog, list.refresh),
  });
  const share = button("Share with somebody else", () => {
    dialog.close();
    shareDialog(world, { card: card.id, anew: true });
  });
  const dialog = openDialog(["Who has ", userText(card.label)], list.root, el("div", { class: "actions end" }, share));
  list.refresh();
}
