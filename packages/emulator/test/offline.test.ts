import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEmulator } from '../src/index.ts'
import { Client, textOf, withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

test('what arrives while a client is away waits, in order, and comes as offline', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.end()
    const texts = Array.from({ length: 12 }, (_, index) => `während du weg warst ${index}`)
    for (const text of texts) await max.says(ALICE, text)
    alice.connect()
    await alice.hears(texts[11] ?? '')
    const incoming = alice.messages.flatMap((message, index) =>
      message.key.fromMe ? [] : [[textOf(message), alice.kinds[index]]],
    )
    expect(incoming).toEqual(texts.map((text) => [text, 'append']))
  }))

test('what was confirmed does not come again', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const { id } = await max.says(ALICE, 'einmal')
    await alice.hears('einmal')
    await max.received(id)
    await alice.end()
    alice.messages.length = 0
    alice.connect()
    await alice.opened()
    await max.says(ALICE, 'danach')
    await alice.hears('danach')
    expect(alice.messages.map(textOf)).not.toContain('einmal')
  }))

test('a message for a contact without network waits for it', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    max.goesOffline()
    const id = await alice.says(MAX, 'bist du da?')
    await alice.acked(id)
    expect(max.messages()).toEqual([])
    max.comesOnline()
    expect(await max.hears('bist du da?')).toMatchObject({ id, copies: 1 })
  }))

test('a receipt for a sender who is away waits too', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const id = await alice.says(MAX, 'gelesen?')
    await max.hears('gelesen?')
    await alice.end()
    await max.reads([id])
    alice.connect()
    await alice.until(() => alice.updates.some(({ key, update }) => key.id === id && update.status === 4))
  }))

test('the network goes away and comes back', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    emulator.faults.network(false)
    expect(await alice.closed()).toBe(428)
    alice.connect()
    await alice.until(() => alice.closes.length === 3)
    expect(alice.closes[2]).toBe(408)
    await max.says(ALICE, 'hörst du mich?')
    emulator.faults.network(true)
    alice.connect()
    await alice.hears('hörst du mich?')
  }))

test('a client that cannot log in after it was linked finds its mail, its keys and its history later', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const max = emulator.contact(MAX)
    const alice = client().connect()
    const linked = phone.scans(await alice.until(() => alice.qr))
    emulator.faults.rejectNext(503)
    await linked
    await alice.until(() => alice.closes.at(-1) === 503)
    await max.says(ALICE, 'schon da?')
    alice.connect()
    await alice.hears('schon da?')
    await alice.synced()
    expect(alice.auth.creds.myAppStateKeyId).toBeTruthy()
  }))

test('a login is refused with the code that was asked for', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    for (const code of [403, 503]) {
      await alice.end()
      emulator.faults.rejectNext(code)
      alice.connect()
      const before = alice.closes.length
      await alice.until(() => alice.closes.length > before)
      expect(alice.closes.at(-1)).toBe(code)
    }
    alice.connect()
    await alice.opened()
  }))

test('each way of being kicked has its code, and none of them is for good', () =>
  withTrouble(async (emulator, client) => {
    const codes = { '503': 503, replaced: 440, device_removed: 401, xmlstreamend: 428, drop: 428, '515': 515 } as const
    const alice = await client().link(emulator.phone(ALICE))
    for (const reason of ['503', 'replaced', 'device_removed', 'xmlstreamend', 'drop', '515'] as const) {
      const before = alice.closes.length
      emulator.faults.kick(ALICE, reason)
      await alice.until(() => alice.closes.length > before)
      expect(alice.closes.at(-1)).toBe(codes[reason])
      if (reason !== '515') alice.connect()
      await alice.opened()
    }
  }))

test('a second login with the same credentials replaces the first', () =>
  withEmulator(async (emulator, client) => {
    const first = await client().link(emulator.phone(ALICE))
    const second = new Client(emulator, {}, first.auth).connect()
    await second.opened()
    expect(await first.closed()).toBe(440)
    await second.end()
  }))

test('a restart on the same file is a server restart to its clients', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const file = join(folder, 'network.db')
  const before = await createEmulator({ file, strict: true, pretendPreKeys: 100 })
  const alice = await new Client(before).link(before.phone(ALICE, { name: 'Alice' }))
  const bob = await new Client(before).link(before.phone('15550002002'))
  const group = before.group({ subject: 'Team', members: [before.phone(ALICE), before.contact(MAX)] })
  await alice.says(MAX, 'vorher')
  await before.contact(MAX).hears('vorher')
  await alice.says(group.id, 'an alle vorher')
  await before.contact(MAX).hears('an alle vorher')
  await bob.end()
  const waiting = await alice.says('15550002002', 'wartet')
  await alice.acked(waiting)
  await before.close()
  expect(await alice.closed()).toBe(428)

  const after = await createEmulator({
    file,
    strict: true,
    pretendPreKeys: 100,
    port: Number(new URL(before.controlUrl).port),
  })
  expect(after.rootPublicKey).toEqual(before.rootPublicKey)
  alice.connect()
  bob.connect()
  await bob.hears('wartet')
  await alice.opened()
  await alice.says(MAX, 'nachher')
  await alice.says(group.id, 'an alle nachher')
  const max = after.contact(MAX)
  await max.hears('nachher')
  await max.hears('an alle nachher')
  await max.says(ALICE, 'alles noch da')
  await alice.hears('alles noch da')
  await max.says(group.id, 'auch die Gruppe')
  await alice.hears('auch die Gruppe')
  expect(max.messages().map(({ text, copies }) => [text, copies])).toEqual([
    ['vorher', 1],
    ['an alle vorher', 1],
    ['nachher', 1],
    ['an alle nachher', 1],
  ])
  for (const client of [alice, bob]) await client.end()
  await after.close()
  rmSync(folder, { recursive: true })
})
