import { setTimeout as sleep } from 'node:timers/promises'
import type { WebhookEvent } from '@wamux/contract'
import type { Source } from './source.ts'

const HEARTBEAT_MS = 15_000

export interface SseOptions {
  /** Ends the stream. */
  signal: AbortSignal
  heartbeatMs?: number
  report(error: unknown): void
}

/**
 * A source as server-sent events. The reader pulls: what it does not take stays in the journal, so that a slow one
 * costs no memory. A comment now and then keeps proxies from closing, and shows a dead reader.
 */
export function toSse(source: Source, { signal, heartbeatMs = HEARTBEAT_MS, report }: SseOptions): Response {
  const left = new AbortController()
  const events = source.events(AbortSignal.any([signal, left.signal]))
  let next: Promise<IteratorResult<WebhookEvent, void>> | undefined
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const first = { cursor: source.cursor }
        controller.enqueue(encoder.encode(`id: ${source.cursor}\nevent: cursor\ndata: ${JSON.stringify(first)}\n\n`))
      },
      async pull(controller) {
        next ??= events.next()
        try {
          const answered = new AbortController()
          const quiet = sleep(heartbeatMs, undefined, { signal: answered.signal })
          const step = await Promise.race([next, quiet]).finally(() => answered.abort())
          if (left.signal.aborted) return // nobody reads it any more
          if (step === undefined) return controller.enqueue(encoder.encode(': still here\n\n'))
          next = undefined
          if (step.done) controller.close()
          else controller.enqueue(encoder.encode(toText(step.value)))
        } catch (error) {
          report(error)
          controller.error(error)
        }
      },
      cancel: () => left.abort(),
    },
    // One event ahead of the reader, and no more.
    { highWaterMark: 1 },
  )
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
  })
}

// JSON has no line breaks of its own, so that one line of data holds it.
const toText = (event: WebhookEvent) => `id: ${event.seq}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`
