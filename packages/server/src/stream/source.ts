import { toWire, type WebhookEvent } from '@wamux/contract'
import { type EventsOptions, isWamuxError, type Session } from '@wamux/core'
import { eventPage, journal, type Store } from '@wamux/core/stores'

/** A part of a journal that goes on: where it begins, and what comes. */
export interface Source {
  /** The `seq` after which it begins. */
  readonly cursor: number
  /** Ends without an error when the session does, or when `signal` is aborted. */
  events(signal: AbortSignal): AsyncGenerator<WebhookEvent, void>
}

/**
 * Looks the place up before anything is answered, so that one that cannot be had is an answer of its own.
 * @throws INVALID_INPUT, EVENTS_PRUNED
 */
export async function openSource(
  store: Store,
  session: Session,
  { after, events }: Pick<EventsOptions, 'after' | 'events'>,
): Promise<Source> {
  if (after !== undefined) await eventPage(store, session.id, { after, limit: 1 })
  const cursor = after ?? (await store.read(() => journal.newest(session.id)))
  return {
    cursor,
    async *events(signal) {
      try {
        const options = { after: cursor, signal, ...(events && { events }) }
        for await (const envelope of session.events(options)) yield toWire(envelope)
      } catch (error) {
        // The session was deleted, or the server stops: a reader comes back and is told what is true then.
        if (!isWamuxError(error, 'STOPPING')) throw error
      }
    },
  }
}
