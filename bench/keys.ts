import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  BufferJSON,
  proto,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
} from '@whiskeysockets/baileys'
import Database from 'better-sqlite3'

/** What a raw arm keeps its keys in; `all` is what the next process begins with. */
export interface Keys extends SignalKeyStore {
  all(): [string, unknown][]
}

/** The fastest there is: gone with the process. */
export function memoryKeys(saved: [string, unknown][] = []): Keys {
  const kept = new Map<string, unknown>(saved)
  return {
    all: () => [...kept],
    get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
      const found: { [id: string]: SignalDataTypeMap[T] } = {}
      for (const id of ids) {
        const value = kept.get(`${type}/${id}`)
        if (value !== undefined) found[id] = value as SignalDataTypeMap[T] // put there by set() below
      }
      return found
    },
    set: async (data) => {
      for (const [key, value] of entries(data)) {
        if (value === null) kept.delete(key)
        else kept.set(key, value)
      }
    },
  }
}

/** As wamux keeps them: SQLite, every set one transaction that is flushed to disk. Messages are not kept. */
export function sqliteKeys(folder: string, index: number): Keys {
  mkdirSync(folder, { recursive: true })
  const db = new Database(join(folder, `${index}.db`))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec('CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID')
  const read = db.prepare<[string], { value: string }>('SELECT value FROM keys WHERE key = ?')
  const write = db.prepare('INSERT INTO keys VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
  const remove = db.prepare('DELETE FROM keys WHERE key = ?')
  const commit = db.transaction((data: SignalDataSet) => {
    for (const [key, value] of entries(data)) {
      if (value === null) remove.run(key)
      else write.run(key, JSON.stringify(value, BufferJSON.replacer))
    }
  })
  return {
    all: () => [],
    get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
      const found: { [id: string]: SignalDataTypeMap[T] } = {}
      for (const id of ids) {
        const text = read.get(`${type}/${id}`)?.value
        if (text === undefined) continue
        const value = JSON.parse(text, BufferJSON.reviver)
        found[id] = type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value
      }
      return found
    },
    set: async (data) => commit.immediate(data),
  }
}

function entries(data: SignalDataSet): [string, unknown][] {
  return Object.entries(data).flatMap(([type, values]) =>
    Object.entries(values ?? {}).map(([id, value]): [string, unknown] => [`${type}/${id}`, value]),
  )
}
