import { Vouchsafe } from "./node_modules/vouchsafe/index.js";
import { show } from "./flow.js";

/** Opens an app whose addresses are in part those of `wrong`, and says how a check and a sign-up end. */
async function say(Vouchsafe, { wrong, ...services }) {
  const said = [];
  for (const [option, address] of JSON.parse(wrong)) {
    const app = await Vouchsafe.open({ ...services, [option]: address });
    const email = `misled.${Math.random().toString(36).slice(2)}@example.com`;
    for (const call of [() => app.check(), () => app.signUp({ email, passphrase: "a passphrase of nobody" })]) {
      said.push(await call().then(() => "done", ({ code, retryable, message, cause }) => `${code} ${retryable} ${message} (${cause?.name}: ${cause?.message})`));
    }
  }
  return said.join("\n");
}

show(Vouchsafe, { wrong: new URLSearchParams(location.search).get("wrong") }, say);
