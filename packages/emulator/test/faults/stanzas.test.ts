import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Client, textOf, withEmulator, withTrouble } from '../baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

const toAlice = { phone: ALICE, direction: 'to-client' } as const
const fromAlice = { phone: ALICE, direction: 'from-client' } as const
/** Not what the phone tells its companions by itself. */
const toAliceFromOthers = {
  ...toAlice,
  tag: 'message',
  matches: ({ attrs }: BinaryNode) => attrs.category !== 'peer',
} as const

const heard = (client: Client) => client.messages.filter(({ key }) => !key.fromMe)

test('a message that is lost on its way to a client comes again with its next login', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const lost = emulator.faults.on(toAliceFromOthers).drop(1)
    await max.says(ALICE, 'verloren')
    await lost.struck()
    await max.says(ALICE, 'danach')
    await alice.hears('danach')
    expect(heard(alice).map(textOf)).toEqual(['danach'])
    await alice.end()
    alice.connect()
    await alice.hears('verloren')
    expect(alice.messages.map((message, index) => [textOf(message), alice.kinds[index]])).toContainEqual([
      'verloren',
      'append',
    ])
  }))

test('a message that is lost on its way to the server is heard by nobody, and one whose ack is lost is heard once', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const lost = emulator.faults.on({ ...fromAlice, tag: 'message' }).drop(1)
    const first = await alice.says(MAX, 'eins')
    await lost.struck()
    const lostAck = emulator.faults.on({ ...toAlice, tag: 'ack', class: 'message' }).drop(1)
    const second = await alice.says(MAX, 'zwei')
    await lostAck.struck()
    await alice.says(MAX, 'zwei', second)
    await alice.acked(second)
    await alice.says(MAX, 'drei')
    await max.hears('drei')
    expect(alice.acks.has(first)).toBe(false)
    expect(max.messages().map(({ text, copies }) => [text, copies])).toEqual([
      ['zwei', 2],
      ['drei', 1],
    ])
  }))

test('acks are held until they are let go, come twice, or late by the clock', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const acks: string[] = []
    alice.sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => acks.push(attrs.id ?? ''))
    const ack = { ...toAlice, tag: 'ack', class: 'message' }

    const held = emulator.faults.on(ack).hold()
    const ids = [await alice.says(MAX, 'a'), await alice.says(MAX, 'b')]
    await max.hears('b')
    await held.struck(2)
    await alice.sock.onWhatsApp(MAX) // whatever was on its way has arrived before the answer
    expect(acks).toEqual([])
    held.lift()
    for (const id of ids) await alice.acked(id)
    expect(acks).toEqual(ids)

    const twice = emulator.faults.on(ack).duplicate(1)
    const doubled = await alice.says(MAX, 'c')
    await alice.acked(await alice.says(MAX, 'd'))
    expect(acks.filter((id) => id === doubled)).toHaveLength(2)
    expect(twice.count).toBe(1)

    const late = emulator.faults.on(ack).delay(60_000, 1)
    const delayed = await alice.says(MAX, 'e')
    await late.struck()
    await alice.acked(await alice.says(MAX, 'f'))
    expect(acks).not.toContain(delayed)
    await emulator.clock.advance(60_000)
    await alice.acked(delayed)
    expect(emulator.faults.all.map(({ what }) => what.split(' ')[0])).toEqual(['duplicate', 'delay'])
    emulator.faults.lift()
    expect(emulator.faults.all).toEqual([])
  }))

test('a client sees a doubled message once, and two that changed places in the order in which they came', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const seen: string[] = []
    alice.sock.ws.on('CB:message', ({ attrs }: BinaryNode) => seen.push(attrs.id ?? ''))
    emulator.faults.on(toAliceFromOthers).duplicate(1)
    const doubled = await max.says(ALICE, 'doppelt')
    await alice.hears('doppelt')
    emulator.faults.on(toAliceFromOthers).swap(1)
    for (const text of ['eins', 'zwei', 'drei']) await max.says(ALICE, text)
    await alice.hears('drei')
    expect(heard(alice).map(textOf)).toEqual(['doppelt', 'zwei', 'eins', 'drei'])
    expect(seen.filter((id) => id === doubled.id)).toHaveLength(2)

    emulator.faults.on({ ...fromAlice, tag: 'message' }).duplicate(1)
    const acks: string[] = []
    alice.sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => acks.push(attrs.id ?? ''))
    const twice = await alice.says(MAX, 'auch doppelt')
    const next = await alice.says(MAX, 'danach')
    await max.hears('danach')
    await alice.acked(next)
    expect(acks).toEqual([twice, twice, next])
    // The same bytes twice are no second copy, as a resend is: the key of the first one is used up.
    expect(max.messages().map(({ copies }) => copies)).toEqual([1, 1])
  }))

test('a slow server answers in order, with the time it takes by the clock', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const slow = emulator.faults.on(fromAlice).slow(5_000, { jitterMs: 1_000 })
    const answers: string[] = []
    const asked = ['first', 'second'].map((name) => alice.sock.onWhatsApp(MAX).then(() => answers.push(name)))
    await slow.struck(2)
    await max.says(ALICE, 'schneller')
    await alice.hears('schneller') // an answer that was on its way would have arrived before
    expect(answers).toEqual([])
    slow.lift()
    asked.push(alice.sock.onWhatsApp(MAX).then(() => answers.push('third')))
    while (answers.length < 3) {
      await emulator.clock.advance(1_000)
      await new Promise(setImmediate) // the last one may have to arrive first
    }
    await Promise.all(asked)
    expect(answers).toEqual(['first', 'second', 'third'])
  }))

test('a query is refused with a code, or never answered', () =>
  withTrouble(async (emulator, client) => {
    emulator.contact(MAX)
    const alice = await client({ defaultQueryTimeoutMs: 300 }).link(emulator.phone(ALICE))
    const usync = emulator.faults.on({ ...fromAlice, xmlns: 'usync' })
    usync.refuse(429, {}, 1)
    await expect(alice.sock.onWhatsApp(MAX)).rejects.toMatchObject({ message: 'rate-overlimit', data: 429 })
    usync.refuse(503, { text: 'try later' }, 1)
    await expect(alice.sock.onWhatsApp(MAX)).rejects.toMatchObject({ message: 'try later', data: 503 })
    const silence = usync.drop(1)
    expect(await alice.sock.onWhatsApp(MAX)).toBeUndefined() // what Baileys makes of a time-out
    expect(silence.count).toBe(1)
    expect(await alice.sock.onWhatsApp(MAX)).toMatchObject([{ exists: true }])
  }))

test('error acks end in a message with the status of an error', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.says(MAX, 'hallo')
    await max.hears('hallo')
    for (const code of [421, 429, 479]) {
      emulator.faults.on({ ...fromAlice, tag: 'message' }).refuse(code, {}, 1)
      const id = await alice.says(MAX, `abgelehnt mit ${code}`)
      expect(await alice.acked(id)).toBe(String(code))
      await alice.until(
        () =>
          alice.updates.some(
            ({ key, update }) => key.id === id && update.messageStubParameters?.[0] === String(code),
          ) || alice.messages.some(({ key, status }) => key.id === id && status === 0),
      )
    }
    expect(max.messages()).toHaveLength(1)
  }))

test('a message that was damaged is asked for again', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await max.says(ALICE, 'eins')
    await alice.hears('eins')
    const retries = emulator.faults.on({ ...fromAlice, tag: 'receipt', type: 'retry' }).slow(0)
    const damage = emulator.faults.on(toAliceFromOthers).corrupt(1)
    const { id } = await max.says(ALICE, 'zwei')
    expect((await alice.hears('zwei')).key.id).toBe(id)
    expect([damage.count, retries.count]).toEqual([1, 1])

    emulator.faults.on({ ...fromAlice, tag: 'message' }).corrupt(1)
    const third = await alice.says(MAX, 'drei')
    expect(await max.hears('drei')).toMatchObject({ copies: 1 })
    const asked = alice.receipts.filter(({ type, from }) => type === 'retry' && from?.startsWith(MAX))
    expect(asked).toMatchObject([{ id: third }])
  }))

test('a stanza ends the connection instead of arriving, or becomes another one', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    emulator.faults.on({ ...fromAlice, tag: 'message' }).kick('503', 1)
    await alice.says(MAX, 'nicht angekommen')
    expect(await alice.closed()).toBe(503)
    alice.connect()
    await alice.opened()
    expect(max.messages()).toEqual([])

    emulator.faults
      .on(toAliceFromOthers)
      .rewrite((node) => ({ ...node, attrs: { ...node.attrs, notify: 'Moritz' } }), 1)
    await max.says(ALICE, 'wer bin ich?')
    expect((await alice.hears('wer bin ich?')).pushName).toBe('Moritz')
  }))

test('a fault is for one device, one direction, one child; and says when it is asked for something it cannot do', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const max = emulator.contact(MAX)
    const first = await client().link(phone)
    const second = await client().link(phone)
    const lost = emulator.faults.on({ ...toAliceFromOthers, device: 2 }).drop()
    await max.says(ALICE, 'nur einer')
    await first.hears('nur einer')
    await lost.struck()
    lost.lift()
    await max.says(ALICE, 'beide')
    await second.hears('beide')
    expect(heard(second).map(textOf)).toEqual(['beide'])
    expect(() => emulator.faults.on(toAlice).refuse(500)).toThrow('from-client')
    expect(() => emulator.faults.on(fromAlice).tear()).toThrow('to-client')
    expect(() => emulator.faults.on().drop(0)).toThrow(RangeError)
    await expect(emulator.faults.on({ id: 'no' }).drop().struck(1, { timeoutMs: 50 })).rejects.toThrow('struck 0 times')
  }))
