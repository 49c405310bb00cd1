import { useState } from "react";
import { useInvitation, useList, useSubmit, useVouchsafe } from "./hooks.js";

const CARDS = { fetch: (session) => session.cards(), on: [] };
const PEOPLE = { fetch: (session) => session.connections(), on: ["connection"] };
const INCOMING = { fetch: (session) => session.incomingShares(), on: ["share", "revoked"] };

export function App() {
  const vouchsafe = useVouchsafe();
  const [invitation, forgetInvitation] = useInvitation();
  const [account, setAccount] = useState(null);
  if (account) {
    const signOut = () => account.session.signOut().then(() => setAccount(null));
    return <Home {...account} {...{ invitation, forgetInvitation, signOut }} />;
  }
  const enter = async ({ email, passphrase, how }) => {
    const credentials = { email, passphrase };
    setAccount(how === "up" ? await vouchsafe.signUp(credentials) : { session: await vouchsafe.signIn(credentials) });
  };
  return (
    <Form run={enter}>
      <h1>{invitation ? "You are invited" : "Welcome"}</h1>
      <Input label="Email address" name="email" type="email" />
      <Input label="Passphrase" name="passphrase" type="password" />
      <button name="how" value="up">Sign up</button>
      <button name="how" value="in">Sign in</button>
    </Form>
  );
}

function Home({ session, recoveryKey, invitation, forgetInvitation, signOut }) {
  const cards = useList(session, CARDS);
  const people = useList(session, PEOPLE);
  const incoming = useList(session, INCOMING);
  const [link, setLink] = useState(null);

  const create = async ({ label, value }) => {
    await session.createCard({ label, fields: [{ name: "text", label: "Text", value }] });
    await cards.refresh();
  };
  const invite = async ({ name }) => setLink((await session.invite({ delivery: "link", name })).link);
  const accept = async ({ name }) => {
    await session.accept(invitation, { name });
    forgetInvitation();
    await people.refresh();
  };
  return (
    <>
      <h1>{session.email}</h1>
      <button onClick={signOut}>Sign out</button>
      {recoveryKey && <p>Write down your recovery key: {recoveryKey}</p>}
      {invitation && (
        <Form run={accept}>
          <Input label="Who invited you?" name="name" />
          <button>Accept</button>
        </Form>
      )}
      <h2>Your cards</h2>
      <ul>{cards.items.map(({ id, label, fields }) => <li key={id}>{label}: {fields[0]?.value}</li>)}</ul>
      <Form run={create}>
        <Input label="Title" name="label" />
        <Input label="Text" name="value" />
        <button>Add card</button>
      </Form>
      <h2>Your people</h2>
      <ul>{people.items.map(({ id, name, trust, state }) => <li key={id}>{name} ({state === "ended" ? state : trust})</li>)}</ul>
      <Form run={invite}>
        <Input label="Name" name="name" />
        <button>Invite by link</button>
      </Form>
      {link && <p>Hand this link over: <a href={link}>{link}</a></p>}
      <Form run={(chosen) => session.share(chosen)}>
        <Select label="Card" name="card" options={cards.items.map(({ id, label }) => [id, label])} />
        <Select label="With" name="connection" options={people.items.map(({ id, name }) => [id, name])} />
        <button>Share</button>
      </Form>
      <h2>Shared with you</h2>
      <ul>{incoming.items.map(({ id }) => <Received key={id} session={session} id={id} />)}</ul>
    </>
  );
}

/** A share, which is opened on demand. */
function Received({ session, id }) {
  const [received, setReceived] = useState(null);
  const read = useSubmit(async () => setReceived(await session.readShare(id)));
  if (!received) return <li><form onSubmit={read.submit}><button disabled={read.busy}>Read</button> {read.problem}</form></li>;
  const { card, from, trust } = received;
  return <li>{from.name} ({trust}) shared {card.label}: {card.fields[0]?.value}</li>;
}

function Form({ run, children }) {
  const { submit, busy, problem } = useSubmit(run);
  return (
    <form onSubmit={submit}>
      <fieldset disabled={busy}>{children}</fieldset>
      {problem && <p role="alert">{problem}</p>}
    </form>
  );
}

const Input = ({ label, ...props }) => <label>{label} <input required {...props} /></label>;

const Select = ({ label, options, ...props }) => (
  <label>
    {label} <select required {...props}>{options.map(([id, text]) => <option key={id} value={id}>{text}</option>)}</select>
  </label>
);
