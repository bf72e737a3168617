import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'

export interface Pending {
  readonly seq: number
  readonly tag: string
  readonly id: string
  readonly type: string
  readonly body: Buffer
}

/** There is something for a device: `fresh` is what the commit has just queued for it, which need not be all. */
export type Ring = (phone: string, device: number, fresh: readonly Pending[]) => void

/**
 * Stanzas on their way to devices. A stanza is a row until its receiver has confirmed it: what is in the table will
 * be delivered, whatever dies in between. Ringing a device's bell only says that there is something to fetch.
 */
export class Post {
  readonly #store: Store
  readonly #ring: Ring
  /** Stanzas that hold up what is behind them, by device: a fault. */
  readonly #stalled = new Map<string, Set<number>>()
  #touched = new Map<string, { phone: string; device: number; fresh: Pending[] }>()
  #afterwards: (() => void)[] = []

  constructor(store: Store, ring: Ring) {
    this.#store = store
    this.#ring = ring
  }

  /** Runs `work` as one commit and rings the devices that it queued something for. */
  commit<T>(work: () => T): T {
    if (this.#store.isInTransaction) return work()
    try {
      const result = this.#store.transaction(work)
      const touched = [...this.#touched.values()]
      this.#touched.clear()
      const jobs = this.#afterwards
      this.#afterwards = []
      for (const { phone, device, fresh } of touched) this.#ring(phone, device, fresh)
      for (const job of jobs) job()
      return result
    } catch (error) {
      this.#touched.clear()
      this.#afterwards = []
      throw error
    }
  }

  /** Runs `job` when the commit is done, and not when it fails; outside of one at once. */
  afterwards(job: () => void): void {
    if (this.#store.isInTransaction) this.#afterwards.push(job)
    else job()
  }

  /** Inside `commit`: leaves a stanza for a device. */
  queue(phone: string, device: number, node: BinaryNode): void {
    if (!this.#store.isInTransaction) throw new Error('A stanza is queued in a commit only.')
    const { tag, attrs } = node
    const stanza = { tag, id: attrs.id ?? '', type: attrs.category ?? attrs.type ?? '', body: encodeBinaryNode(node) }
    const sql = 'INSERT INTO pending (phone, device, tag, id, type, body) VALUES (?, ?, ?, ?, ?, ?)'
    const { rowId } = this.#store.run(sql, phone, device, tag, stanza.id, stanza.type, stanza.body)
    const key = `${phone}:${device}`
    const touched = this.#touched.get(key) ?? { phone, device, fresh: [] }
    touched.fresh.push({ ...stanza, seq: rowId })
    this.#touched.set(key, touched)
  }

  after(phone: string, device: number, seq: number, limit: number): Pending[] {
    return this.#store.all(
      'SELECT seq, tag, id, type, body FROM pending WHERE phone = ? AND device = ? AND seq > ? ORDER BY seq LIMIT ?',
      phone,
      device,
      seq,
      limit,
    )
  }

  /**
   * What a device that logs in has missed: how many stanzas of each tag, and the last one's number. What its own phone
   * sent it, keys and history, is put behind that: a client that was cut off while it was linked begins its first
   * sync with them, and only when the rest has been announced as complete.
   */
  missed(phone: string, device: number): { counts: Record<string, number>; total: number; last: number } {
    return this.#store.transaction(() => {
      const { last } = this.#store.first<{ last: number | null }>(
        'SELECT max(seq) AS last FROM pending WHERE phone = ? AND device = ?',
        phone,
        device,
      ) ?? { last: null }
      const peer = "phone = ? AND device = ? AND tag = 'message' AND type = 'peer'"
      const columns = 'phone, device, tag, id, type, body'
      const copy = `INSERT INTO pending (${columns}) SELECT ${columns} FROM pending WHERE ${peer} ORDER BY seq`
      this.#store.run(copy, phone, device)
      this.#store.run(`DELETE FROM pending WHERE ${peer} AND seq <= ?`, phone, device, last)
      const rows = this.#store.all<{ tag: string; count: number }>(
        'SELECT tag, count(*) AS count FROM pending WHERE phone = ? AND device = ? AND seq <= ? GROUP BY tag',
        phone,
        device,
        last,
      )
      const counts = Object.fromEntries(rows.map(({ tag, count }) => [tag, count]))
      return { counts, total: rows.reduce((sum, { count }) => sum + count, 0), last: last ?? 0 }
    })
  }

  /** A receipt: the device has these messages, every copy of them. */
  received(phone: string, device: number, ids: readonly string[], upTo: number): void {
    for (const id of ids) {
      this.#store.run(
        `DELETE FROM pending WHERE phone = ? AND device = ? AND tag = 'message' AND id = ? AND seq <= ?`,
        phone,
        device,
        id,
        upTo,
      )
    }
  }

  /**
   * An ack: the device is through with one stanza of that tag, id and type. Only the oldest goes, because the resend
   * of a message that it refused may be queued under the same id already.
   */
  acked(phone: string, device: number, tag: string, id: string, type: string): void {
    this.#store.run(
      `DELETE FROM pending WHERE seq = (SELECT min(seq) FROM pending WHERE phone = ? AND device = ? AND tag = ?
       AND id = ? AND (type = ? OR tag = 'message'))`,
      phone,
      device,
      tag,
      id,
      type,
    )
  }

  /** What is behind this message does not go out before it was received. */
  stall(phone: string, device: number, id: string): void {
    const sql = "SELECT min(seq) AS seq FROM pending WHERE phone = ? AND device = ? AND tag = 'message' AND id = ?"
    const seq = this.#store.first<{ seq: number | null }>(sql, phone, device, id)?.seq
    if (!seq) return
    const stalled = this.#stalled.get(`${phone}:${device}`) ?? new Set()
    this.#stalled.set(`${phone}:${device}`, stalled.add(seq))
  }

  /** The last stanza that may go out to a device now. */
  barrier(phone: string, device: number): number {
    const stalled = this.#stalled.get(`${phone}:${device}`)
    if (!stalled) return Number.POSITIVE_INFINITY
    for (const seq of stalled) {
      if (!this.#store.first('SELECT 1 FROM pending WHERE seq = ?', seq)) stalled.delete(seq)
    }
    if (stalled.size === 0) this.#stalled.delete(`${phone}:${device}`)
    return Math.min(...stalled)
  }

  remove(seq: number): void {
    this.#store.run('DELETE FROM pending WHERE seq = ?', seq)
  }

  /** Accounts whose device 0 has something to fetch: asked once, after a restart. */
  handsetsWithMail(): string[] {
    return this.#store
      .all<{ phone: string }>('SELECT DISTINCT phone FROM pending WHERE device = 0')
      .map(({ phone }) => phone)
  }

  total(): number {
    return this.#store.first<{ count: number }>('SELECT count(*) AS count FROM pending')?.count ?? 0
  }
}
