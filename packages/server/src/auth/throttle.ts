import { createHash } from 'node:crypto'
import { settings, type Work } from '@wamux/core/stores'

/**
 * Slows down guessing. Attempts are counted before the password is looked at and kept in the store, so that neither
 * many at once nor a restart gives more of them. Names and addresses fall into a fixed number of buckets: a stranger
 * cannot fill the database, and cannot see whether a name exists.
 */
const FORGET_MS = 60 * 60_000
const LONGEST_MS = 15 * 60_000
const FIRST_MS = 30_000
const BUCKETS = 1024

interface Count {
  attempts: number
  lastAt: number
  until: number
}

export interface Bucket {
  key: string
  /** How many attempts are free. */
  free: number
}

export const bucketOfUser = (username: string): Bucket => ({ key: `throttle:user:${bucketOf(username)}`, free: 5 })

/** Several people may sit behind one address: it has more attempts than a name. */
export const bucketOfAddress = (ip: string | undefined): Bucket => ({
  key: `throttle:address:${bucketOf(ip ?? '')}`,
  free: 20,
})

const bucketOf = (text: string) => createHash('sha256').update(text).digest().readUInt32BE() % BUCKETS

/** Counts an attempt in every bucket; answers how many ms are left to wait, and then none was counted. */
export function* attempt(buckets: readonly Bucket[], now: number): Work<number> {
  const counts: Count[] = []
  for (const { key } of buckets) counts.push(yield* read(key, now))
  const wait = Math.max(...counts.map(({ until }) => until - now), 0)
  if (wait > 0) return wait
  for (const [index, { key, free }] of buckets.entries()) {
    const attempts = (counts[index]?.attempts ?? 0) + 1
    const beyond = attempts - free
    const until = beyond < 0 ? 0 : now + Math.min(FIRST_MS * 2 ** beyond, LONGEST_MS)
    const count: Count = { attempts, lastAt: now, until }
    yield* settings.set(key, JSON.stringify(count))
  }
  return 0
}

/** The right password was given: what was counted for it is forgotten. */
export function* forget(buckets: readonly Bucket[]): Work<void> {
  for (const { key } of buckets) yield* settings.remove(key)
}

function* read(key: string, now: number): Work<Count> {
  const stored = yield* settings.get(key)
  const count: Count = stored === undefined ? { attempts: 0, lastAt: 0, until: 0 } : JSON.parse(stored)
  // A clock that was set back must not lock anybody out for longer than the longest wait.
  if (Math.abs(now - count.lastAt) > FORGET_MS) return { attempts: 0, lastAt: 0, until: 0 }
  return { ...count, until: Math.min(count.until, now + LONGEST_MS) }
}
