import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { WamuxError } from '../../errors.ts'

/**
 * One process per data folder: two sockets on one account and two writers on one ratchet would lose messages.
 * Node has no flock, so an exclusive transaction is held open on a database of its own; the system frees it at once
 * when the process ends, by kill -9 too.
 */
export function lockFolder(folder: string): () => void {
  const pidFile = join(folder, 'wamux.pid')
  const db = new Database(join(folder, 'wamux.lock'), { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    const isBusy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
    const what = isBusy ? `is in use by another process${holder(pidFile)}` : 'cannot be locked'
    throw new WamuxError('STORE_FAILED', `The data folder ${folder} ${what}.`, undefined, { cause: error })
  }
  try {
    // Only for the sentence above: the lock is what counts, and a number that is left over refuses nobody.
    writeFileSync(pidFile, `${process.pid}\n`)
  } catch {
    // A full disk is no reason not to start.
  }
  return () => db.close()
}

/** Who has the folder, as far as can be told: the file is written after the lock is taken, and may not be readable. */
function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim()
    return /^\d+$/.test(pid) ? ` (pid ${pid})` : ''
  } catch {
    return ''
  }
}
