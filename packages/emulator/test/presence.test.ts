import { expect, test } from 'vitest'
import { type Client, withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`

interface Seen {
  states: string[]
  lastSeen: (number | undefined)[]
}

/** What a client is shown of others, in order. */
function watching(client: Client): Seen {
  const seen: Seen = { states: [], lastSeen: [] }
  client.sock.ev.on('presence.update', ({ presences }) => {
    for (const { lastKnownPresence, lastSeen } of Object.values(presences)) {
      seen.states.push(lastKnownPresence)
      seen.lastSeen.push(lastSeen)
    }
  })
  return seen
}

test('a subscriber sees a contact come online, type, record and go', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const seen = watching(alice)
    await alice.sock.presenceSubscribe(MAX_JID)
    await alice.until(() => seen.states.length === 1)
    max.appears('available')
    max.types(ALICE)
    max.types(ALICE, 'recording')
    max.types(ALICE, 'paused')
    max.appears('unavailable')
    await alice.until(() => seen.states.length === 6)
    expect(seen.states).toEqual(['unavailable', 'available', 'composing', 'recording', 'available', 'unavailable'])
    expect(seen.lastSeen.at(-1)).toBeGreaterThan(0)
  }))

test('two clients see each other online and typing', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const bob = await client().link(emulator.phone(BOB, { name: 'Bob' }))
    const seen = watching(alice)
    await bob.sock.sendPresenceUpdate('available')
    await alice.sock.presenceSubscribe(`${BOB}@s.whatsapp.net`)
    await alice.until(() => seen.states.length > 0)
    await bob.sock.sendPresenceUpdate('composing', `${ALICE}@s.whatsapp.net`)
    await alice.until(() => seen.states.includes('composing'))
    await bob.end()
    await alice.until(() => seen.states.at(-1) === 'unavailable')
    expect(seen.states).toEqual(['available', 'composing', 'unavailable'])
  }))

test('a contact sees a client come online, type, record and stop', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    await alice.sock.sendPresenceUpdate('available')
    await max.sees(ALICE, 'available')
    for (const state of ['composing', 'recording', 'paused'] as const) {
      await alice.sock.sendPresenceUpdate(state, MAX_JID)
      await max.sees(ALICE, state)
    }
    await alice.sock.sendPresenceUpdate('unavailable')
    await max.sees(ALICE, 'unavailable')
  }))

test('who does not stop typing is taken to have stopped after 25 s', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const seen = watching(alice)
    max.types(ALICE)
    await alice.until(() => seen.states.length === 1)
    await emulator.clock.advance(25_000)
    await alice.until(() => seen.states.length === 2)
    max.types(ALICE)
    max.types(ALICE, 'paused')
    await emulator.clock.advance(25_000)
    await alice.until(() => seen.states.length === 4)
    await max.says(ALICE, 'Schluss')
    await alice.hears('Schluss')
    expect(seen.states).toEqual(['composing', 'available', 'composing', 'available'])
  }))

test('a client that was away for a moment is told the latest state only, and after a while nothing', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const before = watching(alice)
    await alice.sock.presenceSubscribe(MAX_JID)
    await alice.until(() => before.states.length === 1)

    await max.sees(ALICE, 'available')
    await alice.end()
    await max.sees(ALICE, 'unavailable')
    max.appears('available')
    max.appears('unavailable')
    max.appears('available')
    max.types(ALICE)
    max.types(ALICE, 'recording')
    const back = watching(alice.connect())
    await alice.until(() => back.states.length === 2)
    await max.says(ALICE, 'da?')
    await alice.hears('da?')
    expect(back.states).toEqual(['available', 'recording'])

    await max.sees(ALICE, 'available')
    await alice.end()
    await max.sees(ALICE, 'unavailable')
    max.types(ALICE)
    await emulator.clock.advance(25_000)
    max.appears('unavailable')
    const later = watching(alice.connect())
    await alice.opened()
    await max.says(ALICE, 'und jetzt?')
    await alice.hears('und jetzt?')
    expect(later.states).toEqual([])
  }))

test('last seen and online are shown to whom the person wants, and to nobody who hides their own', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const seen = watching(alice)
    const look = async () => {
      const count = seen.states.length
      await alice.sock.presenceSubscribe(MAX_JID)
      await alice.until(() => seen.states.length > count)
      return [seen.states.at(-1), seen.lastSeen.at(-1) !== undefined]
    }
    expect(await look()).toEqual(['unavailable', false])
    max.appears('unavailable')
    await alice.until(() => seen.lastSeen.at(-1) !== undefined)
    expect(await look()).toEqual(['unavailable', true])
    max.restricts('last', 'contacts')
    max.saves(emulator.contact(BOB).phone)
    expect(await look()).toEqual(['unavailable', false])
    max.saves(ALICE)
    expect(await look()).toEqual(['unavailable', true])
    max.restricts('last', 'contact_blacklist', [ALICE])
    expect(await look()).toEqual(['unavailable', false])
    max.appears('available')
    await alice.until(() => seen.states.at(-1) === 'available')
    expect(await look()).toEqual(['available', false])
    max.restricts('online', 'match_last_seen')
    expect(await look()).toEqual(['unavailable', false])
    max.restricts('last', 'all')
    expect(await look()).toEqual(['available', false])
    max.appears('unavailable')
    await alice.until(() => seen.states.at(-1) === 'unavailable')
    await alice.sock.updateLastSeenPrivacy('none')
    expect(await look()).toEqual(['unavailable', false])
  }))

test('a chat that is archived on one companion is archived on the other', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const max = emulator.contact(MAX)
    const desk = await client().link(phone)
    const laptop = await client().link(phone)
    await max.says(ALICE, 'Hallo')
    const message = await desk.hears('Hallo')
    await laptop.hears('Hallo')
    const muted: (number | null | undefined)[] = []
    laptop.sock.ev.on('chats.update', (chats) =>
      muted.push(...chats.map(({ muteEndTime }) => Number(muteEndTime ?? 0))),
    )
    await desk.until(() => desk.auth.creds.myAppStateKeyId)
    await desk.sock.chatModify({ mute: 4_102_444_800_000, lastMessages: [message] } as never, `${MAX}@s.whatsapp.net`)
    await laptop.until(() => muted.includes(4_102_444_800_000))
  }))

test('who waits for somebody to come waits no longer than they want to', () =>
  withEmulator(async (emulator) => {
    emulator.phone(ALICE)
    const max = emulator.contact(MAX)
    await expect(max.sees(ALICE, 'available', { timeoutMs: 1 })).rejects.toThrow('waited 1 ms')
    const given = AbortSignal.abort(new Error('given up'))
    await expect(max.sees(ALICE, 'available', { signal: given })).rejects.toThrow('given up')
  }))
