import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { Operation } from './operation.ts'

const MAX_BODY = 1024 * 1024

/** Something that the caller got wrong, in a field that is named. */
export class InputError extends Error {
  readonly field: string
  readonly status: number

  constructor(field: string, message: string, status = 400) {
    super(message)
    this.field = field
    this.status = status
  }
}

/**
 * Runs what only the network can judge. What it refuses it says with a plain `Error`, and the caller was wrong in
 * `field`; every other error is one of ours and stays what it is.
 */
export async function refusedAs<T>(field: string, job: () => T | Promise<T>): Promise<T> {
  try {
    return await job()
  } catch (error) {
    if (error instanceof Error && error.constructor === Error) throw new InputError(field, error.message)
    throw error
  }
}

/** Everything a request says, checked. Throws an `InputError` that names the first field that is wrong. */
export async function readInput(operation: Operation, request: IncomingMessage, url: URL, params: object) {
  return {
    params: check(operation.params, params, 'path'),
    query: check(operation.query, Object.fromEntries(url.searchParams), 'query'),
    body: operation.body && check(operation.body, await readBody(operation, request), 'body'),
  }
}

async function readBody(operation: Operation, request: IncomingMessage): Promise<unknown> {
  const text = await readText(request, operation.bodyLimit ?? MAX_BODY)
  if (operation.bodyType === 'text/plain') return text
  try {
    return text.trim() === '' ? {} : withoutNulls(JSON.parse(text))
  } catch {
    throw new InputError('body', 'The body is not JSON.')
  }
}

/** Some languages write `null` for a field that is left out. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
}

async function readText(request: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    // Without an encoding set, a request's chunks are Buffers.
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > limit) throw new InputError('body', `The body is longer than ${limit} bytes.`, 413)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function check(schema: z.ZodType | undefined, value: unknown, whole: 'path' | 'query' | 'body'): unknown {
  // Callers put what they like behind a `?` that nobody reads, such as the time against caches.
  if (!schema) return undefined
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw issue ? toInputError(issue, whole) : new InputError(whole, `The ${whole} is not what it should be.`)
}

function toInputError(issue: z.core.$ZodIssue, whole: string): InputError {
  const { path, complaint } = describe(issue)
  const field = toField(path)
  if (field === '') return new InputError(whole, `The ${whole} ${complaint}.`)
  return new InputError(field, `${field} ${complaint}.`)
}

/** `replies[2].text`; an item that is no object is called by the name of its list, since its text says which one it is. */
function toField(path: readonly PropertyKey[]): string {
  const named = path.findLastIndex((step) => typeof step !== 'number')
  const steps = path.slice(0, named + 1).map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return steps.join('').replace(/^\./, '')
}

function describe(issue: z.core.$ZodIssue): { path: readonly PropertyKey[]; complaint: string } {
  const { path } = issue
  switch (issue.code) {
    case 'unrecognized_keys':
      return { path: [...path, issue.keys[0] ?? ''], complaint: 'is not a field of this route' }
    case 'invalid_type':
      return {
        path,
        complaint: issue.input === undefined ? 'is missing' : `must be ${EXPECTED[issue.expected] ?? issue.expected}`,
      }
    case 'invalid_value': {
      const missing = issue.input === undefined
      return { path, complaint: missing ? 'is missing' : `must be one of ${issue.values.join(', ')}` }
    }
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return { path, complaint: 'must not be empty' }
      return { path, complaint: `must be ${issue.minimum} or more` }
    case 'too_big':
      return { path, complaint: `must be at most ${issue.maximum}${issue.origin === 'string' ? ' letters long' : ''}` }
    case 'invalid_union': {
      // The alternative that was understood furthest is the one that was meant.
      const deepest = issue.errors.flat().sort((one, two) => two.path.length - one.path.length)[0]
      if (!deepest || deepest.path.length === 0) return { path, complaint: 'is none of what it may be' }
      const inner = describe(deepest)
      return { path: [...path, ...inner.path], complaint: inner.complaint }
    }
    default:
      return { path, complaint: issue.message }
  }
}

const EXPECTED: Record<string, string> = {
  object: 'a JSON object',
  array: 'a list',
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
}
