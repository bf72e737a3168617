import { createHash } from 'node:crypto'
import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { verifySignature } from 'libsignal/src/curve.js'
import { expect, test } from 'vitest'
import { bytesOf, child, children, numberOf } from '../src/stream/nodes.ts'
import { type Client, withEmulator } from './baileys.ts'
import { openServerHello } from './server-hello.ts'

const ALICE = '15550001001'
const BOB = '15550001002'
const MAX = '491234567890'

// A client that gets along proves nothing: Baileys throws the answer of its checks away. These return it.
const typed = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key])
const verifies = (key: Uint8Array, message: Uint8Array, signature: Uint8Array | null | undefined) =>
  signature?.length === 64 && verifySignature(typed(key), Buffer.from(message), Buffer.from(signature))

test('what the server says first proves its key, from the exported root down', () =>
  withEmulator(async (emulator) => {
    const { staticKey, chain } = await openServerHello(emulator.url)
    const { Details } = proto.CertChain.NoiseCertificate
    const [upper, lower] = [chain.intermediate?.details ?? Buffer.alloc(0), chain.leaf?.details ?? Buffer.alloc(0)]
    const [issuer, leaf] = [Details.decode(upper), Details.decode(lower)]
    expect(verifies(emulator.rootPublicKey, upper, chain.intermediate?.signature)).toBe(true)
    expect(verifies(issuer.key ?? Buffer.alloc(32), lower, chain.leaf?.signature)).toBe(true)
    expect(Buffer.from(leaf.key ?? [])).toEqual(staticKey)
    expect(issuer.key).toHaveLength(32)
    expect([issuer.issuerSerial, leaf.issuerSerial]).toEqual([0, issuer.serial])
    const now = Date.now() / 1000
    for (const { notBefore, notAfter } of [issuer, leaf]) {
      expect(Number(notBefore)).toBeLessThan(now)
      expect(Number(notAfter)).toBeGreaterThan(now)
    }
  }))

test('keys, companions and the list of companions are signed by whom they name, in both address spaces', () =>
  withEmulator(async (emulator, client) => {
    const [phone, max] = [emulator.phone(ALICE), emulator.contact(MAX)]
    const first = await client().link(phone)
    const second = await client().link(phone)
    const bob = await client().link(emulator.phone(BOB))
    expect(phone.devices).toEqual([1, 2])
    const lists: BinaryNode[] = []
    bob.sock.ws.on('CB:notification,type:devices', (node: BinaryNode) => lists.push(node))

    for (const [user, server] of [
      [ALICE, 's.whatsapp.net'],
      [phone.lid, 'lid'],
    ]) {
      const jids = [`${user}@${server}`, `${user}:1@${server}`, `${user}:2@${server}`]
      const bundles = await bundlesOf(bob, [...jids, `${max.lid}@lid`])
      expect(bundles.map(({ attrs }) => attrs.jid)).toEqual([...jids, `${max.lid}@lid`])
      for (const bundle of bundles) expect(isSignedPreKey(bundle)).toBe(true)
      const [own, ...companions] = bundles
      const account = bytesOf(child(own, 'identity'))
      const linked = companions.slice(0, 2).map((bundle) => companionIn(bundle, account))
      expect(linked.map(({ keyIndex }) => keyIndex)).toEqual([1, 2])
      const list = keyIndexesIn(await devicesOf(bob, `${user}@${server}`), account)
      expect(list.validIndexes).toEqual([0, 1, 2])
      expect(new Set([list.rawId, ...linked.map(({ rawId }) => rawId)]).size).toBe(1)
    }

    await max.says(ALICE, 'an beide')
    for (const companion of [first, second]) await companion.hears('an beide')
    await first.says(MAX, 'vom ersten')
    await second.until(() => second.messages.find(({ message }) => message?.extendedTextMessage?.text === 'vom ersten'))

    await phone.unlink(1)
    expect(await first.closed()).toBe(401)
    await bob.until(() => lists.length === 2)
    const account = bytesOf(child((await bundlesOf(bob, [`${ALICE}@s.whatsapp.net`]))[0], 'identity'))
    for (const { content } of lists) {
      const [remove] = Array.isArray(content) ? content : []
      expect(keyIndexesIn(remove, account)).toMatchObject({ validIndexes: [0, 2], currentIndex: 2 })
    }
    expect(lists.map(({ attrs }) => attrs.from)).toEqual([`${ALICE}@s.whatsapp.net`, `${phone.lid}@lid`])
    for (const { warnings } of [second, bob]) expect(warnings).toEqual([])
  }))

test('the digest is the hash of what the client has, also after keys were taken', () =>
  withEmulator(
    async (emulator, client) => {
      const alice = await client().link(emulator.phone(ALICE))
      const before = await digestOf(alice)
      expect(before.ids.length).toBeGreaterThan(800)
      await emulator.contact(MAX).says(ALICE, 'nimmt einen Schlüssel')
      await alice.hears('nimmt einen Schlüssel')
      const after = await digestOf(alice)
      expect(after.ids).toHaveLength(before.ids.length - 1)
    },
    { pretendPreKeys: 0 },
  ))

test('a signed pre-key is taken when its identity signed it, and refused otherwise', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const jid = `${ALICE}:1@s.whatsapp.net`
    const [before] = await bundlesOf(alice, [jid])
    const skey = child(before, 'skey')
    const forged = {
      tag: 'skey',
      attrs: {},
      content: [...children(skey, 'id'), ...children(skey, 'signature'), node('value', Buffer.alloc(32, 9))],
    }
    await expect(ask(alice, 'set', 'encrypt', node('rotate', [forged]))).rejects.toThrow('not signed')
    await alice.sock.rotateSignedPreKey()
    const [after] = await bundlesOf(alice, [jid])
    expect(numberOf(child(child(after, 'skey'), 'id'))).toBe(numberOf(child(skey, 'id')) + 1)
    expect(after && isSignedPreKey(after)).toBe(true)
  }))

function node(tag: string, content: BinaryNode[] | Uint8Array, attrs: Record<string, string> = {}): BinaryNode {
  return { tag, attrs, content }
}

async function ask(client: Client, type: string, xmlns: string, content: BinaryNode): Promise<BinaryNode> {
  const attrs = { to: 's.whatsapp.net', type, xmlns, id: client.sock.generateMessageTag() }
  return (await client.sock.query({ tag: 'iq', attrs, content: [content] })) as BinaryNode
}

async function bundlesOf(client: Client, jids: readonly string[]): Promise<BinaryNode[]> {
  const users = jids.map((jid) => ({ tag: 'user', attrs: { jid } }))
  return children(child(await ask(client, 'get', 'encrypt', node('key', users)), 'list'), 'user')
}

async function devicesOf(client: Client, jid: string): Promise<BinaryNode | undefined> {
  const wish = [
    node('query', [{ tag: 'devices', attrs: { version: '2' } }]),
    node('list', [{ tag: 'user', attrs: { jid } }]),
  ]
  const query = node('usync', wish, { context: 'message', mode: 'query', sid: '1', last: 'true', index: '0' })
  const users = child(child(await ask(client, 'get', 'usync', query), 'usync'), 'list')
  return child(child(users, 'user'), 'devices')
}

function isSignedPreKey(bundle: BinaryNode): boolean {
  const skey = child(bundle, 'skey')
  const signed = typed(bytesOf(child(skey, 'value')))
  return verifies(bytesOf(child(bundle, 'identity')), signed, bytesOf(child(skey, 'signature')))
}

/** What the proof beside a companion's bundle says, once both signatures on it are checked. */
function companionIn(bundle: BinaryNode, account: Buffer): proto.ADVDeviceIdentity {
  const proof = proto.ADVSignedDeviceIdentity.decode(bytesOf(child(bundle, 'device-identity')))
  const details = proof.details ?? Buffer.alloc(0)
  const identity = bytesOf(child(bundle, 'identity'))
  expect(Buffer.from(proof.accountSignatureKey ?? [])).toEqual(account)
  const byAccount = Buffer.concat([Buffer.from([6, 0]), details, identity])
  expect(verifies(account, byAccount, proof.accountSignature)).toBe(true)
  const byDevice = Buffer.concat([Buffer.from([6, 1]), details, identity, account])
  expect(verifies(identity, byDevice, proof.deviceSignature)).toBe(true)
  return proto.ADVDeviceIdentity.decode(details)
}

function keyIndexesIn(parent: BinaryNode | undefined, account: Buffer): proto.ADVKeyIndexList {
  const list = proto.ADVSignedKeyIndexList.decode(bytesOf(child(parent, 'key-index-list')))
  const details = list.details ?? Buffer.alloc(0)
  expect(verifies(account, Buffer.concat([Buffer.from([6, 2]), details]), list.accountSignature)).toBe(true)
  return proto.ADVKeyIndexList.decode(details)
}

/** Asks for the digest and makes it anew from the client's own keys: identity, signed key, signature, one-time keys. */
async function digestOf(client: Client): Promise<{ ids: number[] }> {
  const answer = child(await ask(client, 'get', 'encrypt', { tag: 'digest', attrs: {} }), 'digest')
  const ids = children(child(answer, 'list'), 'id').map(numberOf)
  const { signedIdentityKey, signedPreKey, registrationId } = client.auth.creds
  const hash = createHash('sha1').update(signedIdentityKey.public)
  hash.update(signedPreKey.keyPair.public).update(signedPreKey.signature)
  const keys = await client.auth.keys.get('pre-key', ids.map(String))
  for (const id of ids) hash.update(keys[String(id)]?.public ?? Buffer.alloc(0))
  expect(bytesOf(child(answer, 'hash'))).toEqual(hash.digest())
  expect(numberOf(child(answer, 'registration'))).toBe(registrationId)
  return { ids }
}
