// The steps of the protocol for the page's readers: what happens, what is sent, and who can read it. `number` is the one that
// `onStep` reports; it may stand for the answer, too. Steps that have no number in the protocol's document have a letter. In the
// texts User 1 and User 2 stand for the people.

const ONE = "one";
const KEYSTORE = "keystore";
const VAULT = "vault";
const TWO = "two";
/** Somebody without an account, who stands where User 2 stands. */
export const READER = "reader";

/** The four who take part, in the order in which they stand. `person`: the name is said where somebody is known. */
export const PARTIES = [
  { id: ONE, name: "User 1", person: true },
  { id: KEYSTORE, name: "Keystore", person: false },
  { id: VAULT, name: "Vault", person: false },
  { id: TWO, name: "User 2", person: true },
];

const inside = (number, at, what, sent) => ({ number, label: String(number), from: at, to: at, what, sent });
const asked = (number, label, from, to, what, sent) => ({ number, label, from, to, what, sent });

/** The parts, with their steps. What followed an old run of a part, the parts that `then` names, does not follow a new one. */
export const STORY = [
  {
    id: "invite",
    name: "Invite",
    title: "User 1 invites User 2",
    then: ["accept", "share", "read", "revoke"],
    steps: [
      inside(1, ONE, "Make the key pairs for this connection", "Nothing is sent. One pair is RSA, one withstands quantum computers. The private keys exist in this tab alone."),
      inside(2, ONE, "Lock the private key", "Nothing is sent yet. The lock is the account’s own key (KEK), which never leaves the tab."),
      asked(3, "3–4", ONE, KEYSTORE, "Store the locked private key", "Ciphertext, with a locked note about the invitation. Only User 1 can open either; the Keystore cannot."),
      asked(5, "5–6", ONE, VAULT, "Publish the public key", "A public key, signed. Everybody may read it: it can lock things for User 1, and open nothing."),
      asked(7, "7–9", ONE, VAULT, "Create the invitation", "The Vault reads that there is an invitation, until when, and where a mail goes. Of a link’s secret it gets a fingerprint alone."),
    ],
  },
  {
    id: "accept",
    name: "Accept",
    title: "User 2 accepts",
    then: ["share", "read", "revoke"],
    steps: [
      asked(10, "10", TWO, VAULT, "Open the invitation", "The invitation’s token. Back comes User 1’s public key; a link names its fingerprint, and any other key is refused here."),
      inside(11, TWO, "Make the key pairs for this connection", "Nothing is sent. One pair is RSA, one withstands quantum computers. The private keys exist in this tab alone."),
      inside(12, TWO, "Lock the private key", "Nothing is sent yet. The lock is User 2’s own KEK."),
      asked(13, "13–14", TWO, KEYSTORE, "Store the locked private key", "Ciphertext, with a locked note that pins User 1’s keys. Only User 2 can open either."),
      asked(15, "15–16", TWO, VAULT, "Publish the public key", "A public key, signed. Everybody may read it."),
      asked(17, "17–18", TWO, VAULT, "Create the connection", "The token and, for a link, a proof that only its holder can make. The Vault reads who is now connected with whom."),
    ],
  },
  {
    id: "share",
    name: "Share",
    title: "User 1 shares a card, or changes one",
    then: ["read", "revoke"],
    steps: [
      asked(19, "19–22", ONE, VAULT, "Fetch the card and the connection", "User 1’s own card as ciphertext, and User 2’s public key, which is compared with the pinned one. The Keystore tells whether User 2 has the card already."),
      inside(23, ONE, "Make a key for this share alone (DEK)", "Nothing is sent. Every share has a key of its own."),
      inside(24, ONE, "Lock it with User 1’s own key (KEK)", "Nothing is sent yet. This copy is for User 1."),
      inside(25, ONE, "Lock it with User 2’s public key, too", "Nothing is sent yet. Only User 2’s private key opens this copy."),
      asked(26, "26–27", ONE, KEYSTORE, "Store both copies: the encryption space", "Two locked copies of the DEK. Each person gets only theirs; the Keystore can open neither. Beside them, locked for User 1 alone: which card it is, and which of its fields. A change renews that note alone."),
      inside(30, ONE, "Sign the card and encrypt it with that key", "Nothing is sent yet. The signature and the number of the edition are inside: the servers cannot make up either."),
      asked(31, "28–29, 31–32", ONE, VAULT, "Store the encrypted card: the share", "The card as ciphertext, and with each change a new edition in its place. The Vault reads from whom, for whom, until when, which edition, and about how long it is."),
    ],
  },
  {
    id: "read",
    name: "Read",
    title: "User 2 reads it",
    then: ["revoke"],
    steps: [
      asked(33, "33–34", TWO, VAULT, "List what is shared", "The share, still as ciphertext."),
      asked(35, "35–36", TWO, VAULT, "Fetch the connection", "User 1’s public keys, compared with the pinned ones."),
      asked(37, "37–38", TWO, KEYSTORE, "Fetch the locked key (DEK)", "User 2’s copy, which only User 2’s private key opens."),
      inside(39, TWO, "Unlock it with the private key", "Nothing is sent. The DEK exists in this tab alone."),
      asked(40, "40–42", TWO, KEYSTORE, "Lock it with User 2’s own key: the claim", "The DEK under User 2’s KEK. Next time no private key is needed."),
      inside(43, TWO, "Decrypt the card and check the signature", "Nothing is sent. What User 1 did not sign is not shown, and no edition older than one that was seen here. Then the Vault is told which edition was read: the receipt."),
    ],
  },
  {
    id: "link",
    name: "Link",
    title: "User 1 makes a link, or changes its card",
    then: ["open", "revoke"],
    steps: [
      asked("a", "a", ONE, VAULT, "Fetch the card", "User 1’s own card, as ciphertext."),
      inside("b", ONE, "Make the link’s secret and its keys", "Nothing is sent. The secret stands in the link behind the #, which no browser sends to a server. The card’s key (DEK) follows from it and from the passphrase, if there is one."),
      inside("c", ONE, "Sign the card and encrypt it with that key", "Nothing is sent yet. The signing key is made for this link alone, so the card does not tell who made it; the link names its fingerprint."),
      asked("d", "d", ONE, KEYSTORE, "Store the locked secret and key", "Ciphertext, for User 1 alone: so the link can be shown again, and follows the card. The Keystore can open nothing of it."),
      asked("e", "e", ONE, VAULT, "Store the encrypted card", "The card as ciphertext, and with each change a new edition in its place. The Vault reads until when and how often it can be opened, and whether there is a passphrase; of the secret it gets fingerprints alone."),
    ],
  },
  {
    id: "open",
    name: "Open",
    title: "Somebody opens it, without an account",
    then: [],
    steps: [
      asked("f", "f", READER, VAULT, "Ask what the link needs", "A token made of the link’s secret, but not the secret. Back comes whether there is a passphrase."),
      inside("g", READER, "Make the card’s key (DEK)", "Nothing is sent. It follows from the secret in the link, and from the passphrase, if there is one."),
      asked("h", "h", READER, VAULT, "Fetch the encrypted card", "Two tokens: only who has the link and its passphrase can make both. The Vault counts the opening, and reads nothing. Ten wrong passphrases close the link."),
      inside("i", READER, "Decrypt the card and check the signature", "Nothing is sent. The link names the key that must have signed it: a card that a server puts in its place is not shown. Nothing is kept."),
    ],
  },
  {
    id: "revoke",
    name: "Revoke",
    title: "User 1 takes a share or a link back",
    then: [],
    steps: [
      asked("j", "j", ONE, KEYSTORE, "Delete every copy of the key (DEK)", "Only which one. The Keystore erases all copies of it, those of both people."),
      asked("k", "k", ONE, VAULT, "Delete the encrypted card", "Only which one. The Vault erases the ciphertext. What was read cannot be unread."),
    ],
  },
];

/** Every step by its number or letter. */
export const STEPS = new Map(STORY.flatMap((part) => part.steps.map((step) => [step.number, { ...step, part: part.id }])));
