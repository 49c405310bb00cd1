// The app without a browser and without services: the stand-in plays the package, and other people.
import { fireEvent, render, screen, within } from "@testing-library/react";
import { Suspense, act } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Vouchsafe, standIn } from "vouchsafe/testing";
import { App } from "./App.jsx";

vi.mock("vouchsafe", () => import("vouchsafe/testing"));

const passphrase = "eight characters or more";

const fill = (label, value, root = screen) => fireEvent.change(root.getByLabelText(label), { target: { value } });
const button = (name, root = screen) => root.getByText(name, { selector: "button" });
// What a call of the stand-in brings is there when `act` ends.
const press = (name, root) => act(async () => fireEvent.click(button(name, root)));
const card = (label) => within(screen.getByText(label, { selector: "h3" }).closest("li"));

beforeEach(async () => {
  await act(async () => render(<Suspense><App /></Suspense>));
  fill("Email address", "anna@example.com");
  fill("Passphrase", passphrase);
  await press("Sign up");
  screen.getByText(/Write down your recovery key: [0-9A-Z-]{69}$/);
});

afterEach(() => standIn.reset());

/** Ben, with whom the person at the page is connected. */
async function ben() {
  const services = { vault: "https://vault.example", keystore: "https://keystore.example" };
  const app = await Vouchsafe.open({ ...services, receipts: true });
  const { session } = await app.signUp({ email: "ben@example.com", passphrase });
  fill("Name", "Ben");
  await press("Invite by link");
  const link = screen.getByRole("link").getAttribute("href");
  const { id } = await act(() => session.accept({ link }, { name: "Anna" }));
  screen.getByText("Ben (verified)");
  return { session, id };
}

async function addCard() {
  fill("Title", "Wi-Fi");
  fill(/^Fields/, "Network: Linden 12\nPassword: open sesame");
  await press("Add card");
}

test("a card is shared in part, kept up to date, and its reading is seen", async () => {
  await addCard();
  const { session } = await ben();
  fireEvent.click(card("Wi-Fi").getByLabelText("Network"));
  await press("Share", card("Wi-Fi"));
  card("Wi-Fi").getByText("Ben (only Password): not read yet");
  const { items: [share] } = await session.incomingShares();
  await act(() => session.readShare(share.id));
  card("Wi-Fi").getByText(/^Ben \(only Password\): read at [\d:APM ]+$/);

  await press("Edit Wi-Fi");
  fill(/^Fields/, "Network: Linden 12\nPassword: close sesame", within(button("Save").closest("form")));
  await press("Save");
  card("Wi-Fi").getByText(/before the last change$/);
  const { card: read } = await act(() => session.readShare(share.id));
  expect(read.fields).toEqual([{ name: "Password", label: "Password", value: "close sesame" }]);
  card("Wi-Fi").getByText(/^Ben \(only Password\): read at [\d:APM ]+$/);

  await press("Take back");
  expect((await session.incomingShares()).items).toEqual([]);
});

test("what others share is there at once, and so is what they change", async () => {
  const { session, id } = await ben();
  const door = { label: "Door", fields: [{ name: "code", label: "Code", value: "4711" }] };
  const made = await session.createCard(door);
  await act(() => session.share({ card: made.id, connection: id }));
  card("Door").getByText("4711");
  card("Door").getByText(/^From Ben \(verified\)$/);
  await act(() => session.updateCard({ ...made, fields: [{ ...door.fields[0], value: "0815" }] }));
  card("Door").getByText("0815");
  card("Door").getByText(/^From Ben \(verified\), changed /);
  expect(screen.queryByText("4711")).toBe(null);
  // Ben sees that it was read, without anybody pressing anything.
  const { items: [share] } = await session.sharesOf(made.id);
  expect(share.read.edition).toBe(2);
  await act(() => session.deleteCard(made.id, { shares: "revoke" }));
  expect(screen.queryByText("Door")).toBe(null);
});

test("a failure is shown, and what was entered stays", async () => {
  standIn.failNext("createCard", "offline", { message: "No connection." });
  await addCard();
  expect(screen.getByRole("alert").textContent).toBe("No connection.");
  expect(screen.getByLabelText("Title").value).toBe("Wi-Fi");
  await press("Add card");
  card("Wi-Fi").getByText("open sesame");
});

test("a form waits while its call is under way", async () => {
  const release = standIn.hold("createCard");
  await addCard();
  expect(button("Add card").matches(":disabled")).toBe(true);
  await act(async () => release());
  expect(button("Add card").matches(":disabled")).toBe(false);
});
