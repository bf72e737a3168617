import { proto } from '@whiskeysockets/baileys'
import { z } from 'zod'
import type { Content } from '../content/content.ts'
import { definedOnly } from '../defined-only.ts'
import { count, phone, text } from './schemas.ts'

/** What a person can send, as JSON: the `Content` of the in-process API, with bytes in base64. */

const additions = {
  quotes: text.optional().meta({ description: 'Id of a message that this person has written or received' }),
  mentions: z
    .array(phone)
    .min(1)
    .optional()
    .meta({ description: 'Numbers of the people named in it; the text itself says @ and their number' }),
  disappearsAfter: count.optional().meta({ description: 'Seconds' }),
}

const poll = z.strictObject({
  question: text,
  options: z.array(text).min(2).max(12),
  pick: count.optional().meta({ description: 'How many options may be picked; 0, the default, is any number' }),
})

const event = z.strictObject({
  name: text,
  description: text.optional(),
  startsAt: z.int().meta({ description: 'Milliseconds since the epoch' }),
  endsAt: z.int().optional(),
  place: text.optional(),
})

const location = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: text.optional(),
  address: text.optional(),
  isLive: z.boolean().optional().meta({ description: 'Moves while it is shared' }),
})

const file = z.base64().meta({ description: 'The file as it is, in base64: it is encrypted on the way' })
const ofFile = { mimetype: text.optional(), isViewOnce: z.boolean().optional() }
const seconds = count.optional()
const image = z.strictObject({ image: file, caption: text.optional(), ...ofFile })
const video = z.strictObject({
  video: file,
  caption: text.optional(),
  seconds,
  isGif: z.boolean().optional(),
  isNote: z.boolean().optional().meta({ description: 'One of the round ones' }),
  ...ofFile,
})
const audio = z.strictObject({
  audio: file,
  seconds,
  isVoice: z.boolean().optional().meta({ description: 'Spoken into the phone' }),
  ...ofFile,
})
const document = z.strictObject({ document: file, fileName: text, caption: text.optional(), ...ofFile })
const sticker = z.strictObject({ sticker: file, isAnimated: z.boolean().optional(), ...ofFile })

const media = z
  .union([image, video, audio, document, sticker])
  .meta({ id: 'Media', description: 'A picture, a video, a recording, a document or a sticker' })

const KINDS = {
  text,
  poll,
  event,
  cards: z
    .array(z.strictObject({ name: text, phone }))
    .min(1)
    .meta({ description: 'One contact card, or several in one message' }),
  location,
  media,
  album: z
    .array(z.union([image, video]))
    .min(2)
    .meta({ description: 'Pictures and videos that are shown together' }),
  message: z
    .record(z.string(), z.unknown())
    .superRefine(isMessage)
    .meta({ description: 'A proto.Message that goes out as it is; bytes are base64' }),
} as const

function isMessage(given: Record<string, unknown>, context: z.core.$RefinementCtx): void {
  try {
    const made = proto.Message.fromObject(given)
    const strange = Object.keys(given).find((field) => !Object.hasOwn(made, field))
    if (strange !== undefined)
      context.addIssue({ code: 'custom', message: `has a field ${strange}, and none is called so` })
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no proto.Message: ${String(error)}` })
  }
}

/** The fields of a content, of which exactly one says what it is. */
export const contentFields = { ...z.object(KINDS).partial().shape, ...additions }

type Given = z.output<z.ZodObject<typeof contentFields>>

/** Use it with `.superRefine` on the object that holds the fields: one kind, and only one. */
export function isOneKind(given: Given, context: z.core.$RefinementCtx): void {
  const kinds = Object.keys(KINDS).filter((kind) => kind in given)
  if (kinds.length === 1) return
  const message = kinds.length === 0 ? 'is missing, or another kind of content' : 'says what it is a second time'
  context.addIssue({ code: 'custom', path: [kinds[1] ?? 'text'], message })
}

export function toContent(given: Given): Content {
  const { quotes, mentions, disappearsAfter, ...body } = given
  const around = definedOnly({ quotes, mentions, disappearsAfter })
  if (body.message !== undefined) return { message: proto.Message.fromObject(body.message), ...around }
  if (body.text !== undefined) return { text: body.text, ...around }
  if (body.poll) return { poll: definedOnly(body.poll), ...around }
  if (body.event) return { event: definedOnly(body.event), ...around }
  if (body.cards) return { cards: body.cards, ...around }
  if (body.location) return { location: definedOnly(body.location), ...around }
  if (body.media) return { ...toMedia(body.media), ...around }
  if (body.album) return { album: body.album.map(toMedia), ...around }
  throw new TypeError('isOneKind has seen to it that there is one.')
}

type File = z.output<typeof image | typeof video | typeof audio | typeof document | typeof sticker>
type Bytes<T> = { [K in keyof T]: K extends 'image' | 'video' | 'audio' | 'document' | 'sticker' ? Uint8Array : T[K] }
type Decoded<T> = T extends unknown ? ReturnType<typeof definedOnly<Bytes<T>>> : never

function toMedia<T extends File>(given: T): Decoded<T> {
  const decoded = Object.entries(definedOnly(given)).map(([name, value]) => {
    return [name, FILES.has(name) && typeof value === 'string' ? Buffer.from(value, 'base64') : value] as const
  })
  // The same fields, the file among them decoded.
  return Object.fromEntries(decoded) as Decoded<T>
}

const FILES = new Set(['image', 'video', 'audio', 'document', 'sticker'])
