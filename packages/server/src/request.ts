import { keyHeaders, sayIssue } from '@wamux/contract'
import { invalid, WamuxError } from '@wamux/core'
import type { z } from 'zod'
import { holdsKey } from './auth/api-keys.ts'

/** Reads what a caller sent, and refuses what is not understood with the path of it. */

export const BODY_LIMIT = 1024 * 1024

/** A body is JSON whatever its content type says; none at all is an empty object, so that the fields are asked for. */
export async function readBody(request: Request): Promise<unknown> {
  const text = await readText(request)
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    throw new WamuxError('INVALID_INPUT', 'The body is not JSON.', {
      issues: [{ path: '', message: 'must be JSON' }],
    })
  }
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length')) > BODY_LIMIT) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  if (request.body) {
    for await (const chunk of request.body) {
      size += chunk.byteLength
      if (size > BODY_LIMIT) throw tooLarge()
      chunks.push(chunk)
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new WamuxError('INVALID_INPUT', 'The body is not UTF-8.', {
      issues: [{ path: '', message: 'must be UTF-8' }],
    })
  }
}

const tooLarge = () =>
  new WamuxError('PAYLOAD_TOO_LARGE', `A body may have ${BODY_LIMIT} bytes.`, { limit: BODY_LIMIT })

/** The query as an object; a parameter given twice is refused instead of one of the two being chosen. */
export function readQuery(url: URL): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(query, name)) throw invalid(name, 'is given more than once')
    query[name] = value
  }
  return query
}

/** The Idempotency-Key, in the words of core. One given twice arrives with a blank in it, and is refused. */
export function readKey(headers: Headers): { idempotencyKey?: string } {
  const given = headers.get('idempotency-key')
  const { 'Idempotency-Key': idempotencyKey } = validate(keyHeaders, given === null ? {} : { 'Idempotency-Key': given })
  return idempotencyKey === undefined ? {} : { idempotencyKey }
}

/** What the schema makes of `value`, or INVALID_INPUT with one issue for each field that is wrong. */
export function validate<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value, { error: sayIssue })
  if (result.success) return result.data
  const all = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: toPath([...issue.path, key]), message: issue.message }))
      : [{ path: toPath(issue.path), message: issue.message }],
  )
  // zod goes on to measure what is of the wrong kind: only the first of a field says what is wrong with it.
  const seen = new Set<string>()
  const issues = all.filter(({ path }) => !seen.has(path) && seen.add(path))
  const [first] = issues
  throw new WamuxError('INVALID_INPUT', `${first?.path || 'The body'} ${first?.message}`, { issues })
}

/** `['messages', 3, 'phone']` as people write it: `messages[3].phone`. */
function toPath(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === 'number') return `${path}[${key}]`
    return path === '' ? String(key) : `${path}.${String(key)}`
  }, '')
}

/** A key in a URL is in logs and histories by then: refused even when it would be valid, so that nobody gets used to it. */
export function refuseKeyInUrl(url: string): void {
  if (!holdsKey(url.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))))) return
  throw new WamuxError('INVALID_INPUT', 'An API key does not belong into a URL. Replace it and send it as X-API-Key.', {
    issues: [{ path: 'url', message: 'must not hold an API key' }],
  })
}
