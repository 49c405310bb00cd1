// The app without a browser and without services: the stand-in plays the package, and other people.
import { fireEvent, render, screen } from "@testing-library/react";
import { Suspense, act } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Vouchsafe, standIn } from "vouchsafe/testing";
import { App } from "./App.jsx";

vi.mock("vouchsafe", () => import("vouchsafe/testing"));

const passphrase = "eight characters or more";

const fill = (label, value) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const button = (name) => screen.getByText(name, { selector: "button" });
// What a call of the stand-in brings is there when `act` ends.
const press = (name) => act(async () => fireEvent.click(button(name)));

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
  const app = await Vouchsafe.open({ vault: "https://vault.example", keystore: "https://keystore.example" });
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
  fill("Text", "open sesame");
  await press("Add card");
}

test("a card is shared with somebody who accepted", async () => {
  await addCard();
  screen.getByText("Wi-Fi: open sesame");
  const { session } = await ben();
  await press("Share");
  const { items } = await session.incomingShares();
  const { card } = await session.readShare(items[0].id);
  expect(card.fields[0].value).toBe("open sesame");
});

test("what others share is there at once", async () => {
  const { session, id } = await ben();
  const { id: card } = await session.createCard({ label: "Door", fields: [{ name: "text", label: "Text", value: "4711" }] });
  await act(() => session.share({ card, connection: id }));
  await press("Read");
  screen.getByText("Ben (verified) shared Door: 4711");
});

test("a failure is shown, and what was entered stays", async () => {
  standIn.failNext("createCard", "offline", { message: "No connection." });
  await addCard();
  expect(screen.getByRole("alert").textContent).toBe("No connection.");
  expect(screen.getByLabelText("Title").value).toBe("Wi-Fi");
  await press("Add card");
  screen.getByText("Wi-Fi: open sesame");
});

test("a form waits while its call is under way", async () => {
  const release = standIn.hold("createCard");
  await addCard();
  expect(button("Add card").matches(":disabled")).toBe(true);
  await act(async () => release());
  expect(button("Add card").matches(":disabled")).toBe(false);
});
