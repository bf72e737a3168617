import { describe, expect, onTestFinished, test } from 'vitest'
import type { NewEntry } from '../src/acceptance.ts'
import { Batches } from '../src/batches.ts'
import { Inbox } from '../src/inbox.ts'
import { type Logger, SEND_DEADLINE_MS } from '../src/options.ts'
import { Outbox } from '../src/outbox.ts'
import { Pacer } from '../src/pacer.ts'
import { Reader } from '../src/reader.ts'
import type { Account } from '../src/shared.ts'
import type { OutboxEntry } from '../src/stores/sql/outbox.ts'
import * as rows from '../src/stores/sql/outbox.ts'
import type { Store, Work } from '../src/stores/store.ts'
import { writeText } from '../src/whatsapp/write-message.ts'
import { STORES } from './stores/open.ts'

const OWN: Account = { phone: '491700000001', lid: null, name: 'Erika' }
const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** One process on the data in `store`, without a connection at first. */
function processOn(store: Store) {
  const account = () => OWN
  const pacer = new Pacer({ gap: { minMs: 0, maxMs: 0 } })
  const inbox = new Inbox('s', account)
  const outbox = new Outbox({ session: 's', store, pacer, inbox, account, logger, committed() {} })
  const reader = new Reader('s', store, account)
  onTestFinished(() => {
    outbox.detach()
    return pacer.stop()
  })
  const sent: string[] = []
  const ack = async (id: string, error?: string) => {
    await expect.poll(() => sent).toContain(id)
    outbox.acked(id, error, Date.now())
  }
  return {
    outbox,
    batches: new Batches('s', store, outbox),
    sent,
    ack,
    /** Connects to a server that acknowledges nothing by itself. */
    attach: (exists: () => Promise<boolean> = async () => true) =>
      outbox.attach({
        prepare:
          async ({ id }: OutboxEntry) =>
          async () =>
            void sent.push(id),
        settle: (_: string, work: () => Work<void>) => store.write(work),
        unsent() {},
        typing: async () => {},
        exists,
        reachout: async () => ({ isRestricted: false, until: null, reason: null }),
        lost() {},
      }),
    accept: (ids: string[], batch?: string, when: Pick<NewEntry, 'sendAt'> = {}) =>
      outbox.accept(
        ids.map((id, index) => {
          const phone = `49111111${id.charCodeAt(0)}`
          const entry = { id, chat: `${phone}@c.us`, phone, body: writeText(id), ...when }
          return batch === undefined ? entry : { ...entry, batch: { id: batch, index } }
        }),
      ),
    waits: async (id: string) => {
      const { waitsFor, waitsUntil, sendAt } = await reader.message(id)
      return { waitsFor, waitsUntil, sendAt }
    },
    counts: async (batch: string) => (await reader.batch(batch)).counts,
    state: async (batch: string) => (await reader.batch(batch)).state,
  }
}

describe.each(STORES)('a batch, on %s', (_, open) => {
  test('that is paused sends nothing more, lets others pass, and goes on where it was', async () => {
    const { accept, attach, ack, sent, batches, counts, state } = processOn(await open())
    await attach()
    await accept(['A1', 'A2', 'A3'], 'b')
    await expect.poll(() => sent).toEqual(['A1'])
    await batches.pause('b')
    await batches.pause('b')
    await accept(['A4'])
    // What was on its way is settled, and the line goes on.
    await ack('A1')
    await ack('A4')
    await expect.poll(() => counts('b')).toMatchObject({ sent: 1, queued: 2 })
    expect([sent, await state('b')]).toEqual([['A1', 'A4'], 'paused'])
    await batches.resume('b')
    await ack('A2')
    await ack('A3')
    await expect.poll(() => counts('b')).toMatchObject({ sent: 3 })
    expect([sent, await state('b')]).toEqual([['A1', 'A4', 'A2', 'A3'], 'running'])
  })

  test('that is paused stays so over a restart, and does not expire', async () => {
    const store = await open()
    const before = processOn(store)
    await before.accept(['A1', 'B1'], 'b')
    await before.batches.pause('b')
    await store.write(function* () {
      yield { sql: 'UPDATE outbox SET deadline = 1', params: [] }
    })
    const { attach, accept, ack, sent, outbox, batches, counts } = processOn(store)
    await outbox.expire()
    await attach()
    await outbox.expire()
    await accept(['C1'])
    await ack('C1')
    expect([sent, await counts('b')]).toEqual([['C1'], expect.objectContaining({ queued: 2, expired: 0 })])
    await batches.resume('b')
    for (const id of ['A1', 'B1']) await ack(id)
    await expect.poll(() => counts('b')).toMatchObject({ sent: 2 })
  })

  test('that is cancelled sends nothing more but what was on its way', async () => {
    const { accept, attach, ack, sent, batches, counts, state } = processOn(await open())
    await attach()
    await accept(['A1', 'A2', 'A3'], 'b')
    await accept(['C1'], 'other')
    await expect.poll(() => sent).toEqual(['A1', 'C1'])
    await batches.cancel('b')
    await ack('A1')
    await accept(['A4'])
    await ack('A4')
    await expect.poll(() => counts('b')).toMatchObject({ sent: 1, cancelled: 2, queued: 0 })
    // It is final.
    await batches.resume('b')
    await batches.pause('b')
    expect([await state('b'), await state('other'), sent]).toEqual(['cancelled', 'running', ['A1', 'C1', 'A4']])
  })

  test('that is cancelled while paused, or without a connection, is not sent by the next one', async () => {
    const store = await open()
    const before = processOn(store)
    await before.attach()
    await before.accept(['A1', 'A2'], 'paused')
    await before.ack('A1')
    await before.batches.pause('paused')
    await before.batches.cancel('paused')
    before.outbox.detach()
    await before.accept(['B1', 'B2'], 'offline')
    await before.batches.cancel('offline')
    expect(await before.counts('offline')).toMatchObject({ cancelled: 2 })
    const { attach, accept, ack, sent } = processOn(store)
    await attach()
    await accept(['B3'])
    await ack('B3')
    expect(sent.filter((id) => id !== 'A2')).toEqual(['B3'])
  })

  test('is forgotten as a whole, when all of it was settled long ago', async () => {
    const store = await open()
    const { accept, attach, ack, sent, batches, counts } = processOn(store)
    await attach()
    await accept(['A1', 'A2'], 'half')
    await accept(['B1'], 'done')
    await expect.poll(() => sent).toEqual(['A1', 'B1'])
    await batches.pause('half')
    await ack('A1')
    await ack('B1')
    await expect.poll(() => counts('half')).toMatchObject({ sent: 1 })
    await expect.poll(() => counts('done')).toMatchObject({ sent: 1 })
    await store.write(() => rows.dropOld(Date.now() - 60_000))
    expect(await counts('done')).toMatchObject({ sent: 1 })
    await store.write(() => rows.dropOld(Date.now() + 60_000))
    expect(await counts('half')).toMatchObject({ sent: 1, queued: 1 })
    await expect(counts('done')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await batches.cancel('half')
    await store.write(() => rows.dropOld(Date.now() + 60_000))
    await expect(counts('half')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('that does not exist can be neither paused nor resumed nor cancelled', async () => {
    const { batches } = processOn(await open())
    for (const command of [batches.pause('x'), batches.resume('x'), batches.cancel('x')]) {
      await expect(command).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }
  })

  test('whose messages wait for their time is paused, resumed and cancelled like others, and says so', async () => {
    const store = await open()
    const { accept, attach, ack, sent, batches, waits, counts } = processOn(store)
    await attach()
    const soon = Date.now() + 300
    const later = Date.now() + 3_600_000
    await accept(['A1'], 'soon', { sendAt: soon })
    await accept(['B1'], 'later', { sendAt: later })
    expect(await waits('A1')).toEqual({ waitsFor: 'send_at', waitsUntil: soon, sendAt: soon })
    await batches.pause('soon')
    await batches.pause('later')
    expect(await waits('A1')).toEqual({ waitsFor: 'batch', waitsUntil: null, sendAt: soon })
    await expect.poll(() => Date.now()).toBeGreaterThan(soon + 50)
    await accept(['C1'])
    await ack('C1')
    expect(sent).toEqual(['C1'])
    await batches.resume('soon')
    await batches.resume('later')
    await ack('A1')
    await expect.poll(() => counts('soon')).toMatchObject({ sent: 1 })
    expect(await waits('A1')).toEqual({ waitsFor: null, waitsUntil: null, sendAt: soon })
    expect(await waits('B1')).toEqual({ waitsFor: 'send_at', waitsUntil: later, sendAt: later })
    expect(await store.read(() => rows.byId('s', 'B1'))).toMatchObject({ deadline: later + SEND_DEADLINE_MS })
    await batches.cancel('later')
    expect([await counts('later'), sent]).toEqual([expect.objectContaining({ cancelled: 1 }), ['C1', 'A1']])
  })

  test('pauses what is to be tried again, too', async () => {
    const { accept, attach, ack, sent, batches, counts } = processOn(await open())
    await attach()
    await accept(['A1'], 'b')
    await expect.poll(() => sent).toEqual(['A1'])
    await batches.pause('b')
    await ack('A1', '503')
    await accept(['A2'])
    await ack('A2')
    expect([sent, await counts('b')]).toEqual([['A1', 'A2'], expect.objectContaining({ queued: 1 })])
    await batches.cancel('b')
    expect(await counts('b')).toMatchObject({ cancelled: 1 })
  })
})

describe.each(STORES)('a message that is called off, on %s', (_, open) => {
  const TOO_LATE = { code: 'TOO_LATE', details: { state: 'on_wire' } }

  test('while it waits for its turn is not sent, and its chat goes on', async () => {
    const { accept, attach, ack, sent, batches, counts } = processOn(await open())
    await attach()
    await accept(['A1', 'A2', 'A3'], 'b')
    await expect.poll(() => sent).toEqual(['A1'])
    await batches.cancelMessage('A2')
    await batches.cancelMessage('A2')
    for (const id of ['A1', 'A3']) await ack(id)
    await expect.poll(() => counts('b')).toMatchObject({ sent: 2, cancelled: 1 })
    expect(sent).toEqual(['A1', 'A3'])
  })

  test('while its batch is paused, or its time has not come, or nobody is connected, is not sent', async () => {
    const store = await open()
    const { accept, attach, ack, sent, batches, outbox } = processOn(store)
    await attach()
    await accept(['A1', 'A2'], 'paused')
    await expect.poll(() => sent).toEqual(['A1'])
    await batches.pause('paused')
    await ack('A1')
    await accept(['B1'], undefined, { sendAt: Date.now() + 3_600_000 })
    for (const id of ['A2', 'B1']) await batches.cancelMessage(id)
    await batches.resume('paused')
    outbox.detach()
    await accept(['C1', 'C2'])
    await batches.cancelMessage('C1')
    await attach()
    await ack('C2')
    expect(sent).toEqual(['A1', 'C2'])
  })

  test('while it is on the wire stays, also when that wire is gone', async () => {
    const { accept, attach, ack, sent, batches, outbox } = processOn(await open())
    await attach()
    await accept(['A1'])
    await expect.poll(() => sent).toEqual(['A1'])
    await expect(batches.cancelMessage('A1')).rejects.toMatchObject(TOO_LATE)
    outbox.detach()
    await expect(batches.cancelMessage('A1')).rejects.toMatchObject(TOO_LATE)
    await attach()
    await expect.poll(() => sent).toEqual(['A1', 'A1'])
    // The server said that it does not have it.
    await ack('A1', '503')
    await batches.cancelMessage('A1')
    await accept(['B1'])
    await ack('B1')
    await expect(batches.cancelMessage('B1')).rejects.toMatchObject({ code: 'TOO_LATE', details: { state: 'server' } })
  })

  test('while it is asked whether its chat exists is not sent', async () => {
    const { accept, attach, ack, sent, batches } = processOn(await open())
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<boolean>()
    await attach(() => {
      asked.resolve()
      return answer.promise
    })
    await accept(['A1', 'A2'])
    await asked.promise
    await batches.cancelMessage('A1')
    answer.resolve(true)
    await ack('A2')
    expect(sent).toEqual(['A2'])
  })

  test('goes after all when that cannot be written', async () => {
    const store = await open()
    let fails = false
    const failing: Store = {
      read: (work) => store.read(work),
      write: (work) => (fails ? Promise.reject(new Error('the disk is gone')) : store.write(work)),
      close: () => store.close(),
    }
    const { accept, attach, ack, sent, batches } = processOn(failing)
    await attach()
    await accept(['A1', 'A2', 'A3'])
    await expect.poll(() => sent).toEqual(['A1'])
    fails = true
    await expect(batches.cancelMessage('A2')).rejects.toThrow('the disk is gone')
    fails = false
    for (const id of ['A1', 'A2', 'A3']) await ack(id)
    expect(sent).toEqual(['A1', 'A2', 'A3'])
  })
})
