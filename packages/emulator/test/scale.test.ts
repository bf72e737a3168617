import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'
import { LightClient, linkLight } from './light-client.ts'

// The short form of `npm run bench:emulator`: that it works with many at once, never how long it takes.
const SESSIONS = 50
const MESSAGES = 5
const MAX = '491234567890'

test('fifty sessions write at the same moment, and everything arrives, is acknowledged and confirmed once', () =>
  withEmulator(async (emulator) => {
    emulator.contact(MAX, { behaviour: 'blind' })
    const phones = Array.from({ length: SESSIONS }, (_, index) => emulator.phone(String(15_550_001_000 + index)))
    const accounts = await Promise.all(
      phones.map((phone) => linkLight(emulator.url, async (qr) => void (await phone.scans(qr)))),
    )
    const clients = await Promise.all(accounts.map((account) => LightClient.login(emulator.url, account)))
    const talk = async (client: LightClient, index: number) => {
      const next = clients[(index + 1) % SESSIONS]?.account ?? client.account
      for (let message = 0; message < MESSAGES; message++) {
        await client.says(MAX)
        await client.says(next.phone, [`${next.phone}:${next.device}`])
      }
    }
    await Promise.all(clients.map(talk)) // each resolves with its ack and its receipt
    // Keys and history from the own phone come whenever it is ready with them; they have ids of another form.
    const heard = ({ seen }: LightClient) =>
      [...seen].filter(([id]) => id.startsWith('3EB0')).map(([, copies]) => copies)
    expect(clients.map(heard)).toEqual(clients.map(() => new Array(MESSAGES).fill(1)))
    for (const client of clients) await client.end()
  }))
