// A stranger opens the share of docs/protocol.md with `jose`, `hpke` and WebCrypto. All that it knows stands in that page, whose sections are named in
// quotation marks; nothing of ours is called. Arguments: the page, and the file of the records that are too long for it.

import { readFileSync } from 'node:fs'
import { KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'
import { AEAD_AES_256_GCM, CipherSuite } from 'hpke'
import { base64url, calculateJwkThumbprint, compactDecrypt, compactVerify, importJWK } from 'jose'

const { subtle } = globalThis.crypto
const [pagePath, recordsPath] = process.argv.slice(2)
const page = readFileSync(pagePath, 'utf8')
const records = JSON.parse(readFileSync(recordsPath, 'utf8'))

const ascii = new TextEncoder()
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ensure = (holds, what) => {
  if (!holds) throw new Error(`refused: ${what}`)
}

// "A worked example": blocks that begin with a place, lines joined with nothing between.
const shown = new Map()
const example = page.slice(page.indexOf('## A worked example'))
for (const [, place, lines] of example.matchAll(/```text\n([\w.]+) =\n([^`]*)\n```/g)) shown.set(place, lines.replaceAll('\n', ''))
const onPage = place => {
  ensure(shown.has(place), `the page shows no ${place}`)
  return shown.get(place)
}
const inFile = place => place.split('.').reduce((record, name) => record[name], records)
const says = text => ensure(example.includes(text), `the page does not say ${text}`)

// "Notation"
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const rawId = id => {
  ensure(ID.test(id), 'an id')
  return Uint8Array.from(id.replaceAll('-', '').match(/../g), pair => parseInt(pair, 16))
}
const bytes = (text, length) => {
  const decoded = base64url.decode(text)
  ensure(base64url.encode(decoded) === text, 'base64url that is not canonical')
  ensure(length === undefined || decoded.length === length, `${length} bytes`)
  return decoded
}
const concat = (...parts) => new Uint8Array(parts.flatMap(part => [...part]))
const sha = async (bits, data) => new Uint8Array(await subtle.digest(`SHA-${bits}`, data))
const same = (one, other) => one.length === other.length && one.every((byte, i) => byte === other[i])

// "Keys"
async function derive (secret, info, length = 32, salt = new Uint8Array()) {
  const key = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  const how = { name: 'HKDF', hash: 'SHA-256', salt, info: ascii.encode(info) }
  return new Uint8Array(await subtle.deriveBits(how, key, length * 8))
}

async function readRecoveryKey (written) {
  const letters = written.toUpperCase().replace(/[- ]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  ensure(letters.length === 56, 'a recovery key of 56 characters')
  const values = [...letters].map(letter => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(letter))
  ensure(!values.includes(-1), 'a character of a recovery key')
  const bits = values.map(value => value.toString(2).padStart(5, '0')).join('')
  const all = Uint8Array.from(bits.match(/.{8}/g), byte => parseInt(byte, 2))
  const key = all.slice(0, 32)
  const sum = await sha(256, concat(ascii.encode('vouchsafe/1 recovery key'), key))
  ensure(same(all.slice(32), sum.slice(0, 3)), 'the checksum of a recovery key')
  return key
}

const aesKey = async raw => {
  const jwk = { k: base64url.encode(raw), kty: 'oct' }
  return { raw, kid: await calculateJwkThumbprint(jwk) }
}

// "Envelopes": the one header that can stand there is built and compared, before a key is touched.
const header = members => base64url.encode(ascii.encode(JSON.stringify(members)))

async function openDir (jwe, typ, ctx, { kid, raw: key }) {
  const parts = jwe.split('.')
  ensure(parts.length === 5, 'five parts')
  const [head, wrapped, iv, ciphertext, tag] = parts
  ensure(head === header({ alg: 'dir', enc: 'A256GCM', typ, kid, ctx: ctx.join('/') }), `the header of ${typ}`)
  bytes(wrapped, 0)
  bytes(iv, 12)
  bytes(ciphertext)
  bytes(tag, 16)
  // `jose` takes the ASCII of the first part for additional data (RFC 7516), as the page says.
  return (await compactDecrypt(jwe, key)).plaintext
}

// The one header is built from what is expected and the `psk_id` that is there.
const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_SHAKE256, AEAD_AES_256_GCM)
const oaep = { name: 'RSA-OAEP', hash: 'SHA-256' }

async function openHpke (jwe, typ, ctx, { kid, rsa, xwing }) {
  const parts = jwe.split('.')
  ensure(parts.length === 5, 'five parts')
  const [head, enc, iv, ciphertext, tag] = parts
  const [, named] = new TextDecoder().decode(bytes(head)).match(/"psk_id":"([\w-]*)"/) ?? ['', '']
  const pskId = bytes(named, 384)
  ensure(head === header({ alg: 'HPKE-9', typ, kid, psk_id: named, ctx: ctx.join('/') }), `the header of ${typ}`)
  ensure(iv === '' && tag === '', 'no IV and no tag')
  const [encapsulated, sealed] = [bytes(enc, 1120), bytes(ciphertext)]
  try {
    const psk = new Uint8Array(await subtle.decrypt(oaep, rsa, pskId))
    ensure(psk.length === 32, 'a PSK of 32 bytes')
    const key = await suite.DeserializePrivateKey(xwing)
    return await suite.Open(key, encapsulated, sealed, { aad: ascii.encode(head), psk, pskId })
  } catch {
    throw new Error(`refused: ${typ}`)
  }
}

async function verifyJws (jws, typ, jwk) {
  const parts = jws.split('.')
  ensure(parts.length === 3, 'three parts')
  const kid = await calculateJwkThumbprint(jwk)
  ensure(parts[0] === header({ alg: 'EdDSA', typ, kid }), `the header of ${typ}`)
  bytes(parts[2], 64)
  const signed = ascii.encode(`${parts[0]}.${parts[1]}`)
  const raw = await subtle.importKey('raw', bytes(jwk.x, 32), 'Ed25519', false, ['verify'])
  ensure(await subtle.verify('Ed25519', raw, bytes(parts[2]), signed), 'the signature, by WebCrypto')
  const { payload } = await compactVerify(jws, await importJWK(jwk, 'EdDSA'))
  ensure(same(payload, bytes(parts[1])), 'the payload')
  return payload
}

// "Plaintexts"
function readJson (plaintext, shape) {
  const text = utf8.decode(plaintext)
  let value
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('refused: JSON')
  }
  ensure(JSON.stringify(value) === text, 'JSON in its one form')
  hasShape(value, shape)
  return value
}
function hasShape (value, shape) {
  if (Array.isArray(shape)) return value.forEach(item => hasShape(item, shape[0]))
  if (shape === null || typeof shape !== 'object') return
  ensure(value !== null && Object.keys(value).join() === Object.keys(shape).join(), `the members ${Object.keys(shape)}`)
  for (const name of Object.keys(shape)) hasShape(value[name], shape[name])
}
function readPadded (plaintext, largest, shape) {
  let end = plaintext.length
  while (end > 0 && plaintext[end - 1] === 0x20) end -= 1
  let padded = 512
  while (padded < end) padded *= 2
  ensure(plaintext.length === padded && padded <= largest, 'padding')
  return readJson(plaintext.slice(0, end), shape)
}
const any = null
const OCT = { k: any, kty: any }
const PRIVATE_OKP = { crv: any, d: any, kty: any, x: any }
const PUBLIC_OKP = { crv: any, kty: any, x: any }
const RSA = { d: any, dp: any, dq: any, e: any, kty: any, n: any, p: any, q: any, qi: any }
const CONNECTION_KEY = { rsa: RSA, xwing: any }
const CARD = { label: any, fields: [{ name: any, label: any, value: any }] }
const PARTY = { account: any, signingKey: any }
const CONTENT = { share: any, connection: any, space: any, from: PARTY, to: PARTY, dek: any, card: CARD, madeAt: any, expiresAt: any }
const CARD_2 = { label: any, kind: any, data: any, fields: [{ name: any, label: any, value: any }] }
const CONTENT_2 = {
  share: any, connection: any, space: any, from: PARTY, to: PARTY, dek: any, edition: any, ref: any, card: CARD_2, madeAt: any, expiresAt: any
}
const SENT = {
  version: any, edition: any, card: any, cardVersion: any, shown: any, fields: any, live: any, expiresAt: any, acceptUnverified: any, ref: any,
  link: any
}
const LINK_CONTENT = {
  share: any, edition: any, key: PUBLIC_OKP, dek: any, name: any, card: CARD_2, madeAt: any, expiresAt: any, maxReads: any
}
const SENT_LINK = { maxReads: any, name: any, secret: any, signingKey: PRIVATE_OKP }
const STATEMENT = { account: any, invitation: any, role: any, key: any }
const PIN = { account: any, signingKey: PUBLIC_OKP, connectionKey: any, xwing: any }
const NOTE = {
  version: any, state: any, role: any, delivery: any, secret: any, inviter: any, ownKey: any, pin: PIN, verifiedBy: any, name: any, createdAt: any
}

async function readOct (plaintext) {
  const { k, kty } = readJson(plaintext, OCT)
  ensure(kty === 'oct', 'a symmetric key')
  return aesKey(bytes(k, 32))
}

// "People and pins"
async function connectionKeyId ({ e, kty, n }, xwing) {
  const thumbprint = bytes(await calculateJwkThumbprint({ e, kty, n }), 32)
  return base64url.encode(await sha(256, concat(ascii.encode('vouchsafe/1 connection key'), thumbprint, xwing)))
}

// FIPS 203, section 7.2: 1184 bytes, of which the first 1152 hold 768 numbers of 12 bits below 3329.
function checkXwing (key) {
  for (let at = 0; at < 1152; at += 3) {
    const [one, two, three] = key.slice(at, at + 3)
    ensure((one | (two & 15) << 8) < 3329 && (two >> 4 | three << 4) < 3329, 'an encapsulation key')
  }
}

async function checkPublication ({ id, spki, xwing, signingKey, statement }, account, invitation, role) {
  hasShape(signingKey, PUBLIC_OKP)
  const said = readJson(await verifyJws(statement, 'vs-keys', signingKey), STATEMENT)
  const rsa = await subtle.exportKey('jwk', await subtle.importKey('spki', bytes(spki, 422), oaep, true, ['encrypt']))
  ensure(rsa.e === 'AQAB' && bytes(rsa.n, 384)[0] >= 0x80, '3072 bits and exponent 65537')
  checkXwing(bytes(xwing, 1216))
  const key = await connectionKeyId(rsa, bytes(xwing))
  const expected = JSON.stringify({ account, invitation, role, key })
  ensure(JSON.stringify(said) === expected && id === key, `the statement of the ${role}`)
  return key
}

function readLink (link, kind = 'l') {
  ensure(link.length <= 4096, 'a link of 4096 bytes')
  const parts = link.trim().split('#').pop().split('.')
  ensure(parts.length === 5 && parts[0] === 'vouchsafe=1' && parts[1] === kind, 'a link')
  const [invitation, thumbprint, secret] = parts.slice(2)
  rawId(invitation)
  bytes(thumbprint, 32)
  return { invitation, thumbprint, secret: bytes(secret, 16) }
}

async function proofOf (secret, invitation, sides) {
  const raw = await derive(secret, 'vouchsafe/1 accept')
  const key = await subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const parts = sides.flatMap(side => [rawId(side.account), bytes(side.signingKid, 32), bytes(side.connectionKid, 32)])
  const message = concat(rawId(invitation), ...parts)
  ensure(message.length === 176, '176 bytes under the proof')
  return base64url.encode(new Uint8Array(await subtle.sign('HMAC', key, message)))
}

async function safetyNumberOf (sides) {
  const sorted = [...sides].sort((one, other) => one.account < other.account ? -1 : 1)
  const parts = sorted.flatMap(side => [rawId(side.account), bytes(side.signingRaw, 32)])
  const digest = await sha(512, concat(ascii.encode('vouchsafe/1 safety'), ...parts))
  const groups = []
  for (let at = 0; at < 60; at += 5) {
    const number = digest.slice(at, at + 5).reduce((sum, byte) => sum * 256 + byte, 0)
    groups.push(String(number % 100000).padStart(5, '0'))
  }
  return groups.join(' ')
}

// Step 1: from the written key to the KEK.
const account = onPage('bob.account')
const recoveryKey = await readRecoveryKey(onPage('bob.recoveryKey'))
const wrapping = await aesKey(await derive(recoveryKey, 'vouchsafe/1 kek recovery'))
says(wrapping.kid)
says(JSON.stringify({ alg: 'dir', enc: 'A256GCM', typ: 'vs-kek', kid: wrapping.kid, ctx: `${account}/recovery` }))
const kekJwk = await openDir(onPage('bob.kekRecovery'), 'vs-kek', [account, 'recovery'], wrapping)
ensure(utf8.decode(kekJwk) === onPage('plaintexts.bob.kek'), 'the KEK of the page')
const kek = await readOct(kekJwk)
says(kek.kid)
const auth = await derive(recoveryKey, 'vouchsafe/1 recovery auth')
ensure(base64url.encode(await sha(256, auth)) === inFile('bob.recoveryVerifier'), 'the recovery verifier')
// The other way to it.
const exported = await derive(bytes(inFile('bob.signIn.exportKey'), 64), 'vouchsafe/1 kek passphrase')
const again = await openDir(inFile('bob.kekPassphrase'), 'vs-kek', [account, 'passphrase', '1'], await aesKey(exported))
ensure(same(again, kekJwk), 'one KEK under both')
const vaultJwk = await openDir(onPage('bob.vaultKey'), 'vs-key', [account, 'vault'], kek)
ensure(utf8.decode(vaultJwk) === onPage('plaintexts.bob.vaultKey'), 'the vault key of the page')
const vaultKey = await readOct(vaultJwk)
const own = readJson(await openDir(inFile('bob.signingKey'), 'vs-key', [account, 'signing'], kek), PRIVATE_OKP)
const ownKid = await calculateJwkThumbprint(own)

// Step 2: the note, the link, and who Alice is.
const connection = onPage('connection.id')
const notePlain = await openDir(onPage('bob.entry.note'), 'vs-note.2', [account, connection], vaultKey)
ensure(notePlain.length === 4096, 'a note of 4096 bytes')
const note = readPadded(notePlain, 16 * 1024, NOTE)
says(JSON.stringify(note).slice(0, 102))
says(note.ownKey)
const { pin } = note
says(pin.account)
const pinKid = await calculateJwkThumbprint(pin.signingKey)
says(pinKid)
ensure(JSON.stringify(pin.signingKey) === onPage('connection.inviter.signingKey'), "Alice's key of the page")
const published = { ...inFile('connection.inviter'), statement: onPage('connection.inviter.statement') }
const aliceKid = await checkPublication(published, pin.account, connection, 'inviter')
ensure(published.spki === pin.connectionKey && published.xwing === pin.xwing, 'the pinned connection key')
const bobKid = await checkPublication(inFile('connection.invitee'), account, connection, 'invitee')
ensure(bobKid === note.ownKey, "Bob's own connection key")
const link = readLink(onPage('connection.link'))
ensure(link.invitation === connection && link.thumbprint === pinKid && note.inviter === pinKid, 'the link names Alice')
ensure(note.secret === base64url.encode(link.secret) && note.verifiedBy === 'link', 'verified by the link')
const token = await derive(link.secret, 'vouchsafe/1 invitation token', 16)
ensure(base64url.encode(await sha(256, token)) === onPage('connection.tokenHash'), 'the hash of the token')
const sides = [
  { account: pin.account, signingKid: pinKid, signingRaw: pin.signingKey.x, connectionKid: aliceKid },
  { account, signingKid: ownKid, signingRaw: own.x, connectionKid: bobKid }
]
ensure(await proofOf(link.secret, connection, sides) === onPage('connection.proof'), 'the proof')
ensure(await safetyNumberOf(sides) === onPage('connection.safetyNumber'), 'the safety number')

// Step 3: the private keys and the DEK.
const keyPlain = await openDir(onPage('bob.entry.key'), 'vs-key', [account, 'connection', note.ownKey], kek)
const privateKeys = readJson(keyPlain, CONNECTION_KEY)
const xwing = bytes(privateKeys.xwing, 32)
// An X-Wing key pair follows from its seed; that the public half is the published one shows when the DEK opens.
const publishedXwing = bytes(inFile('connection.invitee').xwing)
ensure(await connectionKeyId(privateKeys.rsa, publishedXwing) === note.ownKey, 'the private keys are those of the note')
const rsa = await subtle.importKey('jwk', privateKeys.rsa, oaep, false, ['decrypt'])
const [space, share] = [onPage('share.space'), onPage('share.id')]
const place = [pin.account, account, connection, space, share]
const dekJwk = await openHpke(onPage('share.peer'), 'vs-dek', place, { kid: note.ownKey, rsa, xwing })
ensure(utf8.decode(dekJwk) === onPage('plaintexts.dek'), 'the DEK of the page')
const dek = await readOct(dekJwk)
says(dek.kid)
// The claim holds the same.
const claimed = await openDir(inFile('share.claim'), 'vs-claim', [account, connection, space], kek)
ensure(same(claimed, dekJwk), 'one DEK in both')

// Step 4: the card.
const jws = utf8.decode(await openDir(onPage('share.share'), 'vs-share', place, dek))
says(JSON.stringify({ alg: 'EdDSA', typ: 'vs-share-content', kid: pinKid }))
const payload = await verifyJws(jws, 'vs-share-content', pin.signingKey)
ensure(payload.length === 1024, 'a payload of 1024 bytes')
const content = readPadded(payload, 2 * 1024 * 1024, CONTENT)
ensure(JSON.stringify(content) === onPage('plaintexts.share'), 'the content of the page')
const expected = {
  share, connection, space, from: { account: pin.account, signingKey: pinKid }, to: { account, signingKey: ownKid }, dek: dek.kid
}
for (const [name, value] of Object.entries(expected)) {
  ensure(JSON.stringify(content[name]) === JSON.stringify(value), `the signed ${name}`)
}
ensure(content.expiresAt === null || content.expiresAt > Date.now(), 'the expiry')

// Step 5: a later edition of a live share, as its sender sees it.
const live = name => onPage(`live.${name}`)
const [sender, recipient] = ['alice', 'bob'].map(live)
const theirs = ['connection', 'space', 'share'].map(live)
const sendersKey = await readOct(ascii.encode(live('vaultKey')))
const macOf = async (info, ids) => {
  const raw = await derive(sendersKey.raw, info)
  const key = await subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const mac = new Uint8Array(await subtle.sign('HMAC', key, concat(...ids.map(rawId))))
  return base64url.encode(mac.slice(0, 16))
}
ensure(await macOf('vouchsafe/1 card tag', [live('cardId')]) === live('tag'), 'the tag')
ensure(await macOf('vouchsafe/1 card ref', [live('cardId'), live('connection')]) === live('ref'), 'the ref')
const sent = readPadded(await openDir(live('sent.record'), 'vs-sent', [sender, ...theirs], sendersKey), 64 * 1024, SENT)
ensure(JSON.stringify(sent) === live('sent.plaintext'), 'what was shared, of the page')
ensure(sent.card === live('cardId') && sent.ref === live('ref'), 'what was shared, of this card')
const liveDek = await readOct(ascii.encode(live('dek')))
const inside = utf8.decode(await openDir(live('edition.record'), 'vs-share.2', [sender, recipient, ...theirs, sent.edition], liveDek))
const [sendersJwk, recipientsJwk] = ['sender', 'recipient'].map(name => readJson(ascii.encode(live(name)), PUBLIC_OKP))
const [sendersKid, recipientsKid] = await Promise.all([sendersJwk, recipientsJwk].map(jwk => calculateJwkThumbprint(jwk)))
says(JSON.stringify({ alg: 'EdDSA', typ: 'vs-share-content.2', kid: sendersKid }))
const edition = readPadded(await verifyJws(inside, 'vs-share-content.2', sendersJwk), 2 * 1024 * 1024, CONTENT_2)
ensure(JSON.stringify(edition) === live('edition.plaintext'), 'the edition of the page')
const named = {
  share: theirs[2], connection: theirs[0], space: theirs[1], from: { account: sender, signingKey: sendersKid }, to: { account: recipient, signingKey: recipientsKid },
  dek: liveDek.kid, edition: sent.edition, ref: sent.ref, expiresAt: sent.expiresAt
}
for (const [name, value] of Object.entries(named)) {
  ensure(JSON.stringify(edition[name]) === JSON.stringify(value), `the signed ${name} of the edition`)
}
ensure(edition.card.fields.map(field => field.name).join() === sent.fields.join() && edition.card.data === null, 'the chosen fields')
ensure(base64url.encode(await sha(256, ascii.encode(JSON.stringify(edition.card)))) === sent.shown, 'what it shows')

// Step 6: a link to a card. Node.js has no Argon2id, so what the passphrase gives is taken from the page.
const linked = name => onPage(`link.${name}`)
const { invitation: linkId, thumbprint: linkKid, secret: linkSecret } = readLink(linked('link'), 's')
const stretched = bytes(linked('stretched'), 32)
const tokens = [['opening', 'vouchsafe/1 link open', new Uint8Array()], ['reading', 'vouchsafe/1 link read', stretched]]
for (const [name, info, salt] of tokens) {
  const token = await derive(linkSecret, info, 16, salt)
  ensure(base64url.encode(token) === linked(`${name}Token`), `the ${name} token`)
  ensure(base64url.encode(await sha(256, token)) === linked(`${name}Hash`), `the hash of the ${name} token`)
}
const linkKey = await aesKey(await derive(linkSecret, 'vouchsafe/1 link key', 32, stretched))
ensure((await readOct(ascii.encode(linked('key')))).kid === linkKey.kid, 'the key of the link')
const shownJws = utf8.decode(await openDir(linked('edition.record'), 'vs-link', [linkId, 2], linkKey))
const { key: linkJwk } = JSON.parse(utf8.decode(bytes(shownJws.split('.')[1])))
ensure(await calculateJwkThumbprint(linkJwk) === linkKid, 'the thumbprint of the link')
says(JSON.stringify({ alg: 'EdDSA', typ: 'vs-link-content', kid: linkKid }))
const view = readPadded(await verifyJws(shownJws, 'vs-link-content', linkJwk), 2 * 1024 * 1024, LINK_CONTENT)
ensure(JSON.stringify(view) === linked('edition.plaintext'), 'what the link of the page shows')
ensure(view.share === linkId && view.edition === 2 && view.dek === linkKey.kid && view.expiresAt > Date.now(), 'what the link says')
const [maker, makersKek, makersKey] = [linked('account'), ...await Promise.all(['kek', 'vaultKey'].map(name => readOct(ascii.encode(linked(name)))))]
const ownCopy = await openDir(linked('own'), 'vs-own', [maker, 'link', linkId], makersKek)
ensure(utf8.decode(ownCopy) === linked('key'), 'the copy of the maker')
const kept = readPadded(await openDir(linked('sent.record'), 'vs-sent', [maker, 'link', linkId], makersKey), 64 * 1024, SENT)
ensure(JSON.stringify(kept) === linked('sent.plaintext'), 'what the maker shared, of the page')
hasShape(kept.link, SENT_LINK)
ensure(kept.link.secret === base64url.encode(linkSecret) && kept.link.signingKey.x === linkJwk.x, 'what the maker keeps')
ensure(base64url.encode(await sha(256, ascii.encode(JSON.stringify(view.card)))) === kept.shown, 'what the link shows')

process.stdout.write(JSON.stringify({ card: content.card, from: note.name, live: edition, view, shown: [...shown.keys()] }))
