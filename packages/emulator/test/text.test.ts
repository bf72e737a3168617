import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

test('a client links by QR code, restarts, logs in and chats with a contact', () =>
  withEmulator(
    async (emulator, client) => {
      const phone = emulator.phone(ALICE, { name: 'Alice' })
      const max = emulator.contact(MAX, { name: 'Max Mustermann' })
      const alice = await client().link(phone)
      expect(phone.devices).toEqual([1])
      expect(alice.auth.creds.me).toMatchObject({
        id: `${ALICE}:1@s.whatsapp.net`,
        name: 'Alice',
        lid: `${phone.lid}:1@lid`,
      })

      const id = await alice.says(MAX, 'Hallo')
      const heard = await max.hears('Hallo')
      expect(heard).toMatchObject({ id, from: ALICE, chat: ALICE, type: 'text', copies: 1 })

      await max.says(ALICE, 'Selber hallo')
      const answer = await alice.hears('Selber hallo')
      expect(answer).toMatchObject({ pushName: 'Max Mustermann', key: { remoteJid: `${MAX}@s.whatsapp.net` } })
      expect(alice.warnings).toEqual([])
    },
    { pretendPreKeys: 0 },
  ))
