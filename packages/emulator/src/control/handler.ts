import type { IncomingMessage, ServerResponse } from 'node:http'
import { IqError } from '../stanzas/iq-error.ts'
import { LinkingError } from '../world/linking-error.ts'
import { PatienceError } from '../world/waiting.ts'
import { InputError, readInput } from './input.ts'
import type { Network, Operation } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import { Router } from './router.ts'

/** The HTTP side of a network, for tests and people in other processes. Has no passwords. */
export function controlHandler(network: Network) {
  const router = new Router(OPERATIONS)
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      const url = new URL(request.url ?? '/', network.emulator.controlUrl)
      const { operation, params } = router.find(request.method ?? 'GET', url.pathname)
      const input = await readInput(operation, request, url, params)
      const answer = await operation.handle(network, { ...input, signal: gone.signal })
      await network.world.store.turn.kept()
      respond(response, 200, answer ?? { ok: true }, operation.answerType)
    } catch (error) {
      const { status, body } = toProblem(error)
      respond(response, status, body)
    }
  }
}

function toProblem(error: unknown): { status: number; body: object } {
  if (error instanceof InputError) return { status: error.status, body: { error: error.message, field: error.field } }
  if (error instanceof LinkingError) {
    const status = error.field === 'client' ? 409 : 400
    return { status, body: { error: error.message, field: error.field } }
  }
  if (error instanceof PatienceError) return { status: 504, body: { error: error.message, field: 'timeoutMs' } }
  // What WhatsApp answers to a client that asks for it, a person in the emulator hears too.
  if (error instanceof IqError)
    return { status: statusOf(error.code), body: { error: error.message, code: error.code } }
  return { status: 500, body: { error: String(error) } }
}

function statusOf(code: number): number {
  return [403, 404, 409, 410].includes(code) ? code : 400
}

function respond(response: ServerResponse, status: number, body: unknown, type?: Operation['answerType']): void {
  response.writeHead(status, {
    'content-type': `${type ?? 'application/json'}; charset=utf-8`,
    'cache-control': 'no-store',
  })
  response.end(type === undefined ? `${JSON.stringify(body)}\n` : String(body))
}
