import { expect, test } from 'vitest'
import { trustEmulator } from '../src/index.ts'
import { Client, textOf } from './baileys.ts'
import { CliProcess } from './cli-process.ts'

const MAX = '491234567890'
const ROUNDS = 3
const PER_ROUND = 8

test('killed in the middle of traffic, the emulator loses no message, no echo and no key', async () => {
  const emulator = await new CliProcess().start()
  try {
    const { publicKey } = await emulator.get<{ publicKey: string }>('/admin/noise-root')
    trustEmulator(Buffer.from(publicKey, 'base64'))
    await emulator.post('/admin/contacts', { phone: MAX, behaviour: 'echo' })
    const client = new Client(emulator).connect()
    await emulator.post('/admin/mock-phone/scan-qr', await client.until(() => client.qr))
    await client.synced()

    const texts: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const ids = new Map<string, string>()
      for (let index = 0; index < PER_ROUND; index++) {
        const text = `round ${round} message ${index}`
        texts.push(text)
        ids.set(await client.says(MAX, text), text)
      }
      // Somewhere in the middle: some are acknowledged, some only written, some echoes are on their way.
      await client.until(() => [...ids.keys()].filter((id) => client.acks.has(id)).length > round)
      await emulator.kill()
      await client.closed()
      await emulator.start()
      client.connect()
      await client.opened()
      for (const [id, text] of ids) if (!client.acks.has(id)) await client.says(MAX, text, id)
      for (const id of ids.keys()) expect(await client.acked(id)).toBeUndefined()
    }
    for (const text of texts) await client.hears(text)
    const heard = await emulator.get<{ text: string }[]>(`/admin/contacts/${MAX}/messages`)
    expect(heard.map(({ text }) => text).sort()).toEqual([...texts].sort())
    // Baileys shows a stub for what it had decrypted when its receipt was lost, and asks for it again.
    const incoming = client.messages.filter(({ key }) => !key.fromMe)
    const read = new Set(incoming.filter(textOf).map(({ key }) => key.id))
    for (const { key } of incoming) expect(read).toContain(key.id)
    expect(new Set(incoming.flatMap((message) => textOf(message) ?? []))).toEqual(new Set(texts))
    expect(await emulator.get('/admin/health')).toMatchObject({ unknownStanzas: 0 })
    await client.end()
  } finally {
    await emulator.end()
  }
})
