import { toWire } from '@wamux/contract'
import { type EventsOptions, invalid } from '@wamux/core'
import { eventPage, journal } from '@wamux/core/stores'
import { openSource } from '../stream/source.ts'
import { toSse } from '../stream/sse.ts'
import type { Call, Handler } from './handler.ts'

/** The journal, for whoever comes and reads: a page of it, or all that follows. */
export const events: { [N in 'listEvents' | 'streamEvents']: Handler<N> } = {
  listEvents: async ({ query }, call) => {
    const { request, services } = call
    const { store, stopping, logger } = services
    const session = call.session()
    const wanted = { ...query, ...placeIn(query.after, request.headers) }
    if (wantsStream(request.headers)) {
      const source = await openSource(store, session, wanted)
      const report = (error: unknown) => logger.error({ err: error, instance: session.id }, 'a stream of events failed')
      return toSse(source, { signal: stopping, report })
    }
    const { limit = 50, wait = 0, events = [] } = wanted
    const after = wanted.after ?? (await store.read(() => journal.newest(session.id)))
    const page = () => eventPage(store, session.id, { after, limit, events })
    let found = await page()
    if (found.length === 0 && wait > 0 && (await comes(call, after, events, wait))) found = await page()
    const last = found.at(-1)
    return { data: found.map(toWire), nextCursor: found.length === limit && last ? String(last.seq) : null }
  },

  streamEvents: async () => {
    throw invalid('upgrade', 'must be a WebSocket: this route speaks nothing else.')
  },
}

/** `Last-Event-ID` is how a browser says where it was cut off. */
function placeIn(after: number | undefined, headers: Headers): { after?: number } {
  const last = headers.get('last-event-id')
  if (after !== undefined || last === null || last === '') return after === undefined ? {} : { after }
  if (!/^\d{1,15}$/.test(last)) throw invalid('Last-Event-ID', 'must be the id of an event of this stream.')
  return { after: Number(last) }
}

function wantsStream(headers: Headers): boolean {
  const accepted = headers.get('accept') ?? ''
  return accepted.split(',').some((range) => range.trim().toLowerCase().startsWith('text/event-stream'))
}

/** Whether an event came before the time was over, the caller gone or the server stopped. */
async function comes(
  { session, request, services }: Call,
  after: number,
  events: EventsOptions['events'],
  seconds: number,
): Promise<boolean> {
  const signal = AbortSignal.any([AbortSignal.timeout(seconds * 1000), request.signal, services.stopping])
  for await (const _ of session().events({ after, signal, ...(events && { events }) })) return true
  return false
}
