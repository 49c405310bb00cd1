/** A part of a task that leads to a section of the page. */
const at = (section, text) => ({ section, text });

const PERSON = { of: "people", least: 1, text: "This needs a person you are connected with." };

/** The lies that the servers can tell: what to try then, what that `needs`, and which refusal is `meant` for it. */
export const ATTACKS = [
  {
    id: "swap-key-before",
    told: "They show you a false key while you connect.",
    name: "Swap a key while you connect",
    lie: "The Vault shows you its own public key in place of the other person’s, so that it could read along.",
    task: [
      at("People", "Connect with somebody"),
      ". By link, accepting is refused at once. By mail the two of you see different safety numbers, until you disconnect and connect anew.",
    ],
    meant: ({ code }) => code !== "record_rejected",
  },
  {
    id: "swap-key-later",
    told: "They show you another key for the people you know.",
    name: "Swap a key later",
    lie: "You are connected. Now the Vault shows another key for that person.",
    task: [at("People", "Look at your people"), ": the change is seen. Then ", at("Your cards", "try to share a card"), "."],
    needs: PERSON,
    meant: ({ code, unproven }) => code === "peer_key_changed" && !unproven,
  },
  {
    id: "forge-share",
    told: "They made up a share from somebody you know.",
    name: "Forge a share",
    lie: "The servers make up a card, lock it for you as it should be, and say that somebody you know shared it.",
    task: [at("Shared with you", "Read the card that turned up"), " under “Shared with you”."],
    needs: PERSON,
    meant: ({ call, code }) => call === "readShare" && code === "record_rejected",
  },
  {
    id: "swap-records",
    told: "They hand out one record in place of another.",
    name: "Swap two records",
    lie: "The Vault hands out the ciphertext of one of your cards in place of another, and of one of your links.",
    task: [at("Your cards", "Look at your cards"), ", or make two links and open one."],
    needs: { of: "cards", least: 2, text: "This needs two cards." },
    meant: ({ code }) => code === "record_rejected",
  },
  {
    id: "old-edition",
    told: "They hand out what a card said before it was changed.",
    name: "Serve an old edition again",
    lie: "Somebody changed a card that is shared with you, and you have read it. Now the Vault hands out what it said before, as if nothing had happened.",
    task: [at("Shared with you", "Read the card again"), " under “Shared with you”."],
    note: "Only who has seen the newer one can tell. A Vault that never shows it to you keeps you at the old one.",
    needs: { of: "edited", least: 1, text: "This needs a card that was changed after it was shared with you: have the other tab edit one." },
    meant: ({ call, code }) => call === "readShare" && code === "record_rejected",
  },
  {
    id: "swap-files",
    told: "They hand out one file in place of another.",
    name: "Swap two files",
    lie: "The Vault hands out the ciphertext of one of your files in place of another, with the fingerprints that belong to it.",
    task: [at("Your cards", "Download a file"), " of one of your cards, or of one that somebody shared with you."],
    needs: { of: "files", least: 2, text: "This needs two files: add some to your cards, or read a card that has them." },
    meant: ({ call, code }) => call === "blob" && code === "record_rejected",
  },
  {
    id: "take-over-link",
    told: "They say that somebody has accepted your link.",
    name: "Take over an invitation link",
    lie: "The Vault says that somebody accepted your link, with keys of its own, without ever having had the link.",
    task: [at("People", "Make an invitation link"), ", then look at your people."],
    note: "Disconnecting ends the invitation for good; to let the real person in, be honest again first.",
    meant: ({ code }) => code === "peer_key_changed",
  },
];
