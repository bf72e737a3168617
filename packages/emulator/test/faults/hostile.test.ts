import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { deflateSync } from 'node:zlib'
import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { malformedStanza } from '../../src/faults/malformed.ts'
import { createEmulator, MALFORMED_KINDS } from '../../src/index.ts'
import { INTRO } from '../../src/noise/handshake.ts'
import { Random } from '../../src/state/random.ts'
import { FrameReader, toFrame } from '../../src/stream/frames.ts'
import { el } from '../../src/stream/nodes.ts'
import { Client, withEmulator, withTrouble } from '../baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

/** Sends bytes that Baileys seals, and waits until the server has cut the line. */
async function cutFor(client: Client, plain: Uint8Array): Promise<void> {
  const before = client.closes.length
  await client.sock.sendRawMessage(plain)
  await client.until(() => client.closes.length > before)
  expect(client.closes.at(-1)).toBe(428)
}

test('a client whose stanzas are malformed loses its own line, and nobody else does', () => {
  const warnings: string[] = []
  return withTrouble(
    async (emulator, client) => {
      const max = emulator.contact(MAX)
      const bob = await client().link(emulator.phone('15550002002'))
      const alice = await client().link(emulator.phone(ALICE))
      const random = new Random('hostile')
      const bomb = Buffer.concat([Buffer.from([2]), deflateSync(Buffer.alloc(32 * 1024 * 1024))])
      const kinds = ['truncated', 'token', 'deflate', 'deep', 'wide', 'jid'] as const
      for (const plain of [...kinds.map((kind) => malformedStanza(kind, random)), bomb, Buffer.alloc(0)]) {
        await cutFor(alice, plain)
        alice.connect()
        await alice.opened()
      }
      expect(MALFORMED_KINDS).toEqual(expect.arrayContaining([...kinds]))
      expect(warnings.filter((line) => line.includes('was dropped'))).toHaveLength(8)
      await bob.says(MAX, 'mir geht es gut')
      await max.hears('mir geht es gut')
      expect(bob.closes).toEqual([515])
    },
    { log: (line) => warnings.push(line) },
  )
})

test('stanzas without what belongs to them, or with something else, hurt nobody', async () => {
  const emulator = await createEmulator({ pretendPreKeys: 100 })
  const max = emulator.contact(MAX)
  const alice = await new Client(emulator).link(emulator.phone(ALICE))
  const odd: BinaryNode[] = []
  for (const tag of ['message', 'receipt', 'ack', 'notification', 'presence', 'chatstate', 'ib', 'call', 'iq']) {
    odd.push(el(tag), el(tag, { to: '@', id: '', type: '' }), el(tag, { to: `${MAX}@s.whatsapp.net`, id: 'x' }, 'text'))
    odd.push(el(tag, { to: '120363000000000000@g.us', id: '__proto__', type: 'retry' }, [el('enc', {}, 'no')]))
  }
  for (const [xmlns, child] of [
    ['encrypt', 'key'],
    ['usync', 'usync'],
    ['w:g2', 'create'],
    ['w:sync:app:state', 'sync'],
    ['privacy', 'tokens'],
    ['md', 'remove-companion-device'],
    ['w:mex', 'query'],
  ] as const) {
    for (const type of ['get', 'set']) {
      odd.push(el('iq', { xmlns, type, id: 'odd' }), el('iq', { xmlns, type, id: 'odd' }, [el(child)]))
      odd.push(el('iq', { xmlns, type, id: 'odd', to: '@g.us' }, [el(child, { jid: 'nobody' }, 'text')]))
    }
  }
  for (const node of odd) {
    if (!alice.sock.ws.isOpen) {
      await alice.closed()
      alice.connect()
      await alice.opened()
    }
    await alice.sock.sendRawMessage(encodeBinaryNode(node)).catch(() => undefined) // the line may be cut already
  }
  const bob = await new Client(emulator).link(emulator.phone('15550002002'))
  await bob.says(MAX, 'alles gut')
  await max.hears('alles gut')
  for (const client of [alice, bob]) await client.end()
  await emulator.close()
})

test('what is no handshake ends the connection, and one that never comes is not waited for', () =>
  withEmulator(
    async (emulator) => {
      const hello = Buffer.concat([INTRO, toFrame(Buffer.from([0x12, 0x22, 0x0a, 0x20, ...Buffer.alloc(32)]))])
      for (const bytes of [
        Buffer.from('GET / HTTP/1.1\r\n'),
        Buffer.concat([INTRO, toFrame(randomBytes(64))]),
        Buffer.concat([INTRO, toFrame(Buffer.alloc(0))]),
        Buffer.concat([hello, toFrame(randomBytes(300))]),
      ]) {
        const socket = new WebSocket(emulator.url)
        await once(socket, 'open')
        socket.send(bytes)
        await once(socket, 'close')
      }
      const silent = new WebSocket(emulator.url)
      await once(silent, 'open')
      const closed = once(silent, 'close')
      await emulator.clock.advance(60_000)
      await closed

      const tooLong = new WebSocket(emulator.url)
      tooLong.on('error', () => undefined) // it is cut while it is still sending
      await once(tooLong, 'open')
      tooLong.send(Buffer.alloc(20 * 1024 * 1024))
      await once(tooLong, 'close')
      const last = new Client(emulator).connect()
      await last.until(() => last.qr)
      await last.end()
    },
    { log: () => undefined },
  ))

test('frames are put together from whatever pieces they come in', () => {
  const bodies = [Buffer.from('one'), Buffer.alloc(0), randomBytes(70_000), Buffer.from('four')]
  const stream = Buffer.concat([INTRO, ...bodies.map(toFrame)])
  for (const size of [1, 2, 3, 7, 1_000, stream.length]) {
    const reader = new FrameReader()
    const frames: Buffer[] = []
    for (let place = 0; place < stream.length; place += size) {
      frames.push(...reader.push(stream.subarray(place, place + size)))
    }
    expect([size, frames.map((frame, index) => frame.equals(bodies[index] ?? Buffer.alloc(1)))]).toEqual([
      size,
      [true, true, true, true],
    ])
  }
})
