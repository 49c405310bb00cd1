import { Vouchsafe } from "vouchsafe/external";
import wasm from "vouchsafe/vouchsafe_bg.wasm";
import { flow } from "./flow.js";

export default {
  async fetch(request) {
    const services = Object.fromEntries(new URL(request.url).searchParams);
    return new Response(await flow(Vouchsafe, { ...services, wasm }).catch((error) => `${error}, because ${error.cause}`));
  },
};
