import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openMemoryStore, openSqliteStore } from '../../src/stores/sqlite/store.ts'
import type { Store } from '../../src/stores/store.ts'

/** A folder that is gone after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-core-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function sqlite(folder = newFolder()): Promise<Store> {
  const store = await openSqliteStore(folder)
  onTestFinished(() => store.close())
  return store
}

export async function memory(): Promise<Store> {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  return store
}

/** What every store must do, each does. */
export const STORES: [name: string, open: () => Promise<Store>][] = [
  ['a SQLite file', sqlite],
  ['memory', memory],
]
