import { createHmac } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type Client, withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`
const WEEK_MS = 7 * 86_400_000

/** The token with which a client can turn to somebody. It is stored without an event: the store itself is asked. */
async function tokenOf(client: Client, lid: string): Promise<Buffer> {
  const jid = `${lid}@lid`
  for (;;) {
    const { [jid]: entry } = await client.auth.keys.get('tctoken', [jid])
    if (entry && entry.token.length > 0) return entry.token
    await setImmediate()
  }
}

test('whoever is written to gets a token, on every companion, and shows it from then on', () =>
  withEmulator(async (emulator, client) => {
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const desk = await client().link(phone)
    const laptop = await client().link(phone)
    max.guards()
    await max.says(ALICE, 'Hallo')
    await desk.hears('Hallo')
    expect(await tokenOf(desk, max.lid)).toEqual(await tokenOf(laptop, max.lid))
    for (const companion of [desk, laptop]) await companion.says(MAX, 'selber')
    for (const _companion of [desk, laptop]) await max.hears('selber')
    expect([...desk.warnings, ...laptop.warnings]).toEqual([])
  }))

test('a guarded person hears only those with a token; others get 463, no picture and no presence', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const seen: string[] = []
    alice.sock.ev.on('presence.update', ({ id }) => seen.push(id))
    max.guards()
    const refused = await alice.says(MAX, 'lass mich rein')
    expect(await alice.acked(refused)).toBe('463')
    await alice.sock.presenceSubscribe(MAX_JID)
    await expect(alice.sock.profilePictureUrl(MAX_JID)).rejects.toThrow('not-authorized')
    expect(seen).toEqual([])
    expect(max.messages()).toEqual([])

    max.trusts(ALICE)
    await tokenOf(alice, max.lid)
    expect(await alice.acked(await alice.says(MAX, 'und jetzt?'))).toBeUndefined()
    await max.hears('und jetzt?')
    await alice.sock.presenceSubscribe(MAX_JID)
    await alice.until(() => seen.length > 0)
    await expect(alice.sock.profilePictureUrl(MAX_JID)).rejects.toThrow('item-not-found')
  }))

test('a token is good for four weeks', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    max.guards()
    max.trusts(ALICE)
    await tokenOf(alice, max.lid)
    await emulator.clock.advance(3 * WEEK_MS)
    await alice.says(MAX, 'drei Wochen')
    await max.hears('drei Wochen')
    await emulator.clock.advance(WEEK_MS)
    expect(await alice.acked(await alice.says(MAX, 'vier Wochen'))).toBe('463')
  }))

test('people in the emulator need a token too, and a client that writes gives one', () =>
  withEmulator(async (emulator, client) => {
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const alice = await client().link(phone)
    phone.guards()
    await expect(max.says(ALICE, 'Hallo')).rejects.toThrow('463')
    await alice.says(MAX, 'schreib mir')
    await max.hears('schreib mir')
    // The client gives it right after its message; until then Max is refused.
    while (
      await max.says(ALICE, 'gern').then(
        () => false,
        () => true,
      )
    ) {
      await setImmediate()
    }
    await alice.hears('gern')
  }))

test('a client without a token may show one made of the salt in its history', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const histories = alice.messages.map(({ message }) => message?.protocolMessage?.historySyncNotification)
    const first = histories.find((history) => history?.syncType === 0)
    const bytes = inflateSync(first?.initialHistBootstrapInlinePayload ?? Buffer.alloc(0))
    const salt = bytes.subarray(-32)
    expect(bytes.subarray(-35, -32)).toEqual(Buffer.from([0x9a, 0x01, 32]))
    max.guards()
    const lid = `${max.lid}@lid`
    const say = (text: string, key: Buffer) => {
      const content = createHmac('sha256', key).update(lid).digest()
      const additionalNodes = [{ tag: 'cstoken', attrs: {}, content }]
      return alice.sock.relayMessage(lid, { conversation: text }, { additionalNodes })
    }
    expect(await alice.acked(await say('mit falschem Salz', Buffer.alloc(32)))).toBe('463')
    expect(await alice.acked(await say('mit dem Salz', salt))).toBeUndefined()
    await max.hears('mit dem Salz')
    expect(max.messages()).toHaveLength(1)
  }))
