import { expect, test } from 'vitest'
import { MALFORMED_KINDS, type MalformedKind } from '../../src/index.ts'
import { type Client, withEmulator } from '../baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

/** What Baileys throws; uncaught, it ends the whole process. These do not throw: they wait, or pass. */
const HARMLESS: readonly MalformedKind[] = ['bytewise', 'length', 'bare', 'types', 'huge', 'bomb']

/** What an application that means to live does: the errors of Baileys' own listener are caught. */
function contained(client: Client): unknown[] {
  const errors: unknown[] = []
  const [onMessage] = client.sock.ws.listeners('message') as ((data: unknown) => Promise<void>)[]
  client.sock.ws.removeAllListeners('message')
  client.sock.ws.on('message', (data: unknown) => {
    onMessage?.(data).catch((error: unknown) => {
      errors.push(error)
      client.sock.ws.emit('contained')
    })
  })
  return errors
}

test('what no server should send is more than Baileys can take', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    for (const kind of MALFORMED_KINDS.filter((one) => !HARMLESS.includes(one))) {
      const errors = contained(alice)
      const struck = new Promise((resolve) => alice.sock.ws.once('contained', resolve))
      emulator.faults.malformed(ALICE, kind)
      if (kind !== 'text') await struck
      expect([kind, errors.length > 0 || kind === 'text']).toEqual([kind, true])
      await alice.end()
      alice.connect()
      await alice.opened()
    }
  }))

test('a frame that never ends swallows what comes behind it; one that comes byte by byte is read', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client({ defaultQueryTimeoutMs: 500 }).link(emulator.phone(ALICE))
    emulator.faults.malformed(ALICE, 'bytewise')
    await max.says(ALICE, 'heil angekommen')
    await alice.hears('heil angekommen')
    const errors = contained(alice)
    emulator.faults.malformed(ALICE, 'length')
    expect(await alice.sock.onWhatsApp(MAX)).toBeUndefined()
    expect(errors).toEqual([])
  }))
