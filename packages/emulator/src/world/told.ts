import { proto } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'

/** What phones have told their companions (keys, histories, answers), until it is confirmed: it may be asked for again. */
export class Told {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  keep(phone: string, device: number, id: string, message: proto.IMessage): void {
    const sql = 'INSERT OR REPLACE INTO sent_to_companions (phone, device, id, message) VALUES (?, ?, ?, ?)'
    this.#store.run(sql, phone, device, id, proto.Message.encode(message).finish())
  }

  get(phone: string, device: number, id: string): proto.IMessage | undefined {
    const sql = 'SELECT message FROM sent_to_companions WHERE phone = ? AND device = ? AND id = ?'
    const row = this.#store.first<{ message: Buffer }>(sql, phone, device, id)
    return row && proto.Message.decode(row.message)
  }

  confirmed(phone: string, device: number, ids: readonly string[]): void {
    for (const id of ids) {
      this.#store.run('DELETE FROM sent_to_companions WHERE phone = ? AND device = ? AND id = ?', phone, device, id)
    }
  }
}
