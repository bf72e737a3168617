import type { Store } from '../state/database.ts'
import type { RawKeyPair } from '../state/server-keys.ts'
import { libsignal, type SessionRecord } from './libsignal.ts'

/** Closed sessions kept for late messages; libsignal would print the 41st when it throws it away. */
const SESSIONS_KEPT = 30

/**
 * The Signal state that one operation of one account reads and changes. Changes are collected and written by `write`,
 * inside the commit that also takes the stanza off the queue: the ratchet and the message move together or not at all.
 * Records live as text in between; a live one that an attempt has damaged is simply dropped.
 */
export class SignalUnit {
  readonly #store: Store
  readonly #owner: string
  readonly #sessions = new Map<string, string>()
  readonly #senderKeys = new Map<string, { chat: string; author: string; record: Buffer }>()
  readonly #sent = new Map<string, { chat: string; address: string }>()
  readonly #usedPreKeys = new Set<number>()
  /** Records that are not turned into text in between. */
  readonly #live: Map<string, SessionRecord> | undefined

  /** `isWriting`: only encrypts, which damages no record, so that many messages need not copy theirs each time. */
  constructor(store: Store, owner: string, { isWriting = false }: { isWriting?: boolean } = {}) {
    this.#live = isWriting ? new Map() : undefined
    this.#store = store
    this.#owner = owner
  }

  /** A fresh copy every time, except for a unit that only writes. */
  session(address: string): SessionRecord | undefined {
    const live = this.#live?.get(address)
    if (live) return live
    const text =
      this.#sessions.get(address) ??
      this.#store.first<{ record: string }>(
        'SELECT record FROM sessions WHERE owner = ? AND address = ?',
        this.#owner,
        address,
      )?.record
    // Written by setSession only.
    const record = text === undefined ? undefined : libsignal.SessionRecord.deserialize(JSON.parse(text) as object)
    if (record) this.#live?.set(address, record)
    return record
  }

  setSession(address: string, record: SessionRecord): void {
    if (this.#live) this.#live.set(address, record)
    else this.#keep(address, record)
  }

  #keep(address: string, record: SessionRecord): void {
    const oldestFirst = Object.entries(record.sessions).sort(([, a], [, b]) => a.indexInfo.closed - b.indexInfo.closed)
    const closed = oldestFirst.filter(([, entry]) => entry.indexInfo.closed !== -1)
    for (const [key] of closed.slice(0, Math.max(0, closed.length - SESSIONS_KEPT))) delete record.sessions[key]
    this.#sessions.set(address, JSON.stringify(record.serialize()))
  }

  preKey(id: number): RawKeyPair | undefined {
    if (this.#usedPreKeys.has(id)) return undefined
    return this.#store.first('SELECT public, private FROM pre_keys WHERE phone = ? AND id = ?', this.#owner, id)
  }

  usePreKey(id: number): void {
    this.#usedPreKeys.add(id)
  }

  senderKey(chat: string, author: string): Buffer | undefined {
    return (
      this.#senderKeys.get(`${chat} ${author}`)?.record ??
      this.#store.first<{ record: Buffer }>(
        'SELECT record FROM sender_keys WHERE owner = ? AND chat = ? AND author = ?',
        this.#owner,
        chat,
        author,
      )?.record
    )
  }

  setSenderKey(chat: string, author: string, record: Buffer): void {
    this.#senderKeys.set(`${chat} ${author}`, { chat, author, record })
  }

  /** Whether that device was given our sender key of that chat. */
  hasOurSenderKey(chat: string, address: string): boolean {
    if (this.#sent.has(`${chat} ${address}`)) return true
    const sql = 'SELECT 1 FROM sender_keys_sent WHERE owner = ? AND chat = ? AND address = ?'
    return this.#store.first(sql, this.#owner, chat, address) !== undefined
  }

  noteSenderKeySent(chat: string, address: string): void {
    this.#sent.set(`${chat} ${address}`, { chat, address })
  }

  /** Inside a commit. */
  write(): void {
    for (const [address, record] of this.#live ?? []) this.#keep(address, record)
    for (const [address, record] of this.#sessions) {
      const sql = 'INSERT OR REPLACE INTO sessions (owner, address, record) VALUES (?, ?, ?)'
      this.#store.run(sql, this.#owner, address, record)
    }
    for (const { chat, author, record } of this.#senderKeys.values()) {
      const sql = 'INSERT OR REPLACE INTO sender_keys (owner, chat, author, record) VALUES (?, ?, ?, ?)'
      this.#store.run(sql, this.#owner, chat, author, record)
    }
    for (const { chat, address } of this.#sent.values()) {
      const sql = 'INSERT OR IGNORE INTO sender_keys_sent (owner, chat, address) VALUES (?, ?, ?)'
      this.#store.run(sql, this.#owner, chat, address)
    }
    for (const id of this.#usedPreKeys) {
      this.#store.run('DELETE FROM pre_keys WHERE phone = ? AND id = ?', this.#owner, id)
    }
  }
}
