import { randomBytes } from 'node:crypto'
import { downloadContentFromMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { createEmulator, trustEmulator } from '../src/index.ts'
import { withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

test('a process that is led to the emulator finds it under the names of WhatsApp', () =>
  withTrouble(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const alice = await client({ waWebSocketUrl: 'wss://web.whatsapp.com/ws/chat' }).link(emulator.phone(ALICE))
    const plain = randomBytes(5000)
    const { directPath, mediaKey } = emulator.media.put(plain, 'md-msg-hist')
    const stream = await downloadContentFromMessage({ directPath, mediaKey }, 'md-msg-hist')
    expect(Buffer.concat(await stream.toArray())).toEqual(plain)

    const { hosts } = await alice.sock.refreshMediaConn(true)
    expect(hosts.map(({ hostname }) => hostname)).toEqual(['mmg.whatsapp.net', 'mmg-fallback.whatsapp.net'])
    emulator.contact(MAX)
    emulator.media.fails({ on: 'upload', host: 'mmg.whatsapp.net', status: 503 })
    const jid = `${MAX}@s.whatsapp.net`
    const sent = await alice.sock.sendMessage(jid, { document: plain, mimetype: 'x/y' })
    expect(sent?.message?.documentMessage?.url).toMatch('https://mmg-fallback.whatsapp.net/v/')
    for (const name of ['pps.whatsapp.net', 'media-fra3-1.cdn.whatsapp.net']) {
      expect((await fetch(`https://${name}${directPath}`)).status).toBe(200)
    }
  }))

test('the emulator that is named last is the one led to', async () => {
  const [first, second] = [await createEmulator(), await createEmulator()]
  try {
    trustEmulator(first.rootPublicKey, first)
    trustEmulator(second.rootPublicKey, { tls: second.tls })
    const { directPath } = second.media.put(randomBytes(10), 'image')
    expect((await fetch(`https://static.whatsapp.net${directPath}`)).status).toBe(200)
    expect((await fetch(first.media.put(randomBytes(10), 'image').url)).status).toBe(200)
  } finally {
    await first.close()
    await second.close()
  }
})
