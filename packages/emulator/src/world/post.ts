import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'

export interface Pending {
  readonly seq: number
  readonly tag: string
  readonly id: string
  readonly type: string
  readonly body: Buffer
}

/**
 * Stanzas on their way to devices. A stanza is a row until its receiver has confirmed it: what is in the table will
 * be delivered, whatever dies in between. Ringing a device's bell only says that there is something to fetch.
 */
export class Post {
  readonly #store: Store
  readonly #ring: (phone: string, device: number) => void
  #touched = new Map<string, { phone: string; device: number }>()

  constructor(store: Store, ring: (phone: string, device: number) => void) {
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
      for (const { phone, device } of touched) this.#ring(phone, device)
      return result
    } catch (error) {
      this.#touched.clear()
      throw error
    }
  }

  /** Inside `commit`: leaves a stanza for a device. */
  queue(phone: string, device: number, node: BinaryNode): void {
    if (!this.#store.isInTransaction) throw new Error('A stanza is queued in a commit only.')
    this.#store.run(
      'INSERT INTO pending (phone, device, tag, id, type, body) VALUES (?, ?, ?, ?, ?, ?)',
      phone,
      device,
      node.tag,
      node.attrs.id ?? '',
      node.attrs.type ?? '',
      encodeBinaryNode(node),
    )
    this.#touched.set(`${phone}:${device}`, { phone, device })
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

  /** How many stanzas of each tag wait, and the last one's number. */
  waiting(phone: string, device: number): { counts: Record<string, number>; total: number; last: number } {
    const rows = this.#store.all<{ tag: string; count: number; last: number }>(
      'SELECT tag, count(*) AS count, max(seq) AS last FROM pending WHERE phone = ? AND device = ? GROUP BY tag',
      phone,
      device,
    )
    return {
      counts: Object.fromEntries(rows.map(({ tag, count }) => [tag, count])),
      total: rows.reduce((sum, { count }) => sum + count, 0),
      last: rows.reduce((last, row) => Math.max(last, row.last), 0),
    }
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
