import { describe, expect, test } from 'vitest'
import { withEmulator } from '../baileys.ts'
import { strangersDialled } from '../loopback.ts'
import { LIBRARIES } from './libraries.ts'

describe.each(Object.entries(LIBRARIES))('%s', (_name, library) => {
  test('is linked by QR code and writes both ways, by phone number and by lid', () =>
    withEmulator(async (emulator, client) => {
      // Two people: those who keep Signal sessions by number and by lid do not find one under the other name.
      const [max, moritz] = [emulator.contact('491234567890', { name: 'Max' }), emulator.contact('491234567891')]
      const phone = emulator.phone('15550001001', { name: 'Alice' })
      const alice = client({}, library).connect()
      await phone.scans(await alice.until(() => alice.qr))
      await alice.opened()
      expect(alice.closes).toEqual([515])

      const id = await alice.says(max.phone, 'an die Nummer')
      expect(await max.hears('an die Nummer')).toMatchObject({ id, from: phone.phone })
      expect(await alice.acked(id)).toBeUndefined()
      await alice.says(`${moritz.lid}@lid`, 'an die Lid')
      await moritz.hears('an die Lid')

      const answer = await max.says(phone.phone, 'von der Nummer')
      expect(await alice.hears('von der Nummer')).toMatchObject({ pushName: 'Max', key: { id: answer.id } })
      await max.received(answer.id)
      const { id: lidId } = await moritz.says(phone.phone, 'von der Lid', { space: 'lid' })
      await alice.hears('von der Lid')
      await moritz.received(lidId)
      expect(alice.warnings).toEqual([])
      expect(strangersDialled()).toEqual([])
    }))

  test('is linked by eight letters, chats with a client of today, and makes a group with it', () =>
    withEmulator(async (emulator, client) => {
      const max = emulator.contact('491234567890', { name: 'Max' })
      const [one, two] = [emulator.phone('15550001001', { name: 'Alice' }), emulator.phone('15550001002')]
      const older = client({}, library).connect()
      await older.until(() => older.qr)
      await one.entersCode(await older.sock.requestPairingCode(one.phone))
      await older.opened()
      const today = await client().link(two)

      await older.says(two.phone, 'von früher')
      await today.hears('von früher')
      await today.says(one.phone, 'von heute')
      await older.hears('von heute')

      const members = [two.phone, max.phone].map((phone) => `${phone}@s.whatsapp.net`)
      const { id } = await older.sock.groupCreate('Alte und Neue', members)
      await older.says(id, 'in die Gruppe')
      await today.hears('in die Gruppe')
      await max.hears('in die Gruppe')
      await today.says(id, 'zurück')
      await older.hears('zurück')
      await max.says(id, 'auch von mir')
      await older.hears('auch von mir')
      await older.says(id, 'noch einmal')
      await today.hears('noch einmal')
      await max.hears('noch einmal')
      for (const { warnings } of [older, today]) expect(warnings).toEqual([])
    }))
})
