import { useState } from "react";
import { Form, Input } from "./Form.jsx";

/** A card of one's own: what it says, who has it and has read it, and what can be done with it. */
export function Card({ session, card, shares, people }) {
  const [editing, setEditing] = useState(false);
  const [lagging, setLagging] = useState([]);
  const nameOf = (connection) => people.items.find(({ id }) => id === connection)?.name ?? "somebody";

  const save = async (content) => {
    // Everybody who has the card sees the change, too: those fields of it that they have.
    const updated = await session.updateCard({ ...card, ...content });
    setLagging(updated.lagging);
    setEditing(false);
  };
  const share = ({ connection }, entered) => {
    const chosen = entered.getAll("field");
    // All of them means those that the card gets later, too.
    const fields = chosen.length === card.fields.length ? undefined : chosen;
    return session.share({ card: card.id, connection, fields });
  };

  if (editing) return <li className="card"><CardForm card={card} save={save} action="Save" /></li>;
  return (
    <li className="card">
      <h3>{card.label}</h3>
      <Fields of={card} />
      <ul aria-label={`Who has ${card.label}`}>
        {shares.map(({ id, connection, fields, read, edition }) => (
          <li key={id}>
            {nameOf(connection)}{fields && ` (only ${fields.join(", ")})`}: {receipt(read, edition)}
            <Form run={() => session.revokeShare(id)}><button>Take back</button></Form>
          </li>
        ))}
      </ul>
      {lagging.length > 0 && <p role="alert">Not yet changed for {lagging.map(({ connection }) => nameOf(connection)).join(", ")}</p>}
      <details>
        <summary>Share {card.label}</summary>
        <Form run={share}>
          <label>With <select required name="connection">{people.items.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></label>
          {card.fields.map(({ name, label }) => (
            <label key={name}><input type="checkbox" name="field" value={name} defaultChecked /> {label}</label>
          ))}
          <button>Share</button>
        </Form>
      </details>
      <button onClick={() => setEditing(true)}>Edit {card.label}</button>
      <Form run={() => session.deleteCard(card.id, { shares: "revoke" })}><button>Delete {card.label}, for everybody</button></Form>
    </li>
  );
}

function receipt(read, edition) {
  if (read === null) return "not read yet";
  const time = new Date(read.at).toLocaleTimeString([], { timeStyle: "short" });
  return read.edition < edition ? `read at ${time}, before the last change` : `read at ${time}`;
}

/** The fields of a card, one's own or another's. */
export const Fields = ({ of }) => <dl>{of.fields.map(({ name, label, value }) => <div key={name}><dt>{label}</dt> <dd>{value}</dd></div>)}</dl>;

/** A card as it is written: a title, and a field on each line. */
export function CardForm({ card, save, action }) {
  const fieldsOf = (text) =>
    text.split("\n").filter((line) => line.trim() !== "").map((line) => {
      const [label, ...value] = line.split(":");
      return { name: label.trim(), label: label.trim(), value: value.join(":").trim() };
    });
  return (
    <Form run={({ label, text }) => save({ label, fields: fieldsOf(text) })}>
      <Input label="Title" name="label" defaultValue={card?.label} />
      <label>
        Fields, one a line, such as Number: X1234567
        <textarea required rows="4" name="text" defaultValue={card?.fields.map(({ label, value }) => `${label}: ${value}`).join("\n")} />
      </label>
      <button>{action}</button>
    </Form>
  );
}
