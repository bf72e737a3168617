import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect, test, vi } from 'vitest'
import { MALFORMED_KINDS, type MalformedKind } from '../../src/index.ts'
import { type Client, withTrouble } from '../baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MIB = 1024 * 1024

/** What Baileys throws in a listener that nobody catches: it ends the whole process, with all its accounts. */
const FATAL: { [kind in MalformedKind]?: RegExp } = {
  truncated: /end of stream/,
  token: /end of stream/,
  deflate: /header|compression|distance|block|window|invalid/,
  deep: /Maximum call stack/,
  wide: /end of stream/,
  jid: /invalid jid pair/,
  garbage: /unable to authenticate/,
  empty: /authentication tag/,
  replayed: /unable to authenticate/,
  tampered: /unable to authenticate/,
}
/** What it does with the others: the tests below. A gigabyte it unpacks too, which is too much for a test. */
const SURVIVED: readonly MalformedKind[] = [
  'bomb',
  'gigabyte',
  'huge',
  'bare',
  'types',
  'length',
  'text',
  'bytewise',
  'split',
]

/** What an application that means to live does: the errors of Baileys' own listener are caught. */
function contained(client: Client): Promise<Error> {
  const [onMessage] = client.sock.ws.listeners('message') as ((data: unknown) => Promise<void>)[]
  client.sock.ws.removeAllListeners('message')
  return new Promise((resolve) => {
    client.sock.ws.on('message', (data: unknown) => {
      onMessage?.(data).catch(resolve)
    })
  })
}

/** The first stanza of this kind that Baileys makes of what comes off the wire. */
function decoded(client: Client, isIt: (node: BinaryNode) => boolean): Promise<BinaryNode> {
  return new Promise((resolve) => {
    client.sock.ws.on('frame', (node: BinaryNode) => {
      if (isIt(node)) resolve(node)
    })
  })
}

const sizeOf = ({ content }: BinaryNode) => (content instanceof Uint8Array ? content.length : 0)

test('what no server should send is more than Baileys can take', () =>
  withTrouble(async (emulator, client) => {
    expect([...Object.keys(FATAL), ...SURVIVED].sort()).toEqual([...MALFORMED_KINDS].sort())
    const alice = await client().link(emulator.phone(ALICE))
    for (const kind of MALFORMED_KINDS.filter((one) => FATAL[one])) {
      const thrown = contained(alice)
      emulator.faults.malformed(ALICE, kind)
      expect([kind, String(await thrown)]).toEqual([kind, expect.stringMatching(FATAL[kind] ?? /^$/)])
      await alice.end()
      alice.connect()
      await alice.opened()
    }
  }))

test('Baileys unpacks a bomb to the last byte, and reads a stanza as long as a frame can be', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    for (const [kind, size] of [
      ['bomb', 64 * MIB],
      ['huge', 16 * MIB - 1 - 32],
    ] as const) {
      const swallowed = decoded(alice, (node) => sizeOf(node) > MIB)
      emulator.faults.malformed(ALICE, kind)
      expect([kind, sizeOf(await swallowed)]).toEqual([kind, size])
    }
    await emulator.contact(MAX).says(ALICE, 'noch da?')
    await alice.hears('noch da?')
  }))

test('stanzas without what belongs to them, or with text for children, are errors in the log of Baileys', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    for (const [kind, complaints] of [
      ['bare', ['missing id attribute', 'Missing call info', "reading 'includes'"]],
      ['types', ['Missing call info']],
    ] as const) {
      alice.warnings.length = 0
      emulator.faults.malformed(ALICE, kind)
      await vi.waitFor(() => {
        for (const complaint of complaints) expect(alice.warnings.join()).toContain(complaint)
      })
    }
    await emulator.contact(MAX).says(ALICE, 'noch da?')
    await alice.hears('noch da?')
  }))

test('a frame that never ends, or is text, swallows what comes behind it; ones that come in pieces are read', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client({ defaultQueryTimeoutMs: 500 }).link(emulator.phone(ALICE))
    const harmless = decoded(alice, ({ tag, content }) => tag === 'ib' && JSON.stringify(content).includes('noop'))
    emulator.faults.malformed(ALICE, 'bytewise')
    await harmless
    emulator.faults.malformed(ALICE, 'split')
    await max.says(ALICE, 'heil angekommen')
    await alice.hears('heil angekommen')
    for (const kind of ['length', 'text'] as const) {
      emulator.faults.malformed(ALICE, kind)
      expect(await alice.sock.onWhatsApp(MAX)).toBeUndefined() // what Baileys makes of a time-out
      expect(alice.isOpen).toBe(true)
      await alice.end()
      alice.connect()
      await alice.opened()
      expect(await alice.sock.onWhatsApp(MAX)).toMatchObject([{ exists: true }])
    }
  }))
