import { button, choice, during, el, field, form, makeId, nameField, userText } from "./dom.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { linkBox } from "./link-box.js";
import { pagedList } from "./list.js";
import { pointsAt, rowsButton } from "./rows.js";
import { shareDialog } from "./share-form.js";
import { isUnproven } from "./trust.js";

const STATES = {
  pending: ["Waiting", "warn"],
  accepted: ["Accepted", "good"],
  declined: ["Declined", "plain"],
  cancelled: ["Cancelled", "plain"],
  expired: ["Expired", "plain"],
  undeliverable: ["Not delivered", "bad"],
};

const REASONS = {
  refused: "A mail server refuses this address. Check it and invite them again, or hand over a link.",
  unsent: "No mail server took the mail for days. Invite them again, or hand over a link.",
};

function inviteForm(session, made) {
  const problem = problemBox();
  const group = makeId("delivery");
  const link = choice("By a link that I hand over", { type: "radio", name: group, value: "link", checked: true });
  const mail = choice("By mail", { type: "radio", name: group, value: "email" });
  const meaning = el("p", { class: "hint" });
  const name = nameField("What do you call this person?", {
    autofocus: true,
    hint: "Only you see this name. No server knows it.",
  });
  const email = field("Their email address", { type: "email", required: true, autocomplete: "off" });
  const submit = el("button", { type: "submit", class: "primary" });

  function choose() {
    const byMail = mail.input.checked;
    email.root.hidden = !byMail;
    email.input.disabled = !byMail;
    submit.replaceChildren(byMail ? "Send invitation" : "Make invitation link");
    meaning.replaceChildren(
      byMail
        ? "The Vault sends it, so the Vault could answer it, too: compare the safety number before you share."
        : "The link holds a secret that no server sees, so whoever comes by it is verified at once.",
    );
  }
  mail.input.addEventListener("change", choose);
  link.input.addEventListener("change", choose);
  choose();

  const run = () =>
    during(submit, problem, async () => {
      await made(
        await session.invite(
          mail.input.checked
            ? { delivery: "email", email: email.input.value, name: name.input.value.trim() }
            : { delivery: "link", name: name.input.value.trim() },
        ),
      );
    });

  return form(
    { "aria-label": "Invite somebody" },
    run,
    name.root,
    el("fieldset", { class: "plain" }, el("legend", {}, "How does the invitation get there?"), link.root, mail.root, meaning),
    email.root,
    el("div", { class: "actions end" }, submit),
    problem.root,
  );
}

function invitationRow(world, invitation, cancel) {
  const [word, look] = invitation.unproven ? ["Not proven", "bad"] : STATES[invitation.state];
  const pending = invitation.state === "pending";
  const record = { id: invitation.id, name: invitation.name };
  return pointsAt(
    el(
      "li",
      { class: pending ? "row" : "row faded" },
      el(
        "div",
        { class: "row-head" },
        el("h4", { dir: "auto" }, invitation.name),
        el("span", { class: `chip ${look}` }, word),
        rowsButton(record, world.showRows),
      ),
      el(
        "p",
        { class: "muted small" },
        invitation.delivery === "email" ? ["By mail to ", userText(invitation.email ?? "")] : "By link",
        pending ? [", open until ", time(invitation.expiresAt)] : [", made ", time(invitation.createdAt)],
      ),
      invitation.state === "expired" ? el("p", { class: "small" }, "Nobody accepted it in time. Invite them again.") : null,
      invitation.state === "undeliverable" ? el("p", { class: "small" }, REASONS[invitation.reason] ?? REASONS.unsent) : null,
      pending
        ? el(
            "div",
            { class: "actions" },
            invitation.link === null ? null : button("Show link", () => showLink(invitation), { what: `for ${invitation.name}` }),
            button("Cancel", () => cancel(invitation), { what: `the invitation of ${invitation.name}`, kind: "quiet" }),
          )
        : null,
    ),
    record,
    world.point,
  );
}

const showLink = (invitation) =>
  openDialog(["Invitation for ", userText(invitation.name)], linkBox(invitation.link, invitation.name));

/** The end of a dialog that sent an invitation by mail. */
const mailed = (invitation) => [
  el("p", { class: "done", role: "status" }, "The invitation to ", userText(invitation.email ?? ""), " is on its way."),
  el("p", {}, "This demo sends no real mail. The mail lies in the mailbox of every tab of this page."),
  el("div", { class: "actions" }, el("a", { class: "button", href: "./", target: "_blank", rel: "noopener" }, "Open another tab to be them")),
];

/** Says in the dialog over an invitation that it was accepted, and offers to share. */
function sayAccepted(world, { body, dialog }, { id, name }) {
  const share = button(
    "Share a card",
    () => {
      dialog.close();
      shareDialog(world, { connection: id });
    },
    { what: `with ${name}`, kind: "primary" },
  );
  body.replaceChildren(
    el("p", { class: "done", role: "status" }, userText(name), " accepted: you are connected."),
    el("div", { class: "actions end" }, button("Done", () => dialog.close()), share),
  );
  share.focus();
}

/** The button to invite somebody, and the section with the invitations one has made. */
export function invitationsSection(world) {
  const { session } = world;

  const list = pagedList({
    label: "Your invitations",
    empty: "You have invited nobody yet.",
    size: 20,
    // An acceptance that nobody proved is none, whatever the Vault says.
    async fetch(page) {
      const { items, next } = await session.invitations(page);
      return { items: items.map((item) => ({ ...item, unproven: isUnproven(world.connection(item.id)) })), next };
    },
    changed(items) {
      world.count({ invitations: items.length });
      root.hidden = items.length === 0;
    },
    // What was taken back, and what stands among the people.
    fold: { name: "Earlier invitations", when: ({ state, unproven }) => !unproven && (state === "accepted" || state === "cancelled") },
    row: (invitation) => invitationRow(world, invitation, cancel),
  });

  function openInvite() {
    const body = el("div", { class: "dialog-body" });
    const dialog = openDialog("Invite somebody", body);
    body.append(
      inviteForm(session, async (invitation) => {
        const done = el("div", { class: "actions end" }, button("Done", () => dialog.close()));
        body.replaceChildren(...(invitation.link === null ? mailed(invitation) : [linkBox(invitation.link, invitation.name)]), done);
        body.querySelector("input, a, button").focus();
        open = { id: invitation.id, body, dialog };
        await list.refresh();
      }),
    );
    body.querySelector("input").focus();
  }

  function cancel(invitation) {
    confirmDialog({
      title: ["Cancel the invitation of ", userText(invitation.name), "?"],
      text: "Nobody can accept it any more. You can send a new one at any time.",
      action: "Cancel the invitation",
      run: async () => {
        await session.cancelInvitation(invitation.id);
        await list.refresh();
      },
    });
  }

  /** Notes an acceptance in the dialog over the invitation, where it is still open. */
  function wasAccepted(connection) {
    if (open?.id === connection.id && open.dialog.open) sayAccepted(world, open, connection);
  }

  let open = null;
  const root = el("div", { class: "sub-section", hidden: true }, el("h3", {}, "Your invitations"), list.root);
  const invite = button("Invite somebody", openInvite, { kind: "primary", "aria-haspopup": "dialog" });
  return { root, invite, openInvite, wasAccepted, refresh: list.refresh, find: list.find };
}
