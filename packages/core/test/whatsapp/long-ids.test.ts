import { randomBytes } from 'node:crypto'
import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { rows, type Store } from '../../src/stores/store.ts'
import * as unhandled from '../../src/whatsapp/unhandled.ts'
import { STORES } from '../stores/open.ts'
import { arrivalsOf, coreParty, newCreds } from './parties.ts'

const PHONE = '4922222222@s.whatsapp.net'
/** Of chance: PostgreSQL packs what repeats itself, and then an index takes it. */
const LONG = randomBytes(75_000).toString('base64url')

function connection(store: Store) {
  const core = coreParty(store, { ...newCreds(), account: {} })
  const answers: unknown[] = []
  const arrivals = arrivalsOf(core, { ack: ({ attrs }) => void answers.push(attrs.id) })
  return { arrivals, answers, vault: core.vault }
}

/** Ids are strangers' words: one that no index takes must not look like a store that failed. */
describe.each(STORES)('ids of 100 KB, kept in %s', (_, open) => {
  test('a notification is kept, handled once, and told from another whose id begins alike', async () => {
    const store = await open()
    const { arrivals, answers, vault } = connection(store)
    const named = (id: string): BinaryNode => ({ tag: 'notification', attrs: { id, from: PHONE, type: 'x', t: '1' } })
    const [one, other] = [named(LONG), named(`${LONG}2`)]
    expect(await arrivals.durableFirst('notification', one)).toBe(true)
    expect(await store.read(() => unhandled.isKept('s', one))).toBe(true)
    await arrivals.handled('notification', one)
    expect(await arrivals.durableFirst('notification', one)).toBe(false)
    expect(answers).toEqual([LONG])
    expect(await arrivals.durableFirst('notification', other)).toBe(true)
    expect(await vault.stanzas()).toEqual([other])
    expect(vault.isOpen).toBe(true)
  })

  test('a message is there as it came, if not in the history, and the account goes on', async () => {
    const store = await open()
    const { arrivals, vault } = connection(store)
    const plaintext = proto.Message.encode({ conversation: 'Hallo' }).finish()
    const message = (id: string): BinaryNode => ({
      tag: 'message',
      attrs: { id, from: PHONE, type: 'text', t: '1700000000' },
      content: [{ tag: 'plaintext', attrs: {}, content: plaintext }],
    })
    await arrivals.durableFirst('message', message(LONG))
    await arrivals.durableFirst('message', message('M2'))
    expect(vault.isOpen).toBe(true)
    const ids = await store.read(() => rows<{ id: string }>('SELECT id FROM messages'))
    const asTheyCame = await store.read(() => rows<{ node: Uint8Array }>('SELECT node FROM stanzas'))
    const kept = await Promise.all(asTheyCame.map(({ node }) => unhandled.decode(node)))
    expect([...ids.map(({ id }) => id), ...kept.map(({ attrs }) => attrs.id)]).toEqual(
      expect.arrayContaining([LONG, 'M2']),
    )
  })
})
