// Read the plaintexts of `account.json`, once, after `tests/native/record_account.rs` had recorded it: with `jose` and the
// recovery keys, and with nothing of ours. Argument: the file, which gets `plaintexts`.

import { hkdfSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { base64url, compactDecrypt } from "jose";

const [file] = process.argv.slice(2);
const recorded = JSON.parse(readFileSync(file, "utf8"));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The JSON that a record holds, without the spaces after it; `key` are 32 bytes. */
async function open(jwe, key) {
  const { plaintext } = await compactDecrypt(jwe, key);
  return utf8.decode(plaintext).trimEnd();
}

const payload = (jws) => utf8.decode(base64url.decode(jws.split(".")[1])).trimEnd();
const raw = (jwk) => base64url.decode(JSON.parse(jwk).k);

/** The key that a written recovery key gives for the KEK. */
function wrapping(written) {
  const letters = [...written.replaceAll("-", "")].map((letter) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(letter));
  const bits = letters.map((value) => value.toString(2).padStart(5, "0")).join("");
  const bytes = Uint8Array.from(bits.match(/.{8}/g), (byte) => parseInt(byte, 2));
  return new Uint8Array(hkdfSync("sha256", bytes.subarray(0, 32), "", "vouchsafe/1 kek recovery", 32));
}

async function person({ recoveryKey, kekRecovery, vaultKey, signingKey, entry, pendingEntry }) {
  const kek = await open(kekRecovery, wrapping(recoveryKey));
  const opened = { kek, vaultKey: await open(vaultKey, raw(kek)), signingKey: await open(signingKey, raw(kek)) };
  for (const [name, { key, note } = {}] of Object.entries({ entry, pendingEntry })) {
    if (key !== undefined) opened[name] = { key: await open(key, raw(kek)), note: await open(note, raw(opened.vaultKey)) };
  }
  return opened;
}

const [alice, bob] = [await person(recorded.alice), await person(recorded.bob)];
const dek = await open(recorded.share.own, raw(alice.kek));
recorded.plaintexts = {
  alice,
  bob,
  card: await open(recorded.card.card, raw(alice.vaultKey)),
  dek,
  share: payload(await open(recorded.share.share, raw(dek))),
  inviter: payload(recorded.connection.inviter.statement),
  invitee: payload(recorded.connection.invitee.statement),
};
writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
