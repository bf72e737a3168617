import { z } from 'zod'
import { definedOnly } from '../defined-only.ts'
import type { Events, NetworkEvent } from '../world/events.ts'
import { PatienceError } from '../world/waiting.ts'
import { type Operation, operation } from './operation.ts'
import { digits, phone, queryCount, text } from './schemas.ts'

const TYPES = [
  'linked',
  'unlinked',
  'connected',
  'disconnected',
  'heard',
  'confirmed',
  'presence',
  'typing',
  'warning',
] as const satisfies readonly NetworkEvent['type'][]

/** One shape for all, because generated clients do better with it than with a union of nine. */
const eventShown = z
  .object({
    seq: z.int().meta({ description: 'Place in the order of events; begins with 1 when the process does' }),
    at: z.number().meta({ description: "Milliseconds, by the network's clock" }),
    type: z.enum(TYPES).meta({
      description:
        'linked, unlinked, connected, disconnected: a companion; heard: a message is on the screen of a phone or contact; confirmed: a message of somebody in the emulator got a receipt; warning: a line for the log',
    }),
    phone: digits.optional().meta({ description: 'Whose phone, contact or companion; absent in a warning' }),
    device: z.int().optional(),
    id: z.string().optional().meta({ description: 'Of a message' }),
    from: digits.optional().meta({ description: 'The author of what was heard' }),
    chat: z.string().optional(),
    kind: z.string().optional().meta({ description: 'text, image, …' }),
    text: z.string().optional(),
    by: digits.optional().meta({ description: 'Who confirmed' }),
    receipt: z.string().optional().meta({ description: 'delivery, read or played' }),
    state: z.string().optional().meta({ description: 'available, unavailable; composing, recording, paused' }),
    line: z.string().optional(),
  })
  .meta({ id: 'NetworkEvent', description: 'Something that happened' })

const filters = {
  after: queryCount.optional().meta({ description: 'Only what came after this seq' }),
  type: z.enum(TYPES).optional(),
  phone: phone.optional().meta({ description: 'Only what happened to this phone or contact' }),
  id: text.optional().meta({ description: 'Only what is about this message' }),
}

const example = {
  seq: 12,
  at: 1_703_123_456_789,
  type: 'confirmed',
  phone: '491234567890',
  id: '3EB0C767D26A1B2C5F',
  by: '15550001001',
  receipt: 'read',
} as const

interface Wanted {
  readonly after?: number | undefined
  readonly type?: NetworkEvent['type'] | undefined
  readonly phone?: string | undefined
  readonly id?: string | undefined
}

export const eventOperations: readonly Operation[] = [
  operation({
    id: 'listEvents',
    method: 'GET',
    path: '/admin/events',
    summary: 'What happened, oldest first; waits for the next event when there is none yet',
    description:
      'The last thousand are remembered. A client polls with `after` set to the `last` of its last answer; an empty list means that nothing came in time.',
    query: z.strictObject({
      ...filters,
      timeoutMs: queryCount
        .pipe(z.int().max(600_000))
        .optional()
        .meta({ description: 'How long to wait when there is none, in ms; 0 by default' }),
    }),
    answer: z.object({
      events: eventShown.array(),
      last: z.int().meta({ description: 'For the next `after`' }),
    }),
    example: { query: { after: '11', type: 'confirmed', timeoutMs: '5000' }, answer: { events: [example], last: 12 } },
    handle: async ({ emulator: { events } }, { query, signal }) => {
      const { timeoutMs = 0 } = query
      const fits = toPredicate(query)
      const after = query.after ?? 0
      const found = () => events.recent({ after }).filter(fits)
      if (found().length === 0 && timeoutMs > 0) {
        await events.first(fits, { after, timeoutMs, signal }).catch((error: unknown) => {
          // That the time is over is no error here: whoever polls asks again.
          if (!(error instanceof PatienceError)) throw error
        })
      }
      return { events: found(), last: events.recent().at(-1)?.seq ?? 0 }
    },
  }),
  operation({
    id: 'followEvents',
    method: 'GET',
    path: '/admin/events/stream',
    summary: 'What happens, as server-sent events: what is remembered first, then what comes',
    description:
      'Each message has the `seq` as its id, the `type` as its event and the whole event as JSON in its data.',
    query: z.strictObject(filters),
    answer: z.string(),
    answerType: 'text/event-stream',
    handle: ({ emulator: { events } }, { query, signal }) => follow(events, query, signal),
  }),
]

async function* follow(events: Events, wanted: Wanted, signal: AbortSignal): AsyncGenerator<string> {
  const fits = toPredicate(wanted)
  let { after = 0 } = wanted
  let wake: () => void = () => undefined
  const stop = events.on(() => wake())
  signal.addEventListener('abort', () => wake(), { once: true })
  try {
    while (!signal.aborted) {
      const fresh = events.recent({ after })
      after = fresh.at(-1)?.seq ?? after
      if (fresh.length > 0) yield fresh.filter(fits).map(toMessage).join('')
      // Whatever came while the reader was busy rang at nobody: it is looked for before waiting.
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    stop()
  }
}

function toMessage(event: NetworkEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function toPredicate({ type, phone, id }: Wanted): (event: NetworkEvent) => boolean {
  const wanted = Object.entries(definedOnly({ type, phone, id }))
  return (event) => wanted.every(([field, value]) => field in event && Reflect.get(event, field) === value)
}
