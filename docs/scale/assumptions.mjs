// What the figures on paper assume. Change it and run `node docs/scale/figures.mjs --write`.

export const PEOPLE = 10_000_000;
export const SHARES = 1_000_000_000;

/** Years in which these shares were made. */
export const YEARS = 3;

/** Of one person, on average. A connection has two people, and each published a key for it. */
export const CARDS = 20;
export const CONNECTIONS = 10;

/** The part of the people who come on a day, and what each of them does then. */
export const ACTIVE = 0.2;
export const DAILY = { "sign-in": 0.3, token: 6, card: 0.5, "list page": 12, "share read": 6, "key read": 6 };

/** Devices that are online at the same moment, each with an event stream, as a part of the people who come on a day. */
export const ONLINE = 0.05;

/** Requests at the busiest hour, divided by the mean of a day. */
export const PEAK = 4;

/** Days for which events are kept. */
export const EVENT_DAYS = 30;

/** Copies of each database: the primary, one that takes over at once, one in another place. */
export const COPIES = 3;
/** The part of a disk, and of the processors, that is used when all is well. */
export const FILLED = 0.6;

/** Prices in euros a month, of rented machines and disks: made up, to be replaced by your own. */
export const PRICES = { "processor with 4 GiB": 20, "GB of disk": 0.1, "GB of object store": 0.02 };
/** Days of the write-ahead log and base backups that are kept in the object store. */
export const BACKUP_COPIES = 2;

/** Bytes a second at which a database comes back from its backup, in millions, and the size up to which that is bearable, in GB. */
export const RESTORE_MB_S = 200;
export const NODE_GB = 2000;

/** The quota `shares` of an account (server/src/config.rs). */
export const MOST_SHARES = 20_000;
