import type { Value } from '../store.ts'

/**
 * The differences between the SQL of the works and PostgreSQL's: how parameters are marked, what column types are
 * called, and that its texts cannot hold the character NUL. Knows nothing of connections.
 */
export function toPostgres(sql: string): string {
  let place = 0
  const numbered = sql.replaceAll('?', () => `$${++place}`)
  if (!/^\s*(CREATE|ALTER) TABLE/i.test(numbered)) return numbered
  // Compared by bytes, as SQLite does: the order of a locale would make other ranges and other pages.
  return numbered
    .replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replaceAll(/\bINTEGER\b/g, 'BIGINT')
    .replaceAll(/\bBLOB\b/g, 'BYTEA')
}

/** A private character of Unicode that marks what stands for another: itself, or NUL. */
const MARK = '\uf8ff'
const MARKED_NUL = `${MARK}0`
const MARKED_MARK = `${MARK}1`

/** Ids are chosen by strangers, and a message may hold any character. */
export function toParameter(value: Value): Value {
  if (typeof value !== 'string' || !/[\0\uf8ff]/.test(value)) return value
  return value.replaceAll(MARK, MARKED_MARK).replaceAll('\0', MARKED_NUL)
}

export function fromText(text: string): string {
  if (!text.includes(MARK)) return text
  return text.replaceAll(MARKED_NUL, '\0').replaceAll(MARKED_MARK, MARK)
}
