import { EventEmitter } from 'node:events'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import * as journal from '../../src/stores/sql/journal.ts'
import { rows, type Store } from '../../src/stores/store.ts'
import { harden, type SocketClient } from '../../src/whatsapp/harden.ts'
import { patchLibsignal } from '../../src/whatsapp/ratchet.ts'
import { arrivalsOf, bundleOf, coreParty, newCreds, padded, preKeysOf, stockParty, watchedStore } from './parties.ts'

patchLibsignal()

const PHONE = '4922222222'
const GROUP = '120363012345678901@g.us'
const OWN = '4911111111:5@s.whatsapp.net'
type Creds = ReturnType<typeof newCreds>
const linked = (): Creds => ({ ...newCreds(), account: {} })

/** One connection, whose listeners stand for Baileys; `baileys` does what it does with a stanza. */
function connection(store: Store, creds: Creds, baileys: (node: BinaryNode, core: Core) => unknown = () => {}) {
  const core = coreParty(store, creds)
  const seen: string[] = []
  const answers: unknown[] = []
  const ws = Object.assign(new EventEmitter(), { socket: { send() {}, terminate() {} } }) as SocketClient
  const ev = new EventEmitter()
  const arrivals = arrivalsOf(core, {
    ev,
    ack: ({ tag, attrs }) => void answers.push(['ack', tag, attrs.id]),
    receipt: (of) => void answers.push(['receipt', ...of]),
  })
  let handling = 0
  for (const lane of ['message', 'receipt', 'notification', 'call']) {
    ws.on(`CB:${lane}`, async (node: BinaryNode) => {
      seen.push(`${node.tag} ${node.attrs.id}`)
      await baileys(node, core)
    })
  }
  harden(ws, {
    fatal: (error) => {
      throw error
    },
    broke: (error) => {
      throw error
    },
    around: (work) => work(),
    durableFirst: (lane, node) => arrivals.durableFirst(lane, node),
    handled: async (lane, node) => {
      await arrivals.handled(lane, node)
      handling--
    },
    closed: () => undefined,
    saving: () => undefined,
  })
  return {
    seen,
    answers,
    core,
    ev,
    /** Delivers it, and resolves when all that was delivered is handled or answered. */
    async gets(node: BinaryNode) {
      const before = answers.length
      handling++
      ws.emit(`CB:${node.tag}`, node)
      while (handling > 0 && answers.length === before) await new Promise((again) => setImmediate(again))
      handling = 0
    },
    /** Delivers it to a Baileys that dies over it. */
    async diesOver(node: BinaryNode) {
      ws.emit(`CB:${node.tag}`, node)
      while (seen.length === 0) await new Promise((again) => setImmediate(again))
      core.vault.close()
    },
    again: () => arrivals.again((node) => ws.emit(`CB:${node.tag}`, node)),
    idle: async (stanzas: number) => {
      while (seen.length < stanzas) await new Promise((again) => setImmediate(again))
      for (let turn = 0; turn < 20; turn++) await new Promise((again) => setImmediate(again))
    },
  }
}
type Core = ReturnType<typeof coreParty>
const never = () => new Promise(() => {})
const kept = async (store: Store) =>
  (await store.read(() => rows<{ key: string }>('SELECT key FROM stanzas ORDER BY key'))).map(
    ({ key }) => key.split(' ')[0],
  )

const notification = (id: string, subject: string): BinaryNode => ({
  tag: 'notification',
  attrs: { id, from: GROUP, type: 'w:gp2', t: '1700000000' },
  content: [{ tag: 'subject', attrs: { subject } }],
})
const call: BinaryNode = {
  tag: 'call',
  attrs: { id: 'C1', from: `${PHONE}@s.whatsapp.net`, t: '1700000000' },
  content: [{ tag: 'offer', attrs: { 'call-id': 'X', 'call-creator': `${PHONE}@s.whatsapp.net` } }],
}
const retry = (count: number): BinaryNode => ({
  tag: 'receipt',
  attrs: { id: 'M1', from: `${PHONE}@s.whatsapp.net`, type: 'retry', t: '1700000000' },
  content: [{ tag: 'retry', attrs: { count: String(count), id: 'M1', t: '1700000000', v: '1' } }],
})
const again = (node: BinaryNode): BinaryNode => ({ ...node, attrs: { ...node.attrs, offline: '1' } })

describe.each([
  ['a notification', notification('N1', 'Neu')],
  ['a call', call],
  ['the wish for a resend', retry(1)],
])('%s', (_, node) => {
  test('is on disk before Baileys sees it, and given to it again when it died over it', async () => {
    const { store } = await watchedStore()
    const creds = linked()
    const first = connection(store, creds, async () => {
      expect(await kept(store)).toEqual(['unhandled'])
      await never()
    })
    await first.diesOver(node)
    const next = connection(store, creds)
    await next.again()
    await next.idle(1)
    expect(next.seen).toEqual([`${node.tag} ${node.attrs.id}`])
    expect(await kept(store)).toEqual(['handled'])
    // Nobody gets it a third time.
    const third = connection(store, creds)
    await third.again()
    expect(third.seen).toEqual([])
  })

  test('that was handled is answered with an ack when WhatsApp delivers it again, and Baileys does not see it', async () => {
    const { store } = await watchedStore()
    const creds = linked()
    const first = connection(store, creds)
    await first.gets(node)
    expect(first.answers).toEqual([])
    const next = connection(store, creds)
    await next.gets(again(node))
    expect({ seen: next.seen, answers: next.answers }).toEqual({
      seen: [],
      answers: [['ack', node.tag, node.attrs.id]],
    })
  })

  test('that was not handled reaches Baileys when WhatsApp delivers it again', async () => {
    const { store } = await watchedStore()
    const creds = linked()
    await connection(store, creds, never).diesOver(node)
    const next = connection(store, creds)
    await next.gets(again(node))
    expect(next.seen).toHaveLength(1)
    // And what is given to Baileys from the store meanwhile is known to be handled.
    await next.gets(again(node))
    expect(next.seen).toHaveLength(1)
  })
})

test('a group that is renamed has its name in the commit that keeps the notification', async () => {
  const { store, writes } = await watchedStore()
  const name = async () =>
    (await store.read(() => rows<{ name: string }>('SELECT name FROM chats WHERE chat = ?', GROUP)))[0]?.name
  const before = writes()
  const seen: unknown[] = []
  const first = connection(store, linked(), async () => void seen.push([writes(), await name()]))
  await first.gets(notification('N1', 'Neu'))
  expect(seen).toEqual([[before + 1, 'Neu']])
  await first.gets(notification('N2', 'Neuer'))
  // The old one comes once more, which says nothing new.
  await first.gets(again(notification('N1', 'Neu')))
  expect(await name()).toBe('Neuer')
})

test('wishes for the same message are told apart by their count', async () => {
  const { store } = await watchedStore()
  const first = connection(store, linked())
  for (const count of [1, 2, 2]) await first.gets(retry(count))
  expect(first.seen).toHaveLength(2)
})

test('before the account is linked nothing is kept: it belongs to this linking only', async () => {
  const { store } = await watchedStore()
  const first = connection(store, newCreds(), async () => expect(await kept(store)).toEqual([]))
  await first.gets(notification('N1', 'Neu'))
  expect(first.seen).toHaveLength(1)
})

describe('a message', () => {
  async function acquainted() {
    const { store } = await watchedStore()
    const creds = linked()
    const baileys = async ({ content }: BinaryNode, core: Core) => {
      const [enc] = content as BinaryNode[]
      await core.repository.decryptMessage({
        jid: `${PHONE}@s.whatsapp.net`,
        type: enc?.attrs.type as 'pkmsg',
        ciphertext: enc?.content as Uint8Array,
      })
    }
    const first = connection(store, creds, baileys)
    const [preKey] = await preKeysOf(first.core, 1)
    if (!preKey) throw new Error('no pre-key was made')
    const peer = await stockParty()
    await peer.repository.injectE2ESession({ jid: OWN, session: bundleOf(creds, preKey) })
    const says = async (text: string, attrs: Record<string, string> = {}): Promise<BinaryNode> => {
      const { type, ciphertext } = await peer.repository.encryptMessage({ jid: OWN, data: padded(text) })
      return {
        tag: 'message',
        attrs: { id: 'M1', from: `${PHONE}@s.whatsapp.net`, t: '1700000000', type: 'text', ...attrs },
        content: [{ tag: 'enc', attrs: { v: '2', type }, content: ciphertext }],
      }
    }
    return { store, creds, baileys, first, says }
  }
  const told = async (store: Store) => (await store.read(() => journal.after('s', 0, 99))).map(({ event }) => event)

  test('that is recorded is answered with its receipt when WhatsApp delivers it again', async () => {
    const { store, creds, baileys, first, says } = await acquainted()
    const node = await says('Hallo')
    await first.gets(node)
    const next = connection(store, creds, baileys)
    await next.gets(again(node))
    expect(next.seen).toEqual([])
    expect(next.answers).toEqual([['receipt', `${PHONE}@s.whatsapp.net`, undefined, ['M1'], 'inactive']])
    // Who shows himself confirms in full.
    next.ev.emit('connection.update', { isOnline: true })
    await next.gets(again(node))
    expect(next.answers[1]).toEqual(['receipt', `${PHONE}@s.whatsapp.net`, undefined, ['M1'], undefined])
    expect(await told(store)).toEqual(['message'])
  })

  test('with a new ciphertext beside a known one reaches Baileys', async () => {
    const { store, creds, baileys, first, says } = await acquainted()
    const node = await says('Hallo')
    await first.gets(node)
    const other = await says('und')
    const next = connection(store, creds, baileys)
    const both = { ...node, content: [...(node.content as BinaryNode[]), ...(other.content as BinaryNode[])] }
    await next.gets(again(both))
    expect(next.seen).toHaveLength(1)
  })

  test('of a kind that Baileys refuses unread is kept as it came, and told', async () => {
    const { store, first, says } = await acquainted()
    const node = await says('Hallo')
    const [enc] = node.content as BinaryNode[]
    if (enc) enc.attrs.type = 'msmsg'
    const refuses = connection(store, linked())
    await refuses.gets(node)
    expect(first.seen).toEqual([])
    expect(await told(store)).toEqual(['message_undecryptable'])
    expect(await kept(store)).toContain('refused')
  })

  const unreadable = (content: BinaryNode[], from = `${PHONE}@s.whatsapp.net`): BinaryNode => ({
    tag: 'message',
    attrs: { id: 'M1', from, t: '1700000000', type: 'text' },
    content,
  })

  test.each([
    ['without a byte in its encrypted part', unreadable([{ tag: 'enc', attrs: { v: '2', type: 'msg' } }])],
    [
      'of a newsletter, whose plaintext is no protobuf',
      unreadable([{ tag: 'plaintext', attrs: {}, content: Buffer.from([7]) }], '120363012345678901@newsletter'),
    ],
  ])('%s is told and kept before Baileys acknowledges it, and ends nothing', async (_, node) => {
    const { store } = await watchedStore()
    const before: unknown[] = []
    const first = connection(store, linked(), async () => void before.push([await told(store), await kept(store)]))
    await first.gets(node)
    expect(before).toEqual([[['message_undecryptable'], ['refused', 'undecryptable']]])
    expect(first.core.vault.isOpen).toBe(true)
  })
})
