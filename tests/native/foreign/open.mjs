// Opens with JOSE, HPKE and WebCrypto, and nothing of ours, what the client made; and makes what the client has to open.
// JSON on stdin, JSON on stdout.

import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AEAD_AES_256_GCM, CipherSuite } from 'hpke'
import { KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'
import {
  CompactEncrypt, base64url, calculateJwkThumbprint, compactDecrypt, compactVerify, decodeProtectedHeader, importJWK
} from 'jose'

const given = JSON.parse(readFileSync(0, 'utf8'))
const text = new TextDecoder()
const json = bytes => JSON.parse(text.decode(bytes))
const { subtle } = globalThis.crypto
const oaep = { name: 'RSA-OAEP', hash: 'SHA-256' }
const bytes = value => base64url.decode(value)

const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_SHAKE256, AEAD_AES_256_GCM)
const ascii = new TextEncoder()

// `HPKE-9` in PSK mode, whose PSK RSA-OAEP gives.
async function openPeer (rsa) {
  const [header, enc, iv, ciphertext, tag] = given.peer.split('.')
  if (iv !== '' || tag !== '') throw new Error('HPKE has no IV, and its tag is in the ciphertext')
  const protectedHeader = json(bytes(header))
  const pskId = bytes(protectedHeader.psk_id)
  const psk = new Uint8Array(await subtle.decrypt(oaep, rsa, pskId))
  const key = await suite.DeserializePrivateKey(bytes(given.xwingSeed))
  const plaintext = await suite.Open(key, bytes(enc), bytes(ciphertext), { aad: ascii.encode(header), psk, pskId })
  return { protectedHeader, plaintext, pskLength: psk.length, pskIdLength: pskId.length }
}

async function openShare () {
  const fromJwk = await subtle.importKey('jwk', given.connectionJwk, oaep, false, ['decrypt'])
  const fromPkcs8 = await subtle.importKey('pkcs8', bytes(given.connectionPkcs8), oaep, false, ['decrypt'])
  const peer = await openPeer(fromJwk)
  const again = await openPeer(fromPkcs8)
  const dek = json(peer.plaintext)
  const opened = await compactDecrypt(given.share, bytes(dek.k))
  const sender = await importJWK(given.senderJwk, 'EdDSA')
  const verified = await compactVerify(text.decode(opened.plaintext), sender)
  const claim = await compactDecrypt(given.claim, bytes(given.kek.k))
  return {
    sameDek: text.decode(peer.plaintext) === text.decode(again.plaintext),
    claimedDek: text.decode(peer.plaintext) === text.decode(claim.plaintext),
    dekHeader: peer.protectedHeader,
    lengths: [peer.pskLength, peer.pskIdLength],
    shareHeader: opened.protectedHeader,
    contentHeader: verified.protectedHeader,
    payloadLength: verified.payload.length,
    content: json(verified.payload),
    thumbprints: {
      dek: await calculateJwkThumbprint(dek),
      kek: await calculateJwkThumbprint(given.kek),
      sender: await calculateJwkThumbprint(given.senderJwk),
      connection: await connectionId(given.connectionPublicJwk),
      connectionPrivate: await connectionId(given.connectionJwk)
    }
  }
}

// The id of a connection key, from its RSA key and the X-Wing key that was published.
async function connectionId (rsa) {
  const hash = createHash('sha256').update('vouchsafe/1 connection key')
  return hash.update(bytes(await calculateJwkThumbprint(rsa))).update(bytes(given.xwing)).digest('base64url')
}

// Imports each exported form and lets the two halves work on one another.
async function importAll () {
  const done = []
  const xwing = await suite.SerializePublicKey(await suite.DeserializePublicKey(bytes(given.xwing)))
  const { spki, n } = await (async () => {
    const keys = [
      await subtle.importKey('spki', bytes(given.connectionSpki), oaep, true, ['encrypt']),
      await subtle.importKey('jwk', given.connectionPublicJwk, oaep, true, ['encrypt'])
    ]
    const privates = [
      await subtle.importKey('pkcs8', bytes(given.connectionPkcs8), oaep, true, ['decrypt']),
      await subtle.importKey('jwk', given.connectionJwk, oaep, true, ['decrypt'])
    ]
    for (const key of keys) {
      const sealed = await subtle.encrypt(oaep, key, new Uint8Array([1, 2, 3]))
      for (const own of privates) {
        const back = new Uint8Array(await subtle.decrypt(oaep, own, sealed))
        if (back.join() !== '1,2,3') throw new Error('RSA does not come back')
        done.push('rsa')
      }
    }
    return {
      spki: base64url.encode(new Uint8Array(await subtle.exportKey('spki', keys[1]))),
      n: (await subtle.exportKey('jwk', privates[0])).n
    }
  })()
  const message = new Uint8Array([4, 5, 6])
  const signers = [
    await subtle.importKey('pkcs8', bytes(given.signingPkcs8), 'Ed25519', true, ['sign']),
    await subtle.importKey('jwk', given.signingJwk, 'Ed25519', true, ['sign'])
  ]
  const verifiers = [
    await subtle.importKey('raw', bytes(given.signingRaw), 'Ed25519', true, ['verify']),
    await subtle.importKey('spki', bytes(given.signingSpki), 'Ed25519', true, ['verify']),
    await subtle.importKey('jwk', given.senderJwk, 'Ed25519', true, ['verify'])
  ]
  for (const signer of signers) {
    const signature = await subtle.sign('Ed25519', signer, message)
    for (const verifier of verifiers) {
      if (!await subtle.verify('Ed25519', verifier, signature, message)) throw new Error('the signature does not hold')
      done.push('ed25519')
    }
  }
  const aes = [
    await subtle.importKey('raw', bytes(given.kekRaw), 'AES-GCM', true, ['encrypt', 'decrypt']),
    await subtle.importKey('jwk', given.kek, 'AES-GCM', true, ['encrypt', 'decrypt'])
  ]
  const iv = new Uint8Array(12)
  const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, aes[0], message)
  const back = new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv }, aes[1], sealed))
  if (back.join() !== '4,5,6') throw new Error('AES does not come back')
  done.push('aes')
  return { done, spki, n, xwing: base64url.encode(xwing), pkcs8: base64url.encode(new Uint8Array(await subtle.exportKey('pkcs8', signers[1]))) }
}

// Envelopes by jose with this very header, and with the members in another order.
async function make () {
  const dek = new TextEncoder().encode(given.dekText)
  const seal = (header, key) => new CompactEncrypt(dek).setProtectedHeader(header).encrypt(key)
  const turned = header => Object.fromEntries(Object.entries(header).reverse())
  const peerHeader = decodeProtectedHeader(given.peer)
  const claimHeader = decodeProtectedHeader(given.claim)
  const connection = await subtle.importKey('spki', bytes(given.connectionSpki), oaep, false, ['encrypt'])
  const kek = bytes(given.kek.k)
  const xwing = await suite.DeserializePublicKey(bytes(given.xwing))
  const sealPeer = async makeHeader => {
    const psk = globalThis.crypto.getRandomValues(new Uint8Array(32))
    const pskId = new Uint8Array(await subtle.encrypt(oaep, connection, psk))
    const header = base64url.encode(ascii.encode(JSON.stringify(makeHeader(base64url.encode(pskId)))))
    const { encapsulatedSecret, ciphertext } = await suite.Seal(xwing, dek, { aad: ascii.encode(header), psk, pskId })
    return `${header}.${base64url.encode(encapsulatedSecret)}..${base64url.encode(ciphertext)}.`
  }
  return {
    peer: await sealPeer(psk_id => ({ ...peerHeader, psk_id })),
    claim: await seal(claimHeader, kek),
    turnedPeer: await sealPeer(psk_id => turned({ ...peerHeader, psk_id })),
    turnedClaim: await seal(turned(claimHeader), kek),
    barePeer: await sealPeer(psk_id => ({ alg: 'HPKE-9', psk_id })),
    rsaPeer: await seal({ ...claimHeader, alg: 'RSA-OAEP-256', typ: 'vs-dek', kid: peerHeader.kid, ctx: peerHeader.ctx }, connection),
    bareClaim: await seal({ alg: 'dir', enc: 'A256GCM' }, kek)
  }
}

// The acceptance's proof and the safety number, from the protocol's text.
function derive () {
  const { secret, invitation, sides } = given.link
  const raw = id => Buffer.from(id.replaceAll('-', ''), 'hex')
  const hkdf = (info, length) => Buffer.from(hkdfSync('sha256', bytes(secret), Buffer.alloc(0), info, length))
  const mac = createHmac('sha256', hkdf('vouchsafe/1 accept', 32)).update(raw(invitation))
  for (const side of sides) {
    mac.update(raw(side.account)).update(bytes(side.signingKid)).update(bytes(side.connectionKid))
  }
  const sorted = [...sides].sort((a, b) => a.account < b.account ? -1 : 1)
  const hash = createHash('sha512').update('vouchsafe/1 safety')
  for (const side of sorted) hash.update(raw(side.account)).update(bytes(side.signingRaw))
  const digest = hash.digest()
  const groups = Array.from({ length: 12 }, (_, i) => String(digest.readUIntBE(i * 5, 5) % 100000).padStart(5, '0'))
  return {
    proof: mac.digest('base64url'),
    token: hkdf('vouchsafe/1 invitation token', 16).toString('base64url'),
    safetyNumber: groups.join(' ')
  }
}

const result = { opened: await openShare(), imported: await importAll(), made: await make(), derived: derive() }
process.stdout.write(JSON.stringify(result))
