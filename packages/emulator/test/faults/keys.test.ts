import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from '@whiskeysockets/baileys'
import { verifySignature } from 'libsignal/src/curve.js'
import { expect, test } from 'vitest'
import { type Client, textOf, withEmulator, withTrouble } from '../baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
/** In the long form it is as long as the longest that is promised. */
const BACKLOG = process.env.WAMUX_LONG ? 10_000 : 1_000

/** The keys of others that the server gives to a client from now on, device by device. */
function handedOut(client: Client): BinaryNode[] {
  const users: BinaryNode[] = []
  client.sock.ws.on('frame', (node: BinaryNode) => {
    users.push(...getBinaryNodeChildren(getBinaryNodeChild(node, 'list'), 'user').filter((user) => part(user, 'skey')))
  })
  return users
}

const part = (node: BinaryNode | undefined, name: string) => getBinaryNodeChild(node, name)
const bytes = (node: BinaryNode | undefined) => (node?.content instanceof Uint8Array ? node.content : Buffer.alloc(32))
const typed = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key])

/** Baileys does not check it; libsignal's own check returns its answer. */
function isSigned(user: BinaryNode | undefined): boolean {
  const skey = part(user, 'skey')
  const signature = Buffer.from(bytes(part(skey, 'signature')))
  return verifySignature(typed(bytes(part(user, 'identity'))), typed(bytes(part(skey, 'value'))), signature)
}

test('keys that cannot be had fail the whole message, and those that can be had again let it through', () =>
  withTrouble(async (emulator, client) => {
    const [max, bob] = [emulator.contact(MAX), emulator.contact(BOB)]
    const alice = await client().link(emulator.phone(ALICE))
    const refusal = emulator.faults.onKeys({ phone: MAX, device: 0 }).refuse()
    await expect(alice.says(MAX, 'ohne Schlüssel')).rejects.toThrow('item-not-found')
    expect(refusal.count).toBeGreaterThan(0)
    refusal.lift()
    const keys = handedOut(alice)
    emulator.faults.onKeys({ phone: MAX }).withoutOneTimeKey(1)
    await alice.says(MAX, 'mit dem signierten allein')
    await max.hears('mit dem signierten allein')
    await alice.says(BOB, 'mit beiden')
    await bob.hears('mit beiden')
    const ofContacts = [max, bob].map(({ lid }) => keys.find(({ attrs }) => attrs.jid?.startsWith(lid)))
    expect(ofContacts.map((user) => part(user, 'key') !== undefined)).toEqual([false, true])
  }))

test('a signature that is forged is a forgery to whoever checks it', () =>
  withEmulator(async (emulator, client) => {
    const [max, bob] = [emulator.contact(MAX), emulator.contact(BOB)]
    const alice = await client().link(emulator.phone(ALICE))
    const keys = handedOut(alice)
    const forgery = emulator.faults.onKeys({ phone: MAX }).forge()
    // Baileys does not check it, so the message is written. It is the client that is tested with this.
    await alice.says(MAX, 'geglaubt')
    await max.hears('geglaubt')
    expect(forgery.count).toBeGreaterThan(0)
    await alice.says(BOB, 'wahr')
    await bob.hears('wahr')
    const ofContacts = [max, bob].map(({ lid }) => keys.find(({ attrs }) => attrs.jid?.startsWith(lid)))
    expect(ofContacts.map(isSigned)).toEqual([false, true])
  }))

test('a client whose keys run out is told, and brings new ones', () =>
  withEmulator(
    async (emulator, client) => {
      const alice = await client().link(emulator.phone(ALICE))
      const before = alice.auth.creds.nextPreKeyId
      const upload = emulator.faults
        .on({ phone: ALICE, direction: 'from-client', xmlns: 'encrypt', type: 'set' })
        .slow(0)
      emulator.faults.drainPreKeys(ALICE, { left: 2 })
      await upload.struck()
      await alice.until(() => alice.auth.creds.nextPreKeyId > before)
      await emulator.contact(MAX).says(ALICE, 'noch da?')
      await alice.hears('noch da?')
    },
    { pretendPreKeys: 0 },
  ))

test('a message that its client refuses comes again with each login, holds up the queue, or ends the stream', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const texts = () => alice.messages.filter(({ key }) => !key.fromMe).map(textOf)
    /** Arrives, but a kind of message that Baileys refuses with error 495. */
    const spoil = () =>
      emulator.faults
        .on({ phone: ALICE, direction: 'to-client', tag: 'message', matches: ({ attrs }) => attrs.category !== 'peer' })
        .rewrite((node) => {
          if (!Array.isArray(node.content)) return node
          const content = node.content.map((child) => ({ ...child, attrs: { ...child.attrs, type: 'msmsg' } }))
          return { ...node, content }
        }, 1)

    const kept = emulator.faults.treatNacks('keep', { phone: ALICE })
    spoil()
    await max.says(ALICE, 'behalten')
    await kept.struck()
    await alice.end()
    alice.connect()
    await alice.hears('behalten')
    kept.lift()

    const stalled = emulator.faults.treatNacks('stall', { phone: ALICE })
    await alice.end()
    await max.says(ALICE, 'der Stein')
    const stone = spoil()
    alice.connect()
    await alice.opened()
    await stalled.struck()
    expect(stone.count).toBe(1)
    await alice.end()
    await max.says(ALICE, 'dahinter')
    alice.messages.length = 0
    spoil()
    alice.connect()
    await stalled.struck(2)
    expect(texts()).toEqual([])
    await alice.end()
    alice.connect()
    await alice.hears('dahinter')
    expect(texts()).toEqual(['der Stein', 'dahinter'])
    stalled.lift()

    emulator.faults.treatNacks('close', {}, 1)
    spoil()
    await max.says(ALICE, 'Ende')
    expect(await alice.closed()).toBe(500)
  }))

test('an account under a timelock answers its chats, begins none, and learns why', () =>
  withTrouble(async (emulator, client) => {
    const [max, bob] = [emulator.contact(MAX), emulator.contact(BOB)]
    const alice = await client().link(emulator.phone(ALICE))
    const locks: unknown[] = []
    alice.sock.ev.on('connection.update', ({ reachoutTimeLock }) => {
      if (reachoutTimeLock) locks.push(reachoutTimeLock)
    })
    await max.says(ALICE, 'alter Chat')
    await alice.hears('alter Chat')
    const until = Math.floor(emulator.clock.now() / 1000) * 1000 + 3_600_000
    emulator.faults.timelock(ALICE, { until, type: 'WEB_COMPANION_ONLY' })
    await alice.until(() => locks.length === 1)
    const lock = { isActive: true, timeEnforcementEnds: new Date(until), enforcementType: 'WEB_COMPANION_ONLY' }
    expect(locks[0]).toEqual(lock)
    expect(await alice.acked(await alice.says(BOB, 'neuer Chat'))).toBe('463')
    expect(await alice.acked(await alice.says(MAX, 'im alten Chat'))).toBeUndefined()
    expect(await alice.sock.fetchAccountReachoutTimelock()).toEqual(lock)
    expect(bob.messages()).toEqual([])

    await emulator.clock.advance(3_600_000)
    expect(await alice.acked(await alice.says(BOB, 'wieder frei'))).toBeUndefined()
    emulator.faults.timelock(ALICE, {})
    emulator.faults.timelock(ALICE, undefined)
    await alice.until(() => locks.length === 4)
    expect(locks.at(-1)).toMatchObject({ isActive: false })
  }))

test('a backlog is written at once, and announced', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.end()
    emulator.phone(ALICE).goesOffline() // it would read all of them meanwhile
    const texts = Array.from({ length: BACKLOG }, (_, index) => `Nachricht ${index}`)
    const { ids } = await max.saysAll(ALICE, texts)
    expect(new Set(ids).size).toBe(BACKLOG)
    // Baileys takes its time to read that much: it is enough to see what is announced.
    const lost = emulator.faults.on({ phone: ALICE, direction: 'to-client', tag: 'message' }).drop()
    alice.connect()
    const preview = await new Promise<string>((resolve) => {
      alice.sock.ws.on('CB:ib,,offline_preview', ({ content }: { content: { attrs: { message: string } }[] }) =>
        resolve(content[0]?.attrs.message ?? ''),
      )
    })
    expect(preview).toBe(String(BACKLOG))
    await lost.struck(BACKLOG)
  }))
