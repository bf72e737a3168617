import { proto } from '@whiskeysockets/baileys'
import { type Remarks, remarksIn, textIn, typeOf } from '../content/reading.ts'
import type { Store } from '../state/database.ts'
import type { Clock } from './clock.ts'
import type { EventLog } from './events.ts'
import type { Space } from './jids.ts'
import type { Past } from './past.ts'
import { Waiters, type WaitOptions } from './waiting.ts'

/** A message as the screen of a phone shows it: once per sender and id, however often it arrived. */
export interface Heard extends Remarks {
  readonly id: string
  /** Phone digits of the person who wrote it. */
  readonly from: string
  /** Phone digits of the other person, or the id of the group with `@g.us`. */
  readonly chat: string
  /** `text`, `image`, `poll`, `vote`, `event`, `answer`, `reaction`, `edit`, `revoke`, `pin`, … */
  readonly type: string
  /** Its words; the choices of a vote or an answer, joined by a comma. */
  readonly text: string
  /** What a vote picks, in the order of the poll, or the answer to an event. Undefined: no such thing, or sealed for others. */
  readonly choices: readonly string[] | undefined
  /** Milliseconds. */
  readonly at: number
  /** How often it arrived under the same id. */
  readonly copies: number
  readonly message: proto.IMessage
  /** The stanza of the first copy as XML, after the server routed it. */
  readonly raw: string
  /** Place in the order of arrival. */
  readonly seq: number
}

/** A message that a person knows, because they wrote it or it arrived. */
export interface Known extends Omit<Past, 'at'> {
  /** The name under which the chat was held; groups have their own. */
  readonly space: Space
}

/** What arrived, before it is a row. */
export type Arrival = Pick<Heard, 'id' | 'from' | 'chat' | 'at' | 'message' | 'raw' | 'choices'>

export type Matcher = string | RegExp | ((heard: Heard) => boolean)

interface Row extends Omit<Heard, 'from' | 'message' | 'choices' | keyof Remarks> {
  sender: string
  message: Buffer
  choices: string | null
}

interface Waiter {
  readonly owner: string
  readonly matches: (heard: Heard) => boolean
  readonly resolve: (heard: Heard) => void
}

interface ReceiptWaiter {
  readonly isThere: () => boolean
  readonly resolve: () => void
}

/** What the people in the emulator have read and written, and who confirmed it. Lasts in the file. */
export class Mailbox {
  readonly #store: Store
  readonly #clock: Clock
  readonly #events: EventLog
  readonly #announced = new Map<string, number>()
  readonly #waiters: Waiters<Waiter>
  readonly #receiptWaiters: Waiters<ReceiptWaiter>

  constructor(store: Store, clock: Clock, events: EventLog, patienceMs: number) {
    this.#store = store
    this.#clock = clock
    this.#events = events
    this.#waiters = new Waiters(patienceMs)
    this.#receiptWaiters = new Waiters(patienceMs)
    // Who has asked for what is forgotten with the process; the column only keeps the look-up short.
    store.run('UPDATE heard SET taken = 0 WHERE taken = 1')
  }

  /** Inside a commit: a message arrived at `owner`. Returns false when it is a copy of one that is there already. */
  record(owner: string, heard: Arrival): boolean {
    const kind = typeOf(heard.message)
    const text = heard.choices?.join(', ') ?? textIn(heard.message)
    const row = this.#store.first<{ copies: number }>(
      `INSERT INTO heard (owner, sender, id, chat, type, text, at, message, raw)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, sender, id) DO UPDATE SET copies = copies + 1
       RETURNING copies`,
      owner,
      heard.from,
      heard.id,
      heard.chat,
      kind,
      text,
      heard.at,
      proto.Message.encode(heard.message).finish(),
      heard.raw,
    )
    if (row?.copies === 1 && heard.choices) {
      const sql = 'INSERT INTO heard_choices (owner, sender, id, choices) VALUES (?, ?, ?, ?)'
      this.#store.run(sql, owner, heard.from, heard.id, JSON.stringify(heard.choices))
    }
    if (row?.copies !== 1) return false
    const { id, from, chat } = heard
    this.#events.tell({ type: 'heard', phone: owner, id, from, chat, kind, text })
    return true
  }

  hasHeard(owner: string, sender: string, id: string): boolean {
    const sql = 'SELECT 1 FROM heard WHERE owner = ? AND sender = ? AND id = ?'
    return this.#store.first(sql, owner, sender, id) !== undefined
  }

  /** The message with this id that `owner` wrote or heard; `author` tells messages of several people apart. */
  find(owner: string, id: string, author?: string): Known | undefined {
    const row = this.#store.first<Omit<Known, 'message' | 'space'> & { message: Buffer; space: string }>(
      `SELECT * FROM (
         SELECT id, owner AS author, chat, space, message FROM sent WHERE owner = ? AND id = ?
         UNION ALL SELECT id, sender AS author, chat, raw AS space, message FROM heard WHERE owner = ? AND id = ?)
       WHERE author = coalesce(?, author) LIMIT 1`,
      owner,
      id,
      owner,
      id,
      author ?? null,
    )
    return row && { ...row, space: spaceIn(row.space), message: proto.Message.decode(row.message) }
  }

  /** Whether `owner` wrote to that person, on the phone or on a companion. */
  hasWrittenTo(owner: string, person: string): boolean {
    const sql = `SELECT 1 FROM heard WHERE owner = ? AND sender = ? AND chat = ?
      UNION ALL SELECT 1 FROM sent WHERE owner = ? AND chat = ? LIMIT 1`
    return this.#store.first(sql, owner, owner, person, owner, person) !== undefined
  }

  /** What `owner` has heard under this id: one message per author. */
  heard(owner: string, id: string): Heard[] {
    const sql = `SELECT * FROM ${HEARD} WHERE owner = ? AND id = ? ORDER BY seq`
    return this.#store.all<Row>(sql, owner, id).map(fromRow)
  }

  /** Everything `owner` has heard, in order of arrival. */
  messages(owner: string): Heard[] {
    return this.#after(owner, 0)
  }

  /** The oldest message that matches and that no earlier call has taken; waits for it when it is not there yet. */
  next(owner: string, matcher?: Matcher, options?: WaitOptions): Promise<Heard> {
    const matches = toPredicate(matcher)
    const known = this.#oldestFree(owner, matcher)
    if (known) {
      this.#take(known)
      return Promise.resolve(known)
    }
    return this.#waiters.wait<Heard>(
      (resolve) => ({ owner, matches, resolve }),
      () => {
        const heard = this.messages(owner).map(({ from, type, text }) => `${type} "${text}" from ${from}`)
        return `${owner} was waiting for ${describe(matcher)} and has heard: ${heard.join(', ') || 'nothing'}`
      },
      options,
    )
  }

  /** After a commit that recorded something for `owner`. */
  announce(owner: string): void {
    const waiting = this.#waiters.now().filter((waiter) => waiter.owner === owner)
    if (waiting.length === 0) return
    // Waiters have looked at everything older when they came.
    const fresh = this.#after(owner, this.#announced.get(owner) ?? 0, 'AND taken = 0')
    this.#announced.set(owner, fresh.at(-1)?.seq ?? this.#announced.get(owner) ?? 0)
    for (const waiter of waiting) {
      const index = fresh.findIndex(waiter.matches)
      const [heard] = index < 0 ? [] : fresh.splice(index, 1)
      if (!heard) continue
      this.#take(heard)
      waiter.resolve(heard)
    }
  }

  /** Inside a commit: keeps what was written, so that a retry receipt can be answered after a restart too. */
  keepSent(owner: string, id: string, chat: string, space: string, message: proto.IMessage): void {
    this.#store.run(
      'INSERT OR REPLACE INTO sent (owner, id, chat, space, at, message) VALUES (?, ?, ?, ?, ?, ?)',
      owner,
      id,
      chat,
      space,
      this.#clock.now(),
      proto.Message.encode(message).finish(),
    )
  }

  sent(owner: string, id: string): { chat: string; space: string; message: proto.IMessage } | undefined {
    const row = this.#store.first<{ chat: string; space: string; message: Buffer }>(
      'SELECT chat, space, message FROM sent WHERE owner = ? AND id = ?',
      owner,
      id,
    )
    return row && { ...row, message: proto.Message.decode(row.message) }
  }

  /** Phone digits of those who have a chat with this number. */
  partnersOf(chat: string): string[] {
    const sql = 'SELECT owner FROM heard WHERE chat = ? UNION SELECT owner FROM sent WHERE chat = ?'
    return this.#store.all<{ owner: string }>(sql, chat, chat).map(({ owner }) => owner)
  }

  /** Inside a commit: somebody confirmed messages. Only those that a person in the emulator wrote are noted. */
  confirm(owner: string, ids: readonly string[], sender: string, type: string): void {
    for (const id of ids) {
      const { changes } = this.#store.run(
        `INSERT OR IGNORE INTO receipts (owner, id, sender, type, at)
         SELECT owner, id, ?, ?, ? FROM sent WHERE owner = ? AND id = ?`,
        sender,
        type,
        this.#clock.now(),
        owner,
        id,
      )
      if (changes > 0) this.#events.tell({ type: 'confirmed', phone: owner, id, by: sender, receipt: type })
    }
  }

  /** Resolves when somebody has confirmed message `id` of `owner` that way. */
  confirmed(owner: string, id: string, type: string, options?: WaitOptions): Promise<void> {
    const sql = 'SELECT 1 FROM receipts WHERE owner = ? AND id = ? AND type = ?'
    const isThere = () => this.#store.first(sql, owner, id, type) !== undefined
    if (isThere()) return Promise.resolve()
    return this.#receiptWaiters.wait<void>(
      (resolve) => ({ isThere, resolve: () => resolve() }),
      () => `nobody has sent a ${type} receipt for message ${id} of ${owner}`,
      options,
    )
  }

  /** After a commit that confirmed something. */
  announceReceipts(): void {
    for (const waiter of this.#receiptWaiters.now()) if (waiter.isThere()) waiter.resolve()
  }

  #after(owner: string, seq: number, filter: '' | 'AND taken = 0' = ''): Heard[] {
    const sql = `SELECT * FROM ${HEARD} WHERE owner = ? AND seq > ? ${filter} ORDER BY seq`
    return this.#store.all<Row>(sql, owner, seq).map(fromRow)
  }

  #oldestFree(owner: string, matcher: Matcher | undefined): Heard | undefined {
    if (matcher !== undefined && typeof matcher !== 'string') {
      return this.#after(owner, 0, 'AND taken = 0').find(toPredicate(matcher))
    }
    const sql = `SELECT * FROM ${HEARD} WHERE owner = ? AND taken = 0 AND text = coalesce(?, text) ORDER BY seq LIMIT 1`
    const row = this.#store.first<Row>(sql, owner, matcher ?? null)
    return row && fromRow(row)
  }

  #take({ seq }: Heard): void {
    this.#store.run('UPDATE heard SET taken = 1 WHERE seq = ?', seq)
  }
}

const HEARD = 'heard LEFT JOIN heard_choices USING (owner, sender, id)'

/** The space of a kept message, or of a stanza as it was kept. */
function spaceIn(kept: string): Space {
  return kept === 'lid' || / from='[^']*@lid'/.test(kept) ? 'lid' : 'pn'
}

function toPredicate(matcher: Matcher | undefined): (heard: Heard) => boolean {
  if (matcher === undefined) return () => true
  if (typeof matcher === 'string') return ({ text }) => text === matcher
  if (matcher instanceof RegExp) return ({ text }) => matcher.test(text)
  return matcher
}

function describe(matcher: Matcher | undefined): string {
  if (matcher === undefined) return 'any message'
  return typeof matcher === 'function' ? 'a certain message' : String(matcher)
}

function fromRow({ sender, message: bytes, ...row }: Row): Heard {
  const message = proto.Message.decode(bytes)
  return {
    ...remarksIn(message),
    id: row.id,
    from: sender,
    chat: row.chat,
    type: row.type,
    text: row.text,
    at: row.at,
    copies: row.copies,
    // Written by `record` only.
    choices: row.choices === null ? undefined : (JSON.parse(row.choices) as string[]),
    message,
    raw: row.raw,
    seq: row.seq,
  }
}
