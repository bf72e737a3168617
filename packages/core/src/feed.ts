import { invalid, WamuxError } from './errors.ts'
import type { EventsOptions, JournalEnvelope } from './shared.ts'
import * as journal from './stores/sql/journal.ts'
import type { Store } from './stores/store.ts'

const AT_ONCE = 200

export interface FeedOptions extends EventsOptions {
  session: string
  store: Store
  /** Has `ring` called whenever something was journalled, until the function that it returns is. */
  onRing(ring: () => void): () => void
  /** Aborted when the session ends: there will be no more events. */
  over: AbortSignal
}

/**
 * Reads a journal from a place on and goes on as it grows. Holds one page at a time: a reader that is slow is only
 * late. The bell says that there may be more, the journal says what.
 */
export async function* feed(options: FeedOptions): AsyncGenerator<JournalEnvelope, undefined> {
  const { session, store, events = [], signal, over } = options
  let bell = Promise.withResolvers<void>()
  const ring = () => bell.resolve()
  const silence = options.onRing(ring)
  signal?.addEventListener('abort', ring)
  over.addEventListener('abort', ring)
  try {
    let place = await begin(store, session, options.after)
    for (;;) {
      if (signal?.aborted) return
      if (over.aborted) throw new WamuxError('STOPPING', 'The session has ended.')
      bell = Promise.withResolvers()
      const entries = await store.read(() => journal.after(session, place, AT_ONCE, events))
      for (const entry of entries) {
        place = entry.seq
        if (signal?.aborted) return
        yield toEnvelope(session, entry)
      }
      if (entries.length < AT_ONCE) await bell.promise
    }
  } finally {
    silence()
    signal?.removeEventListener('abort', ring)
    over.removeEventListener('abort', ring)
  }
}

/** One page of the journal. @throws INVALID_INPUT, EVENTS_PRUNED as {@link feed} does */
export async function page(
  store: Store,
  session: string,
  { after, limit, events = [] }: { after: number; limit: number; events?: EventsOptions['events'] },
): Promise<JournalEnvelope[]> {
  const place = await begin(store, session, after)
  const entries = await store.read(() => journal.after(session, place, limit, events))
  return entries.map((entry) => toEnvelope(session, entry))
}

/** Where to begin. 0 is the oldest there is; another place that was pruned would be a gap that nobody sees. */
async function begin(store: Store, session: string, after: number | undefined): Promise<number> {
  if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0)) {
    throw invalid('after', 'must be the seq of an event, or 0.')
  }
  const { oldest, newest } = await store.read(() => journal.bounds(session))
  if (after === undefined) return newest
  if (after > newest) throw invalid('after', `is past the newest event, which has the seq ${newest}.`)
  if (after > 0 && after + 1 < oldest) {
    throw new WamuxError('EVENTS_PRUNED', `Events up to ${oldest - 1} are no longer kept.`, { oldest })
  }
  return after
}

function toEnvelope(session: string, { seq, id, event, timestamp, data }: journal.JournalEntry): JournalEnvelope {
  // The row ties `event` to `data`; its type does not.
  return { id, event, sessionId: session, seq, timestamp, data } as JournalEnvelope
}
