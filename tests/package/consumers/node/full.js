import { Vouchsafe } from "vouchsafe/full";
import { flow } from "./flow.js";

const [vault, keystore] = process.argv.slice(2);
console.log(await flow(Vouchsafe, { vault, keystore, engine: "rust" }));
