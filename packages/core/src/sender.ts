import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NewEntry } from './acceptance.ts'
import { chatKind, parseRecipient, type Recipient, userOf } from './chat-id.ts'
import { invalid, WamuxError } from './errors.ts'
import { Idempotency } from './idempotency.ts'
import { chatOfPhone } from './inbox.ts'
import type { Outbox } from './outbox.ts'
import type { Outcome } from './outcomes.ts'
import type { Reader } from './reader.ts'
import type { Batch, BulkItem, BulkOptions, SendOptions, SentMessage, WhenToSend } from './shared.ts'
import * as outboxRows from './stores/sql/outbox.ts'
import type { Store, Work } from './stores/store.ts'
import { type Content, LONGEST_TEXT, newMessageId, writeContent, writeText } from './whatsapp/write-message.ts'

/** What the server has to know beside the answer. */
export interface Replayable {
  /** Called when the answer is the one that an earlier call was given. */
  onReplay?: () => void
}

export interface SenderOptions {
  session: string
  store: Store
  outbox: Outbox
  reader: Reader
  /** Whether messages that do not say are typed. */
  typing: boolean
  sendWaitMs: number
  /** @throws WHATSAPP_DISCONNECTED unless a message can go out soon */
  assertCanSend(): void
}

/** What a send is told at the end of its wait. */
type Answer = Outcome | { state: 'queued' }

interface Item {
  id: string
  recipient: Recipient
  body: Uint8Array
  relay?: NewEntry['relay']
  when: WhenToSend
  batch?: NewEntry['batch']
}

const BATCH_MAX = 1_000
const YEAR_MS = 366 * 24 * 60 * 60_000
/** Clocks differ, and requests take their time. Earlier than that, it is more likely that somebody gave seconds. */
const PAST_MS = 5 * 60_000

/** The way from what a caller gives to the outbox, and from there to an answer. */
export class Sender {
  readonly #options: SenderOptions
  readonly #idempotency: Idempotency

  constructor(options: SenderOptions) {
    this.#options = options
    this.#idempotency = new Idempotency(options.session, options.store)
  }

  async send(phone: string, message: string, options: SendOptions & Replayable): Promise<SentMessage> {
    const recipient = parseRecipient(phone)
    const body = textOf(message, 'message')
    return this.#one(recipient, ['send', message], () => ({ body }), options)
  }

  /** What is done to messages, and other kinds than texts, goes the same way. */
  async sendContent(phone: string, content: Content, options: SendOptions & Replayable): Promise<SentMessage> {
    const recipient = parseRecipient(phone)
    const write = (chat: string) => writeContent(content, chat, Date.now())
    return this.#one(recipient, ['content', content], write, options)
  }

  async #one(
    recipient: Recipient,
    request: unknown[],
    write: (chat: string) => Pick<Item, 'body' | 'relay'>,
    options: SendOptions & Replayable,
  ): Promise<SentMessage> {
    const { idempotencyKey, onReplay } = options
    const when = whenOf(options)
    const { messageId, answer } = await this.#idempotency.once({
      key: idempotencyKey,
      request: [request[0], recipient.chatId, request[1], when],
      first: async (claim) => {
        assertInReach(when)
        const id = newMessageId()
        const item = { id, recipient, ...write(recipient.chatId), when }
        const answered = await this.#first(item, () => claim(id))
        await this.#idempotency.answer(idempotencyKey, JSON.stringify(answered))
        return { messageId: id, answer: answered }
      },
      again: async ({ target, answer: kept }) => {
        onReplay?.()
        // The texts are those that were written above.
        if (kept !== null) return { messageId: target, answer: JSON.parse(kept) as Answer }
        // The process ended before it answered: the row of the message knows what became of it.
        const answered = await this.#answerOf(target)
        await this.#idempotency.answer(idempotencyKey, JSON.stringify(answered))
        return { messageId: target, answer: answered }
      },
    })
    if (answer.state === 'failed') throw failure(answer, recipient, messageId)
    return { messageId, phone: recipient.phone, status: answer.state }
  }

  async sendBulk(messages: readonly BulkItem[], options: BulkOptions & Replayable): Promise<Batch> {
    const { idempotencyKey, onReplay } = options
    if (messages.length < 1 || messages.length > BATCH_MAX)
      throw invalid('messages', `must hold 1 to ${BATCH_MAX} items.`)
    const batchId = randomUUID()
    const items = messages.map((item, index) => ({
      id: newMessageId(),
      recipient: parseRecipient(item.phone, `messages[${index}].phone`),
      body: textOf(item.message, `messages[${index}].message`),
      when: whenOf(item, `messages[${index}].`),
      batch: { id: batchId, index },
    }))
    return this.#idempotency.once({
      key: idempotencyKey,
      request: ['sendBulk', items.map(({ recipient, when }, at) => [recipient.chatId, messages[at]?.message, when])],
      first: async (claim) => {
        for (const [index, { when }] of items.entries()) assertInReach(when, `messages[${index}].`)
        this.#options.assertCanSend()
        await this.#accept(items, () => claim(batchId))
        return this.#accepted(batchId)
      },
      again: async ({ target }) => {
        onReplay?.()
        return this.#accepted(target)
      },
    })
  }

  async #first(item: Item, claim: () => Work<void>): Promise<Answer> {
    const { outbox, sendWaitMs, assertCanSend } = this.#options
    assertCanSend()
    // Asked for before it is accepted: the answer may come at once.
    const outcome = outbox.outcome(item.id)
    try {
      await this.#accept([item], claim)
    } catch (error) {
      outbox.forget(item.id)
      throw error
    }
    const { sendAt = 0, typing = this.#options.typing } = item.when
    if (typing || sendAt > Date.now()) return { state: 'queued' }
    const isOver = new AbortController()
    const late = sleep(sendWaitMs, { state: 'queued' } as const, { signal: isOver.signal })
    return Promise.race([outcome, late]).finally(() => isOver.abort())
  }

  async #answerOf(messageId: string): Promise<Answer> {
    const { session, store } = this.#options
    const entry = await store.read(() => outboxRows.byId(session, messageId))
    if (!entry) throw new Error(`The message ${messageId} of an idempotency key is not there.`)
    if (entry.state === 'queued' || entry.state === 'sent') return { state: entry.state }
    return { state: 'failed', code: entry.code ?? 'WHATSAPP_REJECTED', error: 'The message was not sent.' }
  }

  /** A batch as it was when it was accepted: the same however often it is asked for. */
  async #accepted(batchId: string): Promise<Batch> {
    const { messages, total, ...batch } = await this.#options.reader.batch(batchId)
    const counts = { ...batch.counts }
    for (const status of Object.keys(counts) as (keyof typeof counts)[]) counts[status] = 0
    counts.queued = total
    const queued = messages.map((entry) => ({ ...entry, status: 'queued' as const }))
    return { ...batch, total, messages: queued, counts, state: 'running' }
  }

  async #accept(items: readonly Item[], claim: () => Work<void>): Promise<void> {
    const { session, store, outbox } = this.#options
    const chats = await store.read(function* () {
      const list: string[] = []
      for (const { recipient } of items) {
        const isPerson = chatKind(recipient.chatId) === 'person'
        list.push(isPerson ? yield* chatOfPhone(session, userOf(recipient.chatId)) : recipient.chatId)
      }
      return list
    })
    const entries = items.map(({ id, recipient, body, relay = {}, batch, when }, index): NewEntry => {
      const place = { id, chat: chats[index] ?? recipient.chatId, phone: recipient.phone, body, relay }
      const entry = { ...place, typing: this.#options.typing, ...when }
      return batch ? { ...entry, batch } : entry
    })
    await outbox.accept(entries, claim)
  }
}

/** @throws INVALID_INPUT naming `path` */
function textOf(message: unknown, path: string): Uint8Array {
  if (typeof message !== 'string' || message.length === 0) throw invalid(path, 'must be a text that is not empty.')
  if (message.length > LONGEST_TEXT) throw invalid(path, `must have at most ${LONGEST_TEXT} characters.`)
  return writeText(message)
}

/** When and how it is to be sent, and nothing else of what was given. @throws INVALID_INPUT naming a field of `path` */
function whenOf({ sendAt, priority, typing }: WhenToSend, path = ''): WhenToSend {
  if (sendAt !== undefined && !Number.isSafeInteger(sendAt)) {
    throw invalid(`${path}sendAt`, 'must be a time in whole ms since the epoch.')
  }
  if (priority !== undefined && !['high', 'normal', 'low'].includes(priority)) {
    throw invalid(`${path}priority`, 'must be high, normal or low.')
  }
  if (typing !== undefined && typeof typing !== 'boolean') throw invalid(`${path}typing`, 'must be true or false.')
  return {
    ...(sendAt !== undefined && { sendAt }),
    ...(priority !== undefined && { priority }),
    ...(typing !== undefined && { typing }),
  }
}

/** Asked only of what is new: a repeat may come when the time has passed. @throws INVALID_INPUT */
function assertInReach({ sendAt }: WhenToSend, path = ''): void {
  if (sendAt === undefined) return
  const ahead = sendAt - Date.now()
  if (ahead < -PAST_MS) throw invalid(`${path}sendAt`, 'has passed; it is in ms since the epoch.')
  if (ahead > YEAR_MS) throw invalid(`${path}sendAt`, 'must be at most a year ahead.')
}

function failure(outcome: Outcome & { state: 'failed' }, recipient: Recipient, messageId: string): WamuxError {
  switch (outcome.code) {
    case 'NOT_ON_WHATSAPP':
      return new WamuxError('NOT_ON_WHATSAPP', outcome.error, { phone: recipient.phone })
    case 'WHATSAPP_RESTRICTED':
      return new WamuxError('WHATSAPP_RESTRICTED', outcome.error, { until: outcome.until ?? null })
    default:
      return new WamuxError('WHATSAPP_REJECTED', outcome.error, { code: outcome.code, messageId })
  }
}
