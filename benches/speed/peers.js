// Others that keep what people write closed to servers, as far as they run without a server of theirs: what each opens was sealed by
// itself in this page, and has a text of 256 bytes.

import { random, state } from "./common.js";
import { watched } from "./many.js";

const PEERS = "/peers";

const text = (number) => `${String(number).padStart(5, "0")} ${"She said all of it. ".repeat(13)}`.slice(0, 256);

function expectTexts(found) {
  if (!found.includes(text(found.length - 1))) throw new Error("a text is missing");
  return found;
}

/** `count` things that each of them has sealed. */
export async function beginPeers(count) {
  state.peersOf = { matrix: await beginMatrix(count), bitwarden: await beginBitwarden(count), sentc: await beginSentc(count) };
}

/** Two devices of Matrix that know each other, and the events of a room that one has sent to the other. */
async function beginMatrix(count) {
  const matrix = await import(`${PEERS}/@matrix-org/matrix-sdk-crypto-wasm/index.mjs`);
  await matrix.initAsync();
  const { DecryptionSettings, DeviceId, DeviceLists, EncryptionSettings, OlmMachine, RequestType, RoomId, TrustRequirement, UserId } = matrix;
  const person = async (name) => {
    const user = `@${name}:example.test`;
    const machine = await OlmMachine.initialize(new UserId(user), new DeviceId(name));
    const upload = (await machine.outgoingRequests()).find(({ type }) => type === RequestType.KeysUpload);
    const keys = JSON.parse(upload.body);
    const counts = { one_time_key_counts: { signed_curve25519: Object.keys(keys.one_time_keys).length } };
    await machine.markRequestAsSent(upload.id, upload.type, JSON.stringify(counts));
    return { name, user, machine, keys, id: () => new UserId(user) };
  };
  const [alice, bob] = [await person("alice"), await person("bob")];
  // What a server would answer.
  const answer = ({ machine }, { id, type }, value) => machine.markRequestAsSent(id, type, JSON.stringify(value));
  for (const [one, other] of [[alice, bob], [bob, alice]]) {
    await one.machine.updateTrackedUsers([other.id()]);
    await answer(one, one.machine.queryKeysForUsers([other.id()]), { device_keys: { [other.user]: { [other.name]: other.keys.device_keys } } });
  }
  const [[keyId, key]] = Object.entries(bob.keys.one_time_keys);
  await answer(alice, await alice.machine.getMissingSessions([bob.id()]), { one_time_keys: { [bob.user]: { [bob.name]: { [keyId]: key } } } });

  const room = "!room:example.test";
  const oneKeyForAll = new EncryptionSettings();
  oneKeyForAll.rotationPeriodMessages = BigInt(2 * count);
  const [shared] = await alice.machine.shareRoomKey(new RoomId(room), [bob.id()], oneKeyForAll);
  await answer(alice, shared, {});
  const message = { sender: alice.user, type: "m.room.encrypted", content: JSON.parse(shared.body).messages[bob.user][bob.name] };
  const anybody = () => new DecryptionSettings(TrustRequirement.Untrusted);
  await bob.machine.receiveSyncChanges(JSON.stringify([message]), new DeviceLists(), new Map(), new Set(), anybody());

  const events = [];
  for (let number = 0; number < count; number += 1) {
    const content = await alice.machine.encryptRoomEvent(new RoomId(room), "m.room.message", JSON.stringify({ msgtype: "m.text", body: text(number) }));
    const head = { event_id: `$${number}`, origin_server_ts: Date.now(), sender: alice.user, type: "m.room.encrypted" };
    events.push(JSON.stringify({ ...head, content: JSON.parse(content) }));
  }
  return { events, open: (event) => bob.machine.decryptRoomEvent(event, new RoomId(room), anybody()) };
}

export function watchMatrix() {
  const { events, open } = state.peersOf.matrix;
  return watched(async () => {
    const opened = [];
    for (const event of events) opened.push(JSON.parse((await open(event)).event).content.body);
    return expectTexts(opened);
  });
}

/** A vault of Bitwarden's that is unlocked, and its notes. */
async function beginBitwarden(count) {
  const folder = `${PEERS}/@bitwarden/sdk-internal`;
  const [{ init, ...bitwarden }, glue] = [await import(`${folder}/index.js`), await import(`${folder}/bitwarden_wasm_internal_bg.js`)];
  const { instance } = await WebAssembly.instantiateStreaming(fetch(`${folder}/bitwarden_wasm_internal_bg.wasm`), { "./bitwarden_wasm_internal_bg.js": glue });
  init(instance.exports);
  instance.exports.__wbindgen_start?.();
  const { CipherType, LogLevel, ManagedSettingsClient, PasswordManagerClient, PureCrypto, SecureNoteType, init_sdk: start } = bitwarden;
  start(LogLevel.Error, undefined, 0);
  const key = PureCrypto.make_user_key_aes256_cbc_hmac();
  const client = new PasswordManagerClient({ get_access_token: async () => undefined }, undefined, new ManagedSettingsClient());
  const kept = new Map();
  const memory = { get: async (id) => kept.get(id), list: async () => [...kept.values()], set: async (id, value) => void kept.set(id, value), remove: async (id) => void kept.delete(id) };
  client.platform().state().register_client_managed_repositories({ cipher: null, folder: null, send: null, organization_shared_key: null, local_user_data_key_state: memory });
  await client.crypto().initialize_user_crypto({
    userId: crypto.randomUUID(),
    email: "alice@example.test",
    kdfParams: { pBKDF2: { iterations: 600_000 } },
    accountCryptographicState: { V1: { private_key: PureCrypto.wrap_decapsulation_key(PureCrypto.rsa_generate_keypair(), key) } },
    method: { decryptedKey: { decrypted_user_key: btoa(String.fromCharCode(...key)) } },
  });
  const ciphers = client.vault().ciphers();
  const now = new Date().toISOString();
  const same = { collectionIds: [], name: "A card", type: CipherType.SecureNote, secureNote: { type: SecureNoteType.Generic }, reprompt: 0, creationDate: now, revisionDate: now };
  const flags = { favorite: false, organizationUseTotp: false, edit: true, viewPassword: true };
  const sealed = await ciphers.encrypt_list(Array.from({ length: count }, (_, number) => ({ id: crypto.randomUUID(), notes: text(number), ...same, ...flags })));
  return { ciphers, notes: sealed.map(({ cipher }) => cipher) };
}

export function watchBitwarden() {
  const { ciphers, notes } = state.peersOf.bitwarden;
  return watched(async () => {
    const { successes, failures } = await ciphers.decrypt_list_full_with_failures(notes);
    if (failures.length > 0) throw new Error(`${failures.length} do not open`);
    expectTexts(successes.map(({ notes: opened }) => opened));
    return successes;
  });
}

/** Texts that sentc's module has sealed and signed, with keys in the form in which it takes them. */
async function beginSentc(count) {
  const { default: load, decrypt_string_symmetric: open, encrypt_string_symmetric: seal } = await import(`${PEERS}/sentc_wasm/sentc_wasm.js`);
  await load();
  const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const fromUrl = (part) => part.replaceAll("-", "+").replaceAll("_", "/").padEnd(Math.ceil(part.length / 4) * 4, "=");
  const { d, x } = await crypto.subtle.exportKey("jwk", (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])).privateKey);
  const key = JSON.stringify({ Aes: { key: base64(random(32)), key_id: "key" } });
  const sign = JSON.stringify({ Ed25519: { key: fromUrl(d), key_id: "signer" } });
  const pem = `-----BEGIN PUBLIC KEY-----\n${fromUrl(x)}\n-----END PUBLIC KEY-----\n`;
  const verify = JSON.stringify({ verify_key_id: "signer", verify_key_pem: pem, verify_key_alg: "ED25519" });
  return { texts: Array.from({ length: count }, (_, number) => seal(key, text(number), sign)), open: (sealed) => open(key, sealed, verify) };
}

export function watchSentc() {
  const { texts, open } = state.peersOf.sentc;
  return watched(() => expectTexts(texts.map(open)));
}
