import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { createEmulator } from '../../src/index.ts'
import { newPair } from '../../src/state/server-keys.ts'
import { withEmulator } from '../baileys.ts'
import { strangersDialled } from '../loopback.ts'
import { Zapo } from './zapo.ts'

const ALICE = '15550001001'
const BOB = '15550001002'
const MAX = '491234567890'

test('zapo-js is linked with strict certificates, resumes, and writes both ways', () =>
  withEmulator(
    async (emulator) => {
      const [max, moritz] = [emulator.contact(MAX, { name: 'Max' }), emulator.contact('491234567891')]
      const phone = emulator.phone(ALICE, { name: 'Alice' })
      const zapo = new Zapo(emulator)
      await zapo.client.connect()
      await zapo.logged('noise session established via full handshake')
      await phone.scans(await zapo.until(() => zapo.qr))
      await zapo.logged('noise resume handshake successful without fallback')
      // The SHA-1 over all keys that it has uploaded is the one that it makes itself.
      await zapo.logged('signal digest validated')

      const id = await zapo.says(MAX, 'an die Nummer')
      expect(await max.hears('an die Nummer')).toMatchObject({ id, from: ALICE })
      await zapo.until(() => zapo.receipts.find(({ stanzaId, chatJid }) => stanzaId === id && chatJid?.startsWith(MAX)))
      const answer = await max.says(ALICE, 'von der Nummer')
      await zapo.hears('von der Nummer')
      await max.received(answer.id)
      await zapo.says(`${moritz.lid}@lid`, 'an die Lid')
      await moritz.hears('an die Lid')
      const lidAnswer = await moritz.says(ALICE, 'von der Lid', { space: 'lid' })
      await zapo.hears('von der Lid')
      await moritz.received(lidAnswer.id)

      await zapo.client.disconnect()
      const missed = await max.says(ALICE, 'während du weg warst')
      await zapo.client.connect()
      await zapo.hears('während du weg warst')
      await max.received(missed.id)
      expect(zapo.warnings).toEqual([])
      expect(strangersDialled()).toEqual([])
    },
    { pretendPreKeys: 0 },
  ))

test('zapo-js chats with Baileys, and in a group that it has made', () =>
  withEmulator(
    async (emulator, client) => {
      const zapo = await new Zapo(emulator).link(emulator.phone(ALICE, { name: 'Alice' }))
      const baileys = await client().link(emulator.phone(BOB))
      const max = emulator.contact(MAX)
      await zapo.says(BOB, 'Hallo Baileys')
      await baileys.hears('Hallo Baileys')
      await baileys.says(ALICE, 'Hallo zapo')
      await zapo.hears('Hallo zapo')

      const members = [BOB, MAX].map((phone) => `${phone}@s.whatsapp.net`)
      await zapo.client.group.createGroup('Gemischt', members)
      const group = await baileys.until(() => baileys.groups.find(({ subject }) => subject === 'Gemischt'))
      await zapo.says(group.id, 'in die Gruppe')
      await baileys.hears('in die Gruppe')
      await max.hears('in die Gruppe')
      await baileys.says(group.id, 'zurück')
      await zapo.hears('zurück')
      const { id } = await max.says(group.id, 'auch von mir')
      await zapo.hears('auch von mir')
      await max.received(id)
      expect(zapo.warnings).toEqual([])
      expect(baileys.warnings).toEqual([])
    },
    { pretendPreKeys: 0 },
  ))

test('a strict client does not talk to a network with another root', () =>
  withEmulator(async (emulator) => {
    const zapo = new Zapo({ url: emulator.url, rootPublicKey: newPair().public })
    const connecting = zapo.client.connect()
    await zapo.logged('handshake failed')
    await zapo.client.disconnect()
    await expect(connecting).rejects.toThrow()
    expect(zapo.qr).toBeUndefined()
  }))

test('a client that remembers a static key that is no more falls back and learns the new one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const file = join(folder, 'network.db')
  const first = await createEmulator({ file })
  const zapo = await new Zapo(first).link(first.phone(ALICE))
  await zapo.client.disconnect()
  const port = Number(new URL(first.url).port)
  await first.close()
  const database = new Database(file)
  database.prepare(`DELETE FROM meta WHERE name = 'key:noise'`).run()
  database.close()

  const second = await createEmulator({ file, port })
  try {
    await zapo.client.connect()
    await zapo.logged('fallback')
    await second.contact(MAX).says(ALICE, 'Hallo noch einmal')
    await zapo.hears('Hallo noch einmal')
    await zapo.client.disconnect()
    await zapo.client.connect()
    await zapo.logged('noise resume handshake successful without fallback')
  } finally {
    await second.close()
    rmSync(folder, { recursive: true })
  }
})
