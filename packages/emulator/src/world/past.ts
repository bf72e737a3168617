import { proto } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'

/** A message as a phone tells its companions of it. */
export interface Past {
  readonly id: string
  /** Phone digits of the person who wrote it. */
  readonly author: string
  /** Phone digits of the other person, or the id of the group with `@g.us`. */
  readonly chat: string
  /** Milliseconds. */
  readonly at: number
  /** Tells messages of the same second apart; 0 when nothing does. */
  readonly place: number
  readonly message: proto.IMessage
}

export interface PastQuery {
  readonly chat?: string
  readonly id?: string
  /** Only what is older than this message. */
  readonly before?: Pick<Past, 'at' | 'place' | 'id'>
  readonly limit: number
}

/** Everything a phone remembers: what it heard, what it wrote, and a past that it was given without anybody sending it. */
export class PastMessages {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Inside a commit: a past that never went over the wire. */
  add(owner: string, messages: readonly Omit<Past, 'place'>[]): void {
    const sql = 'INSERT OR REPLACE INTO past (owner, id, author, chat, at, message) VALUES (?, ?, ?, ?, ?, ?)'
    for (const { id, author, chat, at, message } of messages) {
      this.#store.run(sql, owner, id, author, chat, at, proto.Message.encode(message).finish())
    }
  }

  /** The newest messages that fit, oldest first. */
  of(owner: string, { chat, id, before, limit }: PastQuery): Past[] {
    const values = [owner, chat ?? null, id ?? null]
    const { at = Number.MAX_SAFE_INTEGER, place = 0, id: beforeId = '' } = before ?? {}
    const where = 'owner = ? AND chat = coalesce(?, chat) AND id = coalesce(?, id)'
    const rows = this.#store.all<Omit<Past, 'message'> & { message: Buffer }>(
      `SELECT * FROM (
         SELECT * FROM (
           SELECT id, sender AS author, chat, at, seq AS place, message FROM heard WHERE ${where}
           UNION ALL SELECT id, owner AS author, chat, at, 0 AS place, message FROM sent WHERE ${where}
           UNION ALL SELECT id, author, chat, at, 0 AS place, message FROM past WHERE ${where})
         WHERE (at, place, id) < (?, ?, ?)
         ORDER BY at DESC, place DESC, id DESC LIMIT ?) ORDER BY at, place, id`,
      ...values,
      ...values,
      ...values,
      at,
      place,
      beforeId,
      limit,
    )
    return rows.map(({ message, ...row }) => ({ ...row, message: proto.Message.decode(message) }))
  }
}
