import { button, during, el, form, nameField, section, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { trustChip, trustMeaning } from "./trust.js";

/**
 * Takes a link out of the address bar: a secret does not belong into the history. Gives the `ticket` of an invitation, or the link
 * to a `card`; `null` if there is none.
 */
export function takeLink(vouchsafe) {
  const { href } = location;
  const found = vouchsafe.readLink(href);
  if (found === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  if (found.kind === "card") return { card: href };
  // Whoever answers a broken one is told so.
  return { ticket: found.ticket ?? { link: href } };
}

/** The panel for somebody who is invited and has not signed in yet. */
export const waitingPanel = (forget, locked) =>
  section(
    "You are invited",
    { tools: [button("Not now", forget, { kind: "quiet" })] },
    el(
      "p",
      {},
      "Somebody wants to share with you. ",
      locked ? "Unlock your keys" : "Create an account or sign in",
      "; then you can accept or decline.",
    ),
  );

/** The panel that answers an invitation. `accepted` gets the connection; `over` is called when nothing is left to answer. */
export function acceptPanel(session, ticket, { accepted, over }) {
  const problem = problemBox({
    peer_key_changed:
      "The key that the Vault shows is not the one that your link names: somebody may stand between you. Nothing was accepted. Ask the person who invited you.",
    not_found: "There is no such invitation. Check that the link is complete.",
  });
  const name = nameField("What do you call the person who invited you?", {
    hint: "Only you see this name. No server knows it.",
  });
  const submit = el("button", { type: "submit", class: "primary" }, "Accept");
  const decline = button("Decline", () =>
    during(decline, problem, async () => {
      await session.declineInvitation(ticket);
      over("You declined the invitation.");
    }),
  );
  const run = () =>
    during(submit, problem, async () => {
      accepted(await session.accept(ticket, { name: name.input.value.trim() }));
    });
  return section(
    "You are invited",
    { tools: [button("Not now", () => over(null), { kind: "quiet" })] },
    form({}, run, name.root, el("div", { class: "actions" }, submit, decline), problem.root),
  );
}

/** The panel's content once the two are connected, as high as it was before. */
export function connectedPanel(connection, height, { over, compare }) {
  const { name, trust, verifiedBy } = connection;
  const isSure = trust === "verified";
  const panel = section(
    "You are connected",
    {},
    isSure
      ? el("p", {}, "You and ", userText(name), " can share cards now. What they share appears under “Shared with you” at once.")
      : el("p", {}, "What ", userText(name), " shares appears under “Shared with you” at once. Before you share, compare the safety number."),
    el("p", { class: "meaning" }, trustChip(trust, verifiedBy), " ", trustMeaning(trust, verifiedBy, name)),
    el(
      "div",
      { class: "actions" },
      isSure ? null : button("Compare the safety number", compare, { kind: "primary" }),
      button("Go on", over, { kind: isSure ? "primary" : undefined }),
    ),
  );
  panel.style.minBlockSize = `${height}px`;
  return panel;
}
