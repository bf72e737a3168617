import { z } from 'zod'
import { toPhone } from '../world/jids.ts'

/** What several operations take or give. What has an `id` is a component of the OpenAPI document. */

const PHONE = 'Digits, international; a plus, blanks, hyphens and brackets are dropped'

export const phone = z
  .string()
  .min(1)
  .transform(readPhone)
  .pipe(z.string())
  .meta({ description: PHONE, examples: ['491234567890'] })

/** A number, or a group by its id. */
export const chat = z
  .string()
  .min(1)
  .transform((value, context) => (value.endsWith('@g.us') ? value : readPhone(value, context)))
  .pipe(z.string())
  .meta({ description: 'A phone number, or the id of a group with @g.us', examples: ['491234567890'] })

/** Of the two names that everybody has: phone number or lid. */
export const space = z.enum(['pn', 'lid'])

/** A text that is not empty. */
export const text = z.string().min(1)

export const ids = z.array(text).min(1)

export const count = z.int().min(0)

/** In a query: a whole number. */
export const queryCount = z
  .string()
  .regex(/^\d+$/, 'must be a whole number of 0 or more')
  .transform(Number)
  .pipe(z.int().min(0))

/** In a query: 1 or true, 0 or false. */
export const queryFlag = z
  .enum(['1', 'true', '0', 'false'])
  .transform((value) => value === '1' || value === 'true')
  .pipe(z.boolean())

/** In a query: how long the caller waits. */
export const timeoutMs = queryCount
  .pipe(z.int().max(600_000))
  .optional()
  .meta({ description: 'How long to wait before 504, in ms; as long as the emulator is patient by default: 15 s' })

export const digits = z.string().regex(/^\d+$/)

export const sent = z.object({
  id: text.meta({ description: 'The id of the message', examples: ['3EB0C767D26A1B2C5F'] }),
})

export const heard = z
  .object({
    id: z.string().meta({ description: 'Unique only together with its author' }),
    from: digits.meta({ description: 'The phone number of the author' }),
    type: z.string().meta({ description: 'text, image, reaction, edit, …' }),
    text: z.string(),
    at: z.int().meta({ description: 'Milliseconds since the epoch' }),
    copies: z.int().meta({ description: 'How often it arrived under the same id' }),
    chat: z.string().optional().meta({ description: 'The id of the group, when it was written in one' }),
    choices: z
      .array(z.string())
      .optional()
      .meta({ description: 'What a vote picks, in the order of the poll, or the answer to an event' }),
    concerns: z
      .string()
      .optional()
      .meta({ description: 'Id of the message that it edits, takes back, reacts to, votes on, answers or pins' }),
    quotes: z.string().optional().meta({ description: 'Id of the message that it quotes' }),
    mentions: z.array(z.string()).optional().meta({ description: 'JIDs as they stand in it' }),
    isForwarded: z.boolean().optional(),
    isViewOnce: z.boolean().optional(),
    message: z.record(z.string(), z.unknown()).optional().meta({ description: 'The proto.Message, with ?message=1' }),
    raw: z.string().optional().meta({ description: 'The stanza of the first copy as XML, with ?raw=1' }),
  })
  .meta({ id: 'Heard', description: 'A message as the screen of a phone shows it' })

export const phoneShown = z
  .object({
    phone: digits,
    lid: digits,
    name: z.string(),
    devices: z.array(z.int()).meta({ description: 'Numbers of the linked companions, oldest first' }),
  })
  .meta({ id: 'Phone', description: 'A phone whose owner links companions to it' })

export const problem = z
  .object({
    error: z.string().meta({ description: 'For people' }),
    field: z.string().optional().meta({ description: 'What to look at: a field, or path, query, body' }),
    code: z.int().optional().meta({ description: 'What a client gets that asks WhatsApp for the same' }),
  })
  .meta({ id: 'Problem', description: 'Why a request was refused' })

export const examples = {
  phone: { phone: '15550001001', lid: '141598592330900', name: 'Alice', devices: [1] },
  heard: {
    id: '3EB0C767D26A1B2C5F',
    from: '15550001001',
    type: 'text',
    text: 'Hallo',
    at: 1_703_123_456_789,
    copies: 1,
  },
} as const

function readPhone(value: string, context: z.core.$RefinementCtx): string {
  try {
    return toPhone(value)
  } catch {
    context.addIssue({ code: 'custom', message: `must be an international phone number, and "${value}" is none` })
    return z.NEVER
  }
}
