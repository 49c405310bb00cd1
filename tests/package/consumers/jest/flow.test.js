import { Vouchsafe } from "vouchsafe";
import { flow } from "./flow.js";

test("people share in a page of jsdom", async () => {
  expect(document.defaultView.navigator.userAgent).toContain("jsdom");
  const { VOUCHSAFE_VAULT: vault, VOUCHSAFE_KEYSTORE: keystore } = process.env;
  expect(await flow(Vouchsafe, { vault, keystore })).toMatch(/^Alice \(verified\) shared Passport: X1234567(, with a scan)?$/);
});
