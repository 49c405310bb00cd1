import { useState } from "react";
import { Card, CardForm, Fields } from "./Card.jsx";
import { Form, Input, Section } from "./Form.jsx";
import { useInvitation, useList, useVouchsafe } from "./hooks.js";
import { CARDS, PEOPLE, RECEIVED, SENT } from "./lists.js";

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
      <h1>{invitation ? "You are invited" : "Family safe"}</h1>
      <Input label="Email address" name="email" type="email" />
      <Input label="Passphrase" name="passphrase" type="password" />
      <button name="how" value="up">Sign up</button>
      <button name="how" value="in">Sign in</button>
    </Form>
  );
}

function Home({ session, recoveryKey, invitation, forgetInvitation, signOut }) {
  const people = useList(session, PEOPLE);
  const accept = ({ name }) => session.accept(invitation, { name }).then(forgetInvitation);
  return (
    <>
      <header>
        <h1>{session.email}</h1>
        <Form run={signOut}><button>Sign out</button></Form>
      </header>
      {recoveryKey && <p className="note">Write down your recovery key: {recoveryKey}</p>}
      {invitation && (
        <Form run={accept}>
          <Input label="Who invited you?" name="name" />
          <button>Accept</button>
        </Form>
      )}
      <Safe {...{ session, people }} />
      <Family {...{ session, people }} />
      <Received {...{ session }} />
    </>
  );
}

function Safe({ session, people }) {
  const cards = useList(session, CARDS);
  const sent = useList(session, SENT);
  const sharesOf = (card) => sent.items.filter((share) => share.card === card.id);
  return (
    <Section title="My safe" problem={cards.problem ?? sent.problem}>
      <ul>{cards.items.map((card) => <Card key={card.id} {...{ session, card, people }} shares={sharesOf(card)} />)}</ul>
      <details>
        <summary>New card</summary>
        <CardForm save={(content) => session.createCard(content)} action="Add card" />
      </details>
    </Section>
  );
}

function Family({ session, people }) {
  const [link, setLink] = useState(null);
  const invite = async ({ name }) => setLink((await session.invite({ delivery: "link", name })).link);
  return (
    <Section title="My family" problem={people.problem}>
      <ul>{people.items.map(({ id, name, trust }) => <li key={id}>{name} ({trust})</li>)}</ul>
      <Form run={invite}>
        <Input label="Name" name="name" />
        <button>Invite by link</button>
      </Form>
      {link && <p className="note">Hand this link over: <a href={link}>{link}</a></p>}
    </Section>
  );
}

/** What others share. An edit of theirs is here at once, without asking. */
function Received({ session }) {
  const { items, problem } = useList(session, RECEIVED);
  return (
    <Section title="From my family" problem={problem}>
      <ul>
        {items.map(({ id, card, from, trust, share }) => (
          <li key={id} className="card">
            <h3>{card.label}</h3>
            <Fields of={card} />
            <p>
              From {from.name} ({trust}){share.edition > 1 && <>, changed {new Date(share.updatedAt).toLocaleString()}</>}
            </p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
