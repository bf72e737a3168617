import { join } from 'node:path'
import Database from 'better-sqlite3'
import { WamuxError } from '../../errors.ts'

/**
 * One process per data folder: two sockets on one account and two writers on one ratchet would lose messages.
 * Node has no flock, so an exclusive transaction is held open on a database of its own; the system frees it at once
 * when the process ends, by kill -9 too.
 */
export function lockFolder(folder: string): () => void {
  const db = new Database(join(folder, 'wamux.lock'), { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    const isBusy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
    const what = isBusy ? 'is in use by another process' : 'cannot be locked'
    throw new WamuxError('STORE_FAILED', `The data folder ${folder} ${what}.`, undefined, { cause: error })
  }
  return () => db.close()
}
