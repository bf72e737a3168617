import { randomUUID } from 'node:crypto'
import { type InputOf, noBody, type Operation, type OperationName, operations } from '@wamux/contract'
import { isWamuxError, type Session, type SessionManager, WamuxError } from '@wamux/core'
import { H3, type H3Event } from 'h3'
import type { ServerRequest } from 'srvx'
import { type Caller, noInstance } from './auth/access.ts'
import { failure, success, toWamuxError } from './envelope.ts'
import { type AnyHandler, handlers } from './handlers/index.ts'
import { readBody, readKey, readQuery, refuseKeyInUrl, validate } from './request.ts'
import type { Services } from './services.ts'

/**
 * Binds every operation of the contract to its handler. The way of a request: 1. a request id · 2. the router ·
 * 3. who calls (auth/access.ts) · 4. which session · 5. query and body · 6. the handler · 7. the envelope.
 */
export type Fetch = (request: ServerRequest) => Promise<Response>

export function createApp(services: Services): Fetch {
  const app = newApp(services)
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    app.on(operation.method, toRoute(operation.path), (event) =>
      answer(event, services, nameOf(name), async (id) => {
        const { headers } = event.req
        const caller =
          name === 'health'
            ? await services.access.admitOptionally(headers)
            : await services.access.admit(operation, headers, id)
        return { caller, sessionId: caller.kind === 'instance' ? caller.session : id }
      }),
    )
  }
  return withRequestId(app, services)
}

/** The two contact routes of one session, for its own port. `needsKey` unless only this machine can reach it. */
export function createInstanceApp(services: Services, sessionId: string, needsKey: boolean): Fetch {
  const app = newApp(services)
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    if (!operation.onInstancePort) continue
    app.on(operation.method, toRoute(operation.path), (event) =>
      answer(event, services, nameOf(name), async () => {
        const { headers } = event.req
        const caller = needsKey ? await services.access.admitKeyOf(sessionId, headers) : ({ kind: 'nobody' } as const)
        return { caller, sessionId }
      }),
    )
  }
  return withRequestId(app, services)
}

const toRoute = (path: string) => path.replaceAll(/\{(\w+)\}/g, ':$1')

// The names come from the keys of the list itself; Object.entries forgets that.
const nameOf = (name: string) => name as OperationName

function newApp({ logger }: Services): H3 {
  return new H3({
    silent: true,
    // What is thrown here comes from h3 itself: no such route, or a URL that cannot be read.
    onError: (error, event) => {
      const { status } = error
      if (status === 404) {
        return failure(new WamuxError('NOT_FOUND', 'There is no such route.'), requestIdOf(event))
      }
      if (status === 400) {
        const issues = [{ path: 'url', message: 'cannot be read' }]
        return failure(new WamuxError('INVALID_INPUT', 'The URL cannot be read.', { issues }), requestIdOf(event))
      }
      logger.error({ err: error, requestId: requestIdOf(event) }, 'a request failed')
      return failure(toWamuxError(error), requestIdOf(event))
    },
  })
}

/** Every answer names its request, also one that the router gave before any of our code ran. */
function withRequestId(app: H3, { logger }: Services): Fetch {
  return async (request) => {
    const requestId = randomUUID()
    request.context = { ...request.context, requestId }
    let response: Response
    try {
      response = await app.fetch(request)
    } catch (error) {
      logger.error({ err: error, requestId }, 'a request failed')
      response = failure(toWamuxError(error), requestId)
    }
    response.headers.set('x-request-id', requestId)
    response.headers.set('x-content-type-options', 'nosniff')
    response.headers.set('cache-control', 'no-store')
    return response
  }
}

// Set by withRequestId, before the router sees the request.
const requestIdOf = (event: H3Event) => event.context.requestId as string

interface Admitted {
  caller: Caller
  sessionId: string | undefined
}

async function answer(
  event: H3Event,
  services: Services,
  name: OperationName,
  admit: (id: string | undefined) => Promise<Admitted>,
): Promise<Response> {
  const operation: Operation = operations[name]
  const startedAt = performance.now()
  let isReplay = false
  let response: Response
  try {
    refuseKeyInUrl(event.req.url)
    const params = readParams(event)
    const { caller, sessionId } = await admit(params.id)
    const { manager } = services
    // DELETE of what is gone is fine, so that one route looks for its session itself.
    const session = sessionId === undefined || name === 'deleteInstance' ? undefined : sessionOf(manager, sessionId)
    const query = operation.query && validate(operation.query, readQuery(event.url))
    const repeat = operation.keyed ? { ...readKey(event.req.headers), onReplay: () => (isReplay = true) } : {}
    const body = validate(operation.body ?? noBody, await readBody(event.req))
    const input = { params, query, body: operation.body && body } as InputOf<OperationName>
    // `input` was just checked against the schemas of this very operation.
    const handler = handlers[name] as AnyHandler
    const call = { caller, request: event.req, services, session: () => required(session), repeat }
    const result = await handler(input, call)
    response =
      result instanceof Response
        ? result
        : success(result.data, result.status ?? operation.success[0], operation.list && (result.nextCursor ?? null))
  } catch (thrown) {
    const error = toWamuxError(thrown)
    const requestId = requestIdOf(event)
    const facts = { err: thrown, requestId, route: name }
    if (error.code === 'INTERNAL') services.logger.error(facts, 'a request failed')
    // Each account that it meets has said so as an error.
    if (error.code === 'STORE_FAILED') services.logger.warn(facts, 'a request could not be done')
    response = failure(error, requestId)
  }
  if (isReplay) response.headers.set('idempotency-replayed', 'true')
  const ms = Math.round(performance.now() - startedAt)
  services.logger.debug({ requestId: requestIdOf(event), route: name, status: response.status, ms }, 'request')
  return response
}

function readParams(event: H3Event): Record<string, string> {
  const params: Record<string, string> = {}
  for (const [name, value] of Object.entries(event.context.params ?? {})) {
    try {
      params[name] = decodeURIComponent(value)
    } catch {
      const issues = [{ path: name, message: 'is not properly encoded' }]
      throw new WamuxError('INVALID_INPUT', 'The URL cannot be read.', { issues })
    }
  }
  return params
}

function sessionOf(manager: SessionManager, id: string): Session {
  try {
    return manager.session(id)
  } catch (error) {
    throw isWamuxError(error, 'INSTANCE_NOT_FOUND') ? noInstance(id) : error
  }
}

function required(session: Session | undefined): Session {
  if (session) return session
  throw new Error('This route has no session: its path has no {id}, and no key was asked for.')
}
