import type { EventsOptions, JournalEnvelope, WebhookEvent } from './contract.gen.ts'
import { isWamuxClientError, WamuxClientError } from './errors.ts'
import type { Http } from './http.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000
/** Longer than the pause between two signs of life from the server. */
const SILENCE_MS = 45_000

/** One server-sent event: what its lines said. */
interface Sent {
  id: string
  event: string
  data: string
}

/**
 * The events of an instance, from a place on. When the connection ends it is made again and goes on after the last
 * event that was given, so that none is missed and none comes twice; a server that is away is waited for. What cannot
 * get better by itself is thrown.
 */
export async function* follow(
  http: Http,
  id: string,
  { after, events, signal }: EventsOptions,
): AsyncGenerator<JournalEnvelope, void> {
  let place = after
  let failures = 0
  while (!signal?.aborted) {
    const given = { ...(place !== undefined && { after: place }), ...(events && { events: [...events] }) }
    try {
      const body = await http.stream('listEvents', { params: { id }, query: given }, signal)
      for await (const { id: seq, event, data } of readSse(body)) {
        place = Number(seq)
        if (event === 'cursor') continue
        failures = 0
        yield toEnvelope(JSON.parse(data) as WebhookEvent) // the server's schemas are made from this type
      }
    } catch (error) {
      if (signal?.aborted) return
      if (!isPassing(error)) throw error
    }
    // An orderly end too: a server that stops would be asked again and again.
    failures++
    if (!signal?.aborted) await pause(failures, signal)
  }
}

/** The one place where the wire's `instanceId` becomes the SDK's `sessionId`. */
function toEnvelope({ instanceId, ...event }: WebhookEvent): JournalEnvelope {
  // Both are unions over the same names, with the same data under each.
  return { ...event, sessionId: instanceId } as JournalEnvelope
}

/** Whether it can be over by the next time: no answer, a server that stops or has a bad moment. */
function isPassing(error: unknown): boolean {
  if (!isWamuxClientError(error)) return false
  const { status } = error
  return error.code === 'UNREACHABLE' || (status !== null && (status >= 500 || status === 429))
}

function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
  return new Promise((resolve) => {
    const timer = setTimeout(done, longest * (0.5 + Math.random() / 2))
    function done() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done)
  })
}

/** @throws UNREACHABLE when the stream breaks, or says nothing for so long that it must be dead */
async function* readSse(body: ReadableStream<Uint8Array>): AsyncGenerator<Sent, void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await heard(reader.read())
      if (done) return
      text += value
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const sent = toSent(part)
        if (sent) yield sent
      }
    }
  } finally {
    reader.cancel().catch(() => undefined) // it is broken already, or nobody reads it any more
  }
}

/** Undefined for a comment, which only says that the server is there. */
function toSent(part: string): Sent | undefined {
  const sent: Sent = { id: '', event: '', data: '' }
  for (const line of part.split('\n')) {
    const [, field, value = ''] = /^(id|event|data): ?(.*)$/.exec(line) ?? []
    // The three names are those of the pattern.
    if (field !== undefined) sent[field as keyof Sent] += value
  }
  return sent.event === '' ? undefined : sent
}

async function heard<T>(read: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(undefined)), SILENCE_MS)
  })
  try {
    return await Promise.race([read, silence])
  } catch (error) {
    throw isWamuxClientError(error) ? error : unreachable(error)
  } finally {
    clearTimeout(timer)
  }
}

const unreachable = (cause: unknown) =>
  new WamuxClientError('UNREACHABLE', 'The stream of events broke.', { details: { url: '' } }, { cause })
