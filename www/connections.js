import { button, el, section, userText } from "./dom.js";
import { closeDialogs, confirmDialog } from "./dialog.js";
import { time } from "./format.js";
import { pagedList, refreshButton } from "./list.js";
import { pointsAt, rowsButton } from "./rows.js";
import { safetyDialog } from "./safety.js";
import { shareDialog } from "./share-form.js";
import { changedWarning, isUnproven, trustChip } from "./trust.js";

const endedRow = (connection) =>
  el(
    "li",
    { class: "row faded" },
    el("div", { class: "row-head" }, el("h3", { dir: "auto" }, connection.name), el("span", { class: "chip plain" }, "Ended")),
    el("p", { class: "muted small" }, "You are no longer connected. Nothing is shared between you any more."),
  );

function activeRow(world, connection, disconnect) {
  const { id, name, trust } = connection;
  return pointsAt(
    el(
      "li",
      { class: "row" },
      el("div", { class: "row-head" }, el("h3", { dir: "auto" }, name), trustChip(trust, connection.verifiedBy, isUnproven(connection)), rowsButton({ id, name }, world.showRows)),
      el(
        "p",
        { class: "muted small" },
        connection.role === "inviter" ? "You invited them, " : "They invited you, ",
        isUnproven(connection) ? "and the Vault says that they accepted " : "connected ",
        time(connection.createdAt),
      ),
      trust === "changed" ? changedWarning(connection) : null,
      trust === "unverified"
        ? el("p", { class: "small" }, "Compare the safety number once, face to face or on a call, before you share.")
        : null,
      el(
        "div",
        { class: "actions" },
        trust === "changed" ? null : button("Share a card", () => shareDialog(world, { connection: id }), { what: `with ${name}` }),
        // With changed keys the number is still that of the old keys: comparing it would succeed.
        connection.safetyNumber === null || trust === "changed"
          ? null
          : button("Safety number", () => safetyDialog(world, connection), {
              what: `with ${name}`,
              kind: trust === "unverified" ? undefined : "quiet",
            }),
        button("Disconnect", () => disconnect(connection), { what: `from ${name}`, kind: trust === "changed" ? "danger" : "quiet" }),
      ),
    ),
    { id, name },
    world.point,
  );
}

/** The section with the people whom one is connected with. */
export function connectionsSection(world, invitations) {
  const { session } = world;

  /** By account, the name that the person gave. */
  let names = new Map();
  const list = pagedList({
    label: "Connections",
    empty: "Nobody yet. Invite somebody, or open an invitation.",
    fetch: (page) => session.connections(page),
    changed(items) {
      names = new Map(items.filter(({ state }) => state === "active").map(({ account, name }) => [account, name]));
      world.count({ people: names.size });
    },
    fold: { name: "Ended connections", when: ({ state }) => state === "ended" },
    row: (connection) => (connection.state === "ended" ? endedRow(connection) : activeRow(world, connection, disconnect)),
  });

  function disconnect(connection) {
    confirmDialog({
      title: ["Disconnect from ", userText(connection.name), "?"],
      text: "Everything the two of you have shared is revoked. What was read cannot be unread.",
      action: "Disconnect",
      run: async () => {
        await session.disconnect(connection.id);
        closeDialogs();
        await Promise.all([list.refresh(), world.refreshShares()]);
      },
    });
  }

  const root = section(
    "People",
    { intro: "Before you share with a person, the two of you connect.", tools: [refreshButton(list, "your people"), invitations.invite] },
    list.root,
    invitations.root,
  );
  return { root, refresh: list.refresh, find: list.find, disconnect, nameOfAccount: (account) => names.get(account) ?? null };
}
