import type { ListOptions, Page } from '@wamux/core'
import { z } from 'zod'
import { like } from '../check.ts'

export const time = z.int().describe('ms since the epoch')

/** Inputs are not normalised here: core knows what a phone is and refuses the rest under the same path. */
export const phone = z
  .string()
  .min(1)
  .max(64)
  .describe('Digits, international; blanks, hyphens, brackets, a plus, …@c.us and …@lid are understood.')
  .meta({ examples: ['491234567890'] })

// Query values are text: digits only, so that "1e2", " 5 " and "" are refused instead of being read as numbers.
export const limit = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a number from 1 to 500')
  .transform(Number)
  .pipe(z.int().min(1).max(500))
  .describe('1–500, 50 by default')

export const listQuery = like<ListOptions>()(
  z.strictObject({
    limit: limit.exactOptional(),
    cursor: z.string().min(1).max(512).describe('nextCursor of the page before').exactOptional(),
  }),
)

/** A place in a journal. */
const seq = (what: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be the seq of an event, or 0')
    .transform(Number)
    .pipe(z.int().min(0))
    .describe(what)

/** A list in one query value: `message,message_ack`. */
export const names = <const T extends readonly [string, ...string[]]>(of: T) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(of, `must be names out of ${of.join(', ')}`)).min(1))

export const after = seq('Begin after the event with this seq; 0 is the oldest that is kept')

export const waitSeconds = z
  .string()
  .regex(/^\d{1,2}$/, 'must be a number from 0 to 60')
  .transform(Number)
  .pipe(z.int().min(0).max(60))
  .describe('How many seconds to wait for the first event when there is none yet')

export const messageQuery = like<{ sender?: string }>()(
  z.strictObject({
    sender: z.string().min(1).max(64).describe('Who wrote it: a chat id, or me').exactOptional(),
  }),
)

/** The headers of a route that is `keyed`, as far as they are its input. */
export const keyHeaders = z.strictObject({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must have 1 to 255 visible ASCII characters')
    .exactOptional(),
})

/** The body of a route that takes none: left out, or without a field. */
export const noBody = z.strictObject({})

/** The `data` of an answer that says no more than that it is done. */
export const nothing = z.null()

export type ListAnswer<T> = Page<T>
