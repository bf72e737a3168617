import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import * as settings from '../../src/stores/sql/settings.ts'
import { openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { newFolder, sqlite } from './open.ts'

const FRAME = 24 + 4096
const KEPT = 12

/** What a process leaves that was killed: a log with a commit for each setting, of which each fills pages of its own. */
async function killed(): Promise<{ database: Buffer; log: Buffer }> {
  const folder = newFolder()
  const store = await sqlite(folder)
  for (let n = 0; n < KEPT; n++) await store.write(() => settings.set(`${n}`, 'x'.repeat(6_000)))
  const file = join(folder, 'wamux.db')
  return { database: readFileSync(file), log: readFileSync(`${file}-wal`) }
}

/** How many settings the next process finds. */
async function found(database: Buffer, log: Buffer): Promise<number> {
  const folder = newFolder()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'wamux.db'), database)
  writeFileSync(join(folder, 'wamux.db-wal'), log)
  copyFileSync(join(folder, 'wamux.db-wal'), join(folder, 'before'))
  try {
    const store = await openSqliteStore(folder)
    const kept = await Promise.all(Array.from({ length: KEPT }, (_, n) => store.read(() => settings.get(`${n}`))))
    await store.close()
    return kept.filter((value) => value !== undefined).length
  } catch (error) {
    // Nothing was thrown away.
    expect(readFileSync(join(folder, 'wamux.db-wal'))).toEqual(readFileSync(join(folder, 'before')))
    throw error
  }
}

test('a log that is damaged before its last commit is an error, wherever it is', async () => {
  const { database, log } = await killed()
  expect(await found(database, log)).toBe(KEPT)
  const last = lastCommitBut(1, log)
  for (let place = 0; place < 24; place++) {
    const damaged = Buffer.from(log)
    const at = place < 8 ? place * 4 : Math.floor(((place - 8) / 16) * last)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (place % 8))
    await expect(found(database, damaged), `byte ${at}`).rejects.toMatchObject({ code: 'STORE_FAILED' })
  }
})

test('what a power cut leaves of the last commit is forgotten, as it was promised to nobody', async () => {
  const { database, log } = await killed()
  const end = lastCommitBut(0, log)
  for (const torn of [log.subarray(0, end - 1), log.subarray(0, end - FRAME), log.subarray(0, end - FRAME - 100)])
    expect(await found(database, Buffer.from(torn))).toBe(KEPT - 1)
  const damaged = Buffer.from(log)
  damaged[end - 10] = (damaged[end - 10] ?? 0) ^ 1
  expect(await found(database, damaged)).toBe(KEPT - 1)
  for (const length of [0, 10, 31]) expect(await found(database, log.subarray(0, length))).toBeLessThan(KEPT)
})

test('what failed flushes leave behind ever shorter commits is no damage', async () => {
  const { database, log } = await killed()
  const [long, middle, short] = [60_000, 30_000, 6_000].map((size) => goneOn(database, log, size))
  if (!long || !middle || !short) throw new Error('three logs')
  expect(long.length).toBeGreaterThan(middle.length)
  expect(middle.length).toBeGreaterThan(short.length)
  const left = Buffer.concat([short, middle.subarray(short.length), long.subarray(middle.length)])
  expect(await found(database, left)).toBe(KEPT)
  // A power cut during the last one, too.
  const torn = Buffer.from(left)
  torn[short.length - 10] = (torn[short.length - 10] ?? 0) ^ 1
  expect(await found(database, torn)).toBe(KEPT)
})

test('a log that was made and never flushed holds no commit', async () => {
  const { database } = await killed()
  expect(await found(database, Buffer.alloc(32 + FRAME))).toBeLessThan(KEPT)
})

/** The log with one more commit, as if it were the next one. */
function goneOn(database: Buffer, log: Buffer, size: number): Buffer {
  const folder = newFolder()
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'wamux.db')
  writeFileSync(file, database)
  writeFileSync(`${file}-wal`, log.subarray(0, lastCommitBut(0, log)))
  const db = new Database(file)
  db.pragma('wal_autocheckpoint = 0')
  db.exec(`CREATE TABLE more AS SELECT zeroblob(${size}) AS bytes`)
  const longer = readFileSync(`${file}-wal`)
  db.close()
  return longer
}

/** Where the commit ends that so many others follow. */
function lastCommitBut(others: number, log: Buffer): number {
  const ends: number[] = []
  for (let at = 32; at + FRAME <= log.length; at += FRAME) {
    if (log.subarray(at + 8, at + 16).equals(log.subarray(16, 24)) && log.readUInt32BE(at + 4) > 0)
      ends.push(at + FRAME)
  }
  return ends.at(-1 - others) ?? 0
}
