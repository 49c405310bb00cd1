// Where each table's rows would lie: the column whose hash decides, and what has to change for it.

/** `by` is the column, `scope` whether a shard has the rows of its accounts (account), of its keys (key), or each all of them (service). */
export const PLAN = {
  vault: {
    accounts: { by: "id", scope: "account" },
    cards: { by: "account", scope: "account" },
    codes: { by: "account", scope: "account" },
    connections: { by: "inviter, invitee", scope: "account", change: "a row for each of the two people" },
    event_counts: { by: "account", scope: "account" },
    events: { by: "account", scope: "account" },
    files: { by: "account", scope: "account" },
    invitations: { by: "inviter", scope: "account", change: "the place of each id, for who accepts" },
    link_reads: { by: "link", scope: "account", change: "the account beside the link" },
    links: { by: "account", scope: "account", change: "the place of each id, for who reads" },
    listings: { by: "file", scope: "account", change: "the account beside the file" },
    outbox: { by: "account", scope: "account" },
    parts: { by: "file", scope: "account", change: "the account beside the file" },
    public_keys: { by: "id", scope: "key" },
    refusals: { by: "mailbox", scope: "key" },
    shares: { by: "recipient", scope: "account", change: "for the sender a row without content" },
    spaces: { by: "id", scope: "account", change: "part of the share's row" },
  },
  keystore: {
    accounts: { by: "id", scope: "account", change: "the place of each address" },
    connection_keys: { by: "account", scope: "account" },
    devices: { by: "account", scope: "account" },
    logins: { by: "hash", scope: "key" },
    registrations: { by: "hash", scope: "key" },
    sessions: { by: "hash", scope: "key", change: "two reads in place of a join" },
    spaces: { by: "sender", scope: "account", change: "a row for the recipient, with the copy and the claim" },
  },
};
