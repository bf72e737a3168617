import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'

test('a subscriber sees a contact come online, type, record and go', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const seen: string[] = []
    alice.sock.ev.on('presence.update', ({ presences }) => {
      for (const { lastKnownPresence } of Object.values(presences)) seen.push(lastKnownPresence)
    })
    await alice.sock.presenceSubscribe(`${MAX}@s.whatsapp.net`)
    await alice.until(() => seen.length === 1)
    max.appears('available')
    max.types(ALICE)
    max.types(ALICE, 'recording')
    max.types(ALICE, 'paused')
    max.appears('unavailable')
    await alice.until(() => seen.length === 6)
    expect(seen).toEqual(['unavailable', 'available', 'composing', 'recording', 'available', 'unavailable'])
  }))

test('two clients see each other online and typing', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const bob = await client().link(emulator.phone(BOB, { name: 'Bob' }))
    const seen: string[] = []
    alice.sock.ev.on('presence.update', ({ presences }) => {
      for (const { lastKnownPresence } of Object.values(presences)) seen.push(lastKnownPresence)
    })
    await bob.sock.sendPresenceUpdate('available')
    await alice.sock.presenceSubscribe(`${BOB}@s.whatsapp.net`)
    await alice.until(() => seen.length > 0)
    await bob.sock.sendPresenceUpdate('composing', `${ALICE}@s.whatsapp.net`)
    await alice.until(() => seen.includes('composing'))
    await bob.end()
    await alice.until(() => seen.at(-1) === 'unavailable')
    expect(seen).toEqual(['available', 'composing', 'unavailable'])
  }))

test('names, about texts, privacy and blocks are remembered', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    await alice.sock.updateProfileStatus('bin da')
    await alice.sock.updateReadReceiptsPrivacy('none')
    expect(await alice.sock.fetchPrivacySettings(true)).toMatchObject({ readreceipts: 'none', last: 'all' })
    await alice.sock.updateBlockStatus(`${MAX}@s.whatsapp.net`, 'block')
    expect(await alice.sock.fetchBlocklist()).toEqual([`${max.lid}@lid`])
    await alice.sock.updateProfileName('Alice Neu')
    await alice.says(MAX, 'unter neuem Namen')
    expect(await max.hears()).toMatchObject({ raw: expect.stringContaining(`notify='Alice Neu'`) })
    await expect(alice.sock.profilePictureUrl(`${MAX}@s.whatsapp.net`)).rejects.toThrow('item-not-found')
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
