import { decodeBinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { StanzaLog } from '../src/stanza-log.ts'
import { Store } from '../src/state/database.ts'
import type { Connection } from '../src/stream/connection.ts'
import { el } from '../src/stream/nodes.ts'
import { NetworkClock } from '../src/world/clock.ts'
import { Login } from '../src/world/login.ts'
import { Post } from '../src/world/post.ts'

const ALICE = '15550001001'
const LIMIT = 100_000
const STANZA = 1_000

/** A client that reads everything at once, but only when it is told to, behind a socket that says when it is too much. */
class SlowReader {
  readonly isClosed = false
  readonly got: Uint8Array[] = []
  waiting = 0
  most = 0
  #resume: (() => void) | undefined

  get isCongested(): boolean {
    return this.waiting > LIMIT
  }

  sendEncoded(body: Uint8Array): void {
    this.got.push(body)
    this.waiting += body.length
    this.most = Math.max(this.most, this.waiting)
  }

  send(): void {}

  async drained(): Promise<void> {
    if (!this.isCongested) return
    await new Promise<void>((resolve) => {
      this.#resume = resolve
    })
  }

  get isAwaited(): boolean {
    return this.#resume !== undefined
  }

  reads(): void {
    this.waiting = 0
    this.#resume?.()
    this.#resume = undefined
  }
}

function loggedIn(reader: SlowReader) {
  const store = new Store(undefined)
  const clock = new NetworkClock(store, {}, () => undefined)
  const post: Post = new Post(store, (_phone, _device, fresh) => login.fetch(fresh))
  const wire = new StanzaLog({ trace: undefined, xmlLog: undefined, warn: () => undefined }, clock)
  // Login calls nothing of a connection but what SlowReader has.
  const login = new Login({ phone: ALICE, device: 1 }, reader as unknown as Connection, post, clock, wire)
  const queue = (ids: readonly number[]) =>
    post.commit(() => {
      for (const id of ids) post.queue(ALICE, 1, el('message', { id }, Buffer.alloc(STANZA, id)))
    })
  return { login, queue }
}

async function idsOf(reader: SlowReader): Promise<number[]> {
  const nodes = await Promise.all(reader.got.map((body) => decodeBinaryNode(Buffer.from(body))))
  return nodes.map(({ attrs }) => Number(attrs.id))
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
const turnOver = () => new Promise((resolve) => setImmediate(resolve))

test('ten thousand stanzas go to a slow client in order, and only a few of them wait in memory', async () => {
  const reader = new SlowReader()
  const { login, queue } = loggedIn(reader)
  await login.activate()
  queue(upTo(10_000))
  while (reader.got.length < 10_000) {
    await turnOver()
    if (reader.isAwaited) reader.reads()
  }
  expect(await idsOf(reader)).toEqual(upTo(10_000))
  expect(reader.most).toBeLessThan(LIMIT + 200 * (STANZA + 100))
})

test('what is queued while a client catches up comes after what it missed, each once', async () => {
  const reader = new SlowReader()
  const { login, queue } = loggedIn(reader)
  await login.activate()
  queue(upTo(500))
  queue([500])
  while (reader.got.length < 501) {
    await turnOver()
    if (reader.isAwaited) reader.reads()
  }
  reader.reads()
  queue([501])
  queue([502, 503])
  await turnOver()
  expect(await idsOf(reader)).toEqual(upTo(504))
})

test('what is queued goes out after what the one who queues it has to say in the same breath', async () => {
  const reader = new SlowReader()
  const { login, queue } = loggedIn(reader)
  await login.activate()
  queue([1])
  reader.sendEncoded(Buffer.from([0, 248, 1, 3])) // an ack, say
  await turnOver()
  expect(reader.got.map(({ length }) => length > 100)).toEqual([false, true])
})
