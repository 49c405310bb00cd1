// Example people and cards.

const NAMES = ["Robin", "Noor", "Mika", "Sasha", "Amara", "Jun", "Elif", "Tomás", "Priya", "Levi"];
const WORDS = `
  amber anchor basil birch cedar cobalt copper coral cotton delta ember fable fern flint garnet ginger harbour hazel
  indigo iris jasmine juniper kelp lantern lemon linen maple marble meadow mint nectar oasis olive opal orchid paper
  pepper pine poppy quartz raven saffron sage slate sparrow spruce thistle topaz tulip velvet walnut willow
`
  .trim()
  .split(/\s+/);

function choose(from) {
  const [drawn] = crypto.getRandomValues(new Uint32Array(1));
  return from[drawn % from.length];
}

const DRAWN = "vouchsafe-demo-names";

/** The names that the tabs of this browser drew last. */
function drawnNames() {
  try {
    return localStorage.getItem(DRAWN)?.split(" ").slice(1 - NAMES.length) ?? [];
  } catch {
    return [];
  }
}

/** Draws a name that no tab drew of late, so that two tabs are two people. */
function freshName() {
  const drawn = drawnNames();
  const name = choose(NAMES.filter((each) => !drawn.includes(each)));
  try {
    localStorage.setItem(DRAWN, [...drawn, name].slice(1 - NAMES.length).join(" "));
  } catch {
    // Where the browser keeps nothing, a name may come twice.
  }
  return name;
}

/** All passphrases that this tab made. */
const made = new Set();

/** By address, the passphrases of example people, in the memory of this tab alone. */
const known = new Map();

/** Makes an address that nobody has, and a passphrase, to try things out with. */
export function examplePerson() {
  const name = freshName().normalize("NFKD").replace(/[^A-Za-z]/g, "").toLowerCase();
  const [drawn] = crypto.getRandomValues(new Uint32Array(1));
  const passphrase = Array.from({ length: 5 }, () => choose(WORDS)).join(" ");
  made.add(passphrase);
  return { email: `${name}.${drawn.toString(36).slice(0, 4).padStart(4, "0")}@example.test`, passphrase };
}

/** Notes the new passphrase of `email`, unless the person chose it themselves. */
export function notePassphrase(email, passphrase) {
  if (made.has(passphrase)) known.set(email, passphrase);
  else known.delete(email);
}

/** The passphrase of an example person, or `null`. */
export const examplePassphrase = (email) => known.get(email) ?? null;

const line = (label, value) => ({ name: label.toLowerCase().replaceAll(" ", "_"), label, value });

/** Cards to begin with. */
export const SAMPLES = [
  {
    label: "Passport",
    fields: [
      line("Number", "X4R8 221 907"),
      line("Full name", "Robin Example"),
      line("Date of birth", "14 March 1988"),
      line("Valid until", "30 June 2031"),
    ],
  },
  { label: "Wi-Fi at home", fields: [line("Network", "Linden 12"), line("Password", "violet-harbour-58")] },
  {
    label: "In an emergency",
    fields: [line("Call", "Sam, +44 20 7946 0321"), line("Blood group", "0 negative"), line("Allergies", "Penicillin")],
  },
];
