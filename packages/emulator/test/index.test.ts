import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import * as index from '../src/index.ts'
import { Client, withEmulator } from './baileys.ts'

test('the package exports this and nothing else', () => {
  expect(Object.keys(index).sort()).toMatchInlineSnapshot(`
    [
      "ANSWERS",
      "BEHAVIOURS",
      "CERTIFICATE_FLAWS",
      "DIRECTIONS",
      "KICK_REASONS",
      "LinkingError",
      "MALFORMED_KINDS",
      "MEDIA_KINDS",
      "NACK_TREATMENTS",
      "PRIVACY_NAMES",
      "PRIVACY_VALUES",
      "PatienceError",
      "createEmulator",
      "trustEmulator",
    ]
  `)
})

test('only loopback is dialled while a client links and chats', async () => {
  index.trustEmulator(Buffer.alloc(32, 1)) // its guard stays; the spy goes on top of it and off again
  const hosts = new Set<string>()
  const original = Socket.prototype.connect
  Socket.prototype.connect = function (this: Socket, ...args: Parameters<typeof original>) {
    const [first] = args as unknown[]
    const options = (Array.isArray(first) ? first[0] : first) as { host?: string; path?: string }
    hosts.add(options.host ?? options.path ?? 'unknown')
    return original.apply(this, args)
  } as typeof original
  try {
    await withEmulator(async (emulator, client) => {
      const alice = await client().link(emulator.phone('15550001001'))
      const max = emulator.contact('491234567890')
      await alice.says(max.phone, 'Hallo')
      await max.hears('Hallo')
    })
  } finally {
    Socket.prototype.connect = original
  }
  expect([...hosts]).toEqual(['127.0.0.1'])
})

test('a process that trusts the emulator cannot dial WhatsApp', async () => {
  index.trustEmulator(Buffer.alloc(32, 1))
  expect(Buffer.from(WA_CERT_DETAILS.PUBLIC_KEY)).toEqual(Buffer.alloc(32, 1))
  const byName = connect({ host: 'web.whatsapp.com', port: 443 })
  const [error] = await once(byName, 'error')
  expect(String(error)).toContain('was not dialled')
  // A WhatsApp socket in disguise: documentation addresses lead nowhere, and this one is not even tried.
  const client = new Client({ url: 'ws://192.0.2.1:443/ws/chat' }).connect()
  await client.until(() => client.closes.length > 0)
  expect(client.warnings.join()).not.toContain('ETIMEDOUT')
  expect(() => index.trustEmulator(Buffer.alloc(33))).toThrow(TypeError)
})

test('an unknown stanza is reported with the place for its handler, and is an error in strict mode', async () => {
  const lines: string[] = []
  const emulator = await index.createEmulator({ strict: true, log: (line) => lines.push(line) })
  const alice = await new Client(emulator).link(emulator.phone('15550001001'))
  const question = { tag: 'iq', attrs: { xmlns: 'w:fortune', type: 'get', to: '@s.whatsapp.net' }, content: [] }
  await expect(alice.sock.query(question)).rejects.toThrow('feature-not-implemented')
  expect(emulator.unknownStanzas).toMatchObject([
    { from: '15550001001:1', file: 'packages/emulator/src/stanzas/w-fortune.ts' },
  ])
  expect(lines[0]).toContain(`xmlns='w:fortune'`)
  expect(() => emulator.assertQuiet()).toThrow('1 stanzas')
  await alice.end()
  await expect(emulator.close()).rejects.toThrow('w:fortune')
})

test('a channel, which is not emulated, is refused and reported, although its queries have a namespace that is', async () => {
  const emulator = await index.createEmulator({ strict: true, log: () => undefined })
  const client = await new Client(emulator).link(emulator.phone('15550001001'))
  await expect(client.sock.newsletterCreate('News')).rejects.toThrow('feature-not-implemented')
  await client.end()
  await expect(emulator.close()).rejects.toThrow("xmlns='w:mex'")
})
