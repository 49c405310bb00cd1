import { Vouchsafe } from "./node_modules/vouchsafe/index.js";
import { flow } from "./flow.js";

const services = Object.fromEntries(new URLSearchParams(location.search));
const seen = flow(Vouchsafe, services).catch(String);

onconnect = async ({ ports: [port] }) => port.postMessage(await seen);
