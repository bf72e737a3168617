import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { proto } from '@whiskeysockets/baileys'
import { verifySignature } from 'libsignal/src/curve.js'
import { expect, test } from 'vitest'
import { issueChain } from '../src/noise/certificates.ts'
import { completeDevice, sealDevice, signDevice, signKeyIndexes } from '../src/signal/adv.ts'
import { Store } from '../src/state/database.ts'
import { Random } from '../src/state/random.ts'
import { loadServerKeys, newPair } from '../src/state/server-keys.ts'
import { Accounts } from '../src/world/accounts.ts'
import { Bundles } from '../src/world/bundles.ts'
import { Devices } from '../src/world/devices.ts'

// libsignal's check returns its answer; the client's does not, so a chat that works proves nothing about signatures.
const typed = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key])
const random = new Random()
const verifies = (key: Uint8Array, message: Uint8Array, signature: Uint8Array | null | undefined) =>
  verifySignature(typed(key), Buffer.from(message), Buffer.from(signature ?? []))

test('the chain verifies from the root down to the key of the handshake', () => {
  const [root, intermediate, server] = [newPair(), newPair(), newPair()]
  const chain = proto.CertChain.decode(issueChain({ root, intermediate }, server.public))
  const { Details } = proto.CertChain.NoiseCertificate
  const upper = chain.intermediate?.details ?? Buffer.alloc(0)
  const lower = chain.leaf?.details ?? Buffer.alloc(0)
  expect(chain.intermediate?.signature).toHaveLength(64)
  expect(chain.leaf?.signature).toHaveLength(64)
  expect(verifies(root.public, upper, chain.intermediate?.signature)).toBe(true)
  expect(verifies(intermediate.public, lower, chain.leaf?.signature)).toBe(true)
  expect(verifies(newPair().public, upper, chain.intermediate?.signature)).toBe(false)

  const [issuer, leaf] = [Details.decode(upper), Details.decode(lower)]
  expect(issuer.issuerSerial).toBe(0)
  expect(leaf.issuerSerial).toBe(issuer.serial)
  expect(Buffer.from(issuer.key ?? [])).toEqual(intermediate.public)
  expect(Buffer.from(leaf.key ?? [])).toEqual(server.public)
  const now = Date.now() / 1000
  for (const { notBefore, notAfter } of [issuer, leaf]) {
    expect(Number(notBefore)).toBeLessThan(now)
    expect(Number(notAfter)).toBeGreaterThan(now)
  }
})

test('the keys of the server outlive a restart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const file = join(folder, 'network.db')
  const first = new Store(file)
  const before = loadServerKeys(first, random)
  first.close()
  const second = new Store(file)
  const after = loadServerKeys(second, random)
  second.close()
  rmSync(folder, { recursive: true })
  expect(after.root).toEqual(before.root)
  expect(after.noise).toEqual(before.noise)
})

test('the signed pre-key of a phone is signed by its identity', () => {
  const store = new Store(undefined)
  const accounts = new Accounts(store, random)
  accounts.ensure('15550001001', 'phone')
  const bundle = new Bundles(store, accounts, new Devices(store), random).take('15550001001', 0)
  store.close()
  if (!bundle) throw new Error('the phone has no keys')
  const { identityKey, signedPreKey } = bundle
  expect(verifies(identityKey, typed(signedPreKey.value), signedPreKey.signature)).toBe(true)
  expect(verifies(identityKey, typed(identityKey), signedPreKey.signature)).toBe(false)
})

test('a link is signed by the phone, sealed for the companion, and complete only with the companion’s signature', () => {
  const store = new Store(undefined)
  const account = new Accounts(store, random).ensure('15550001001', 'phone')
  const companion = newPair()
  const half = signDevice(account, companion.public, 3, 1_700_000_000)
  const signed = Buffer.concat([Buffer.from([6, 0]), half.details, companion.public])
  expect(verifies(account.identity.key.public, signed, half.accountSignature)).toBe(true)
  const sealed = proto.ADVSignedDeviceIdentityHMAC.decode(sealDevice(account, half, Buffer.alloc(32, 7)))
  expect(sealed.hmac).toHaveLength(32)
  const forged = proto.ADVSignedDeviceIdentity.encode({ ...half, deviceSignature: Buffer.alloc(64, 1) }).finish()
  expect(completeDevice(account, half, companion.public, Buffer.from(forged))).toBeUndefined()
  store.close()
})

test('the list of companions is signed, and names the current index', () => {
  const store = new Store(undefined)
  const account = new Accounts(store, random).ensure('15550001001', 'phone')
  const list = proto.ADVSignedKeyIndexList.decode(signKeyIndexes(account, [], 1_700_000_000))
  const details = list.details ?? Buffer.alloc(0)
  const signed = Buffer.concat([Buffer.from([6, 2]), details])
  expect(verifies(account.identity.key.public, signed, list.accountSignature)).toBe(true)
  expect(proto.ADVKeyIndexList.decode(details).rawId).toBe(account.identity.rawId)
  store.close()
})
