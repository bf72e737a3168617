import { once } from 'node:events'
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
      const kept = () => network.world.store.turn.kept()
      await kept()
      if (isStream(answer)) await stream(response, answer, kept, gone.signal)
      else respond(response, 200, answer ?? { ok: true }, operation.answerType)
    } catch (error) {
      if (response.headersSent) return void response.destroy()
      const { status, body } = toProblem(error)
      respond(response, status, body)
    }
  }
}

function isStream(answer: unknown): answer is AsyncIterable<string> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}

async function stream(
  response: ServerResponse,
  pieces: AsyncIterable<string>,
  kept: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
  response.flushHeaders()
  for await (const piece of pieces) {
    // What it tells of may have been written in this turn.
    await kept()
    // A reader that is slow is waited for; what it misses meanwhile is remembered.
    if (!response.write(piece)) await once(response, 'drain', { signal })
  }
  response.end()
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
