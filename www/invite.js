import { button, choice, during, el, field, form, makeId, section, userText } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { linkBox } from "./link-box.js";
import { pagedList } from "./list.js";

const STATES = {
  pending: ["Waiting", "warn"],
  accepted: ["Accepted", "good"],
  declined: ["Declined", "plain"],
  cancelled: ["Cancelled", "plain"],
  expired: ["Expired", "plain"],
};

function inviteForm(session, done) {
  const problem = problemBox();
  const result = el("div", { "aria-live": "polite" });
  const group = makeId("delivery");
  const mail = choice("By mail", { type: "radio", name: group, value: "email", checked: true });
  const link = choice("By a link that I hand over", { type: "radio", name: group, value: "link" });
  const name = field("What do you call this person?", {
    required: true,
    autocomplete: "off",
    dir: "auto",
    hint: "Only you see this name. No server knows it.",
  });
  const email = field("Their email address", { type: "email", required: true, autocomplete: "off" });
  const submit = el("button", { type: "submit", class: "primary" }, "Send invitation");

  function choose() {
    const byMail = mail.input.checked;
    email.root.hidden = !byMail;
    email.input.required = byMail;
    submit.replaceChildren(byMail ? "Send invitation" : "Make invitation link");
  }
  mail.input.addEventListener("change", choose);
  link.input.addEventListener("change", choose);

  const run = () =>
    during(submit, problem, async () => {
      result.replaceChildren();
      const invitation = await session.invite(
        mail.input.checked
          ? { delivery: "email", email: email.input.value, name: name.input.value.trim() }
          : { delivery: "link", name: name.input.value.trim() },
      );
      result.replaceChildren(
        invitation.link === null
          ? el("p", { class: "done" }, "The invitation to ", userText(invitation.email ?? ""), " is on its way.")
          : linkBox(invitation.link, invitation.name),
      );
      name.input.value = "";
      email.input.value = "";
      await done();
    });

  return form(
    { "aria-label": "Invite somebody" },
    run,
    el("fieldset", { class: "plain" }, el("legend", {}, "How does the invitation get there?"), mail.root, link.root),
    name.root,
    email.root,
    el("div", { class: "actions" }, submit),
    problem.root,
    result,
  );
}

/** Inviting, and the invitations one has made. */
export function invitationsSection(world) {
  const { session } = world;

  const list = pagedList({
    label: "Your invitations",
    empty: "You have invited nobody yet.",
    size: 20,
    fetch: (page) => session.invitations(page),
    row: (invitation) => {
      const [word, look] = STATES[invitation.state];
      const pending = invitation.state === "pending";
      return el(
        "li",
        { class: "row" },
        el("div", { class: "row-head" }, el("h3", { dir: "auto" }, invitation.name), el("span", { class: `chip ${look}` }, word)),
        el(
          "p",
          { class: "muted small" },
          invitation.delivery === "email" ? ["By mail to ", userText(invitation.email ?? "")] : "By link",
          pending ? [", open until ", time(invitation.expiresAt)] : [", made ", time(invitation.createdAt)],
        ),
        pending
          ? el(
              "div",
              { class: "actions" },
              invitation.link === null ? null : button("Show link", (event) => showLink(event, invitation), { what: `for ${invitation.name}` }),
              button("Cancel", () => cancel(invitation), { what: `the invitation of ${invitation.name}`, kind: "quiet" }),
            )
          : null,
      );
    },
  });

  function showLink({ currentTarget }, invitation) {
    const box = linkBox(invitation.link, invitation.name);
    currentTarget.closest("li").append(box);
    currentTarget.remove();
    box.querySelector("input").focus();
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

  const root = section(
    "Invite somebody",
    { intro: "Before you share with a person, the two of you connect." },
    inviteForm(session, list.refresh),
    el("h3", { class: "sub" }, "Your invitations"),
    list.root,
  );
  return { root, refresh: list.refresh, find: list.find };
}
