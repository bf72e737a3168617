import { proto } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'
import { EMPTY_HASH, foldHash } from '../syncd/lt-hash.ts'
import { readMutation, type SealedMutation, toRecord, valueMacOf } from '../syncd/mutations.ts'

export const COLLECTIONS = ['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular'] as const
export type Collection = (typeof COLLECTIONS)[number]

export function isCollection(name: string | undefined): name is Collection {
  return COLLECTIONS.some((known) => known === name)
}

/** Where a collection stands. */
export interface Head {
  readonly version: number
  readonly hash: Buffer
  /** What the last patch claims about the whole, and the key it did that with. Empty at version 0. */
  readonly snapshotMac: Buffer
  readonly keyId: Buffer
}

const BEGINNING: Head = { version: 0, hash: EMPTY_HASH, snapshotMac: Buffer.alloc(0), keyId: Buffer.alloc(0) }

/**
 * App state as the server has it: numbered patches per account and collection, and the records they leave behind. It
 * can put a snapshot together without reading a word of it, because what a record replaces is told by its index MAC.
 */
export class Collections {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    store.transaction(() => this.#replayOld())
  }

  head(phone: string, name: string): Head {
    const sql =
      'SELECT version, hash, snapshot_mac AS snapshotMac, key_id AS keyId FROM app_state_heads WHERE phone = ? AND collection = ?'
    return this.#store.first<Head>(sql, phone, name) ?? BEGINNING
  }

  /** Encoded patches from the one after `version` on, each with its number in it. */
  patchesAfter(phone: string, name: string, version: number, limit: number): { version: number; bytes: Uint8Array }[] {
    const rows = this.#store.all<{ version: number; patch: Buffer }>(
      'SELECT version, patch FROM app_state WHERE phone = ? AND collection = ? AND version > ? ORDER BY version LIMIT ?',
      phone,
      name,
      version,
      limit,
    )
    // Without a version in it, a client counts every patch as the next one after its own.
    return rows.map((row) => ({
      version: row.version,
      bytes: proto.SyncdPatch.encode({
        ...proto.SyncdPatch.decode(row.patch),
        version: { version: row.version },
      }).finish(),
    }))
  }

  records(phone: string, name: string): SealedMutation[] {
    const sql = `SELECT index_mac AS indexMac, blob, key_id AS keyId FROM app_state_records
       WHERE phone = ? AND collection = ? ORDER BY changed, index_mac`
    return this.#store
      .all<Omit<SealedMutation, 'operation'>>(sql, phone, name)
      .map((row) => ({ operation: 'set', ...row }))
  }

  /** The collection in one piece, with the MAC that its last writer gave it. */
  snapshot(phone: string, name: string): proto.ISyncdSnapshot {
    const { version, snapshotMac, keyId } = this.head(phone, name)
    return {
      version: { version },
      mac: snapshotMac,
      keyId: { id: keyId },
      records: this.records(phone, name).map(toRecord),
    }
  }

  /** What the hash becomes with these mutations. */
  hashAfter(phone: string, name: string, mutations: readonly SealedMutation[]): Buffer {
    const [removed, added]: [Buffer[], Buffer[]] = [[], []]
    const changed = new Map<string, Buffer | undefined>()
    for (const { operation, indexMac, blob } of mutations) {
      const index = indexMac.toString('hex')
      const old = changed.has(index) ? changed.get(index) : this.#valueMac(phone, name, indexMac)
      if (old) removed.push(old)
      const mac = operation === 'set' ? valueMacOf(blob) : undefined
      if (mac) added.push(mac)
      changed.set(index, mac)
    }
    return foldHash(this.head(phone, name).hash, removed, added)
  }

  /** Inside a commit: the next patch. */
  append(phone: string, name: string, patch: proto.ISyncdPatch, mutations: readonly SealedMutation[]): Head {
    const head = this.#step(phone, name, patch, mutations)
    this.#store.run(
      'INSERT INTO app_state (phone, collection, version, patch) VALUES (?, ?, ?, ?)',
      phone,
      name,
      head.version,
      proto.SyncdPatch.encode(patch).finish(),
    )
    return head
  }

  #step(phone: string, name: string, patch: proto.ISyncdPatch, mutations: readonly SealedMutation[]): Head {
    const head: Head = {
      version: this.head(phone, name).version + 1,
      hash: this.hashAfter(phone, name, mutations),
      snapshotMac: Buffer.from(patch.snapshotMac ?? []),
      keyId: Buffer.from(patch.keyId?.id ?? []),
    }
    for (const { operation, indexMac, blob, keyId } of mutations) {
      if (operation === 'set') {
        const sql = `INSERT OR REPLACE INTO app_state_records (phone, collection, index_mac, blob, key_id, changed)
           VALUES (?, ?, ?, ?, ?, ?)`
        this.#store.run(sql, phone, name, indexMac, blob, keyId, head.version)
      } else {
        const sql = 'DELETE FROM app_state_records WHERE phone = ? AND collection = ? AND index_mac = ?'
        this.#store.run(sql, phone, name, indexMac)
      }
    }
    const { version, hash, snapshotMac, keyId } = head
    const sql = `INSERT OR REPLACE INTO app_state_heads (phone, collection, version, hash, snapshot_mac, key_id)
       VALUES (?, ?, ?, ?, ?, ?)`
    this.#store.run(sql, phone, name, version, hash, snapshotMac, keyId)
    return head
  }

  #valueMac(phone: string, name: string, indexMac: Buffer): Buffer | undefined {
    const sql = 'SELECT blob FROM app_state_records WHERE phone = ? AND collection = ? AND index_mac = ?'
    const row = this.#store.first<{ blob: Buffer }>(sql, phone, name, indexMac)
    return row && valueMacOf(row.blob)
  }

  /** Files of earlier versions hold the patches alone. */
  #replayOld(): void {
    const rows = this.#store.all<{ phone: string; collection: string; patch: Buffer }>(
      `SELECT phone, collection, patch FROM app_state AS a WHERE NOT EXISTS
         (SELECT 1 FROM app_state_heads AS h WHERE h.phone = a.phone AND h.collection = a.collection)
       ORDER BY phone, collection, version`,
    )
    for (const { phone, collection, patch } of rows) {
      const decoded = proto.SyncdPatch.decode(patch)
      this.#step(
        phone,
        collection,
        decoded,
        decoded.mutations.flatMap((mutation) => readMutation(mutation) ?? []),
      )
    }
  }
}
