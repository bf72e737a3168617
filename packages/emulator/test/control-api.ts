import { isDeepStrictEqual } from 'node:util'
import { OPERATIONS } from '../src/control/operations.ts'
import { Router } from '../src/control/router.ts'

export interface Answer {
  status: number
  body: Record<string, unknown>
}

export const MAX = '491234567890'

const router = new Router(OPERATIONS)

/** The control API as a test in another process uses it. Throws when an answer is not what OpenAPI says of it. */
export function apiOf(controlUrl: string) {
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${controlUrl}${path}`, { method, ...(body !== undefined && { body: text }) })
    const answer = (await response.json()) as Record<string, unknown>
    if (response.ok) asDescribed(method, path, answer)
    return { status: response.status, body: answer }
  }
  return {
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown) => call('POST', path, body),
    patch: (path: string, body: unknown) => call('PATCH', path, body),
    delete: (path: string) => call('DELETE', path),
  }
}

function asDescribed(method: string, path: string, answer: unknown): void {
  const { operation } = router.find(method, path.replace(/\?.*$/, ''))
  const described = operation.answer?.parse(answer)
  // Whatever the schema does not know is dropped by it.
  if (described !== undefined && !isDeepStrictEqual(described, answer)) {
    throw new Error(`${operation.id} answered ${JSON.stringify(answer)}, but described is ${JSON.stringify(described)}`)
  }
}
