import { invalid } from './errors.ts'
import type { ListOptions, Page } from './shared.ts'

const LIMIT = 50
const LONGEST = 500
type Place = readonly (string | number)[]

/** @throws INVALID_INPUT naming `limit` or `cursor` */
export function readCursor({ limit = LIMIT, cursor }: ListOptions): { limit: number; cursor: Place | undefined } {
  if (!Number.isInteger(limit) || limit < 1 || limit > LONGEST) throw invalid('limit', `must be 1 to ${LONGEST}.`)
  if (cursor === undefined) return { limit, cursor: undefined }
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(place) && place.length === 2 && Number.isFinite(place[0]) && isPlace(place[1])) {
      return { limit, cursor: place }
    }
  } catch {
    // not ours: said below
  }
  throw invalid('cursor', 'must be the nextCursor of an earlier page.')
}

const isPlace = (value: unknown): boolean => typeof value === 'string' || Number.isFinite(value)

/** A page of what was read with one more than `limit`, so that it is known whether there is another. */
export function pageOf<T>(found: readonly T[], limit: number, place: (last: T) => Place): Page<T> {
  const data = found.slice(0, limit)
  const last = data.at(-1)
  const hasMore = found.length > limit && last !== undefined
  return { data, nextCursor: hasMore ? Buffer.from(JSON.stringify(place(last))).toString('base64url') : null }
}
