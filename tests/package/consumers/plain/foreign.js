import { show } from "./flow.js";

const { Vouchsafe } = await import(new URLSearchParams(location.search).get("package"));
show(Vouchsafe);
