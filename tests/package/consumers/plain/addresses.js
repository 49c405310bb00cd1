import { Vouchsafe } from "./node_modules/vouchsafe/index.js";
import { show } from "./flow.js";

/** Opens apps whose addresses are in part those of `wrong`, and says how a check and a sign-up of each end. */
async function say(Vouchsafe, { wrong, ...services }) {
  const one = async ([option, address]) => {
    const app = await Vouchsafe.open({ ...services, [option]: address });
    const email = `misled.${Math.random().toString(36).slice(2)}@example.com`;
    const calls = [app.check(), app.signUp({ email, passphrase: "a passphrase of nobody" })];
    const told = ({ code, retryable, message, cause }) => `${code} ${retryable} ${message} (${cause?.name}: ${cause?.message})`;
    return (await Promise.all(calls.map((call) => call.then(() => "done", told)))).join("\n");
  };
  return (await Promise.all(JSON.parse(wrong).map(one))).join("\n");
}

show(Vouchsafe, { wrong: new URLSearchParams(location.search).get("wrong") }, say);
