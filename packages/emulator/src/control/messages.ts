import { proto } from '@whiskeysockets/baileys'
import { z } from 'zod'
import type { Person } from '../api.ts'
import { ANSWERS } from '../content/content.ts'
import { definedOnly } from '../defined-only.ts'
import type { Heard, Matcher } from '../world/mailbox.ts'
import { contentFields, isOneKind, toContent } from './content.ts'
import { refusedAs } from './input.ts'
import { type Operation, operation } from './operation.ts'
import { finder, type Kind, person, reachable, waiting } from './people.ts'
import { chat, count, examples, heard, phone, queryFlag, sent, space, text, timeoutMs } from './schemas.ts'

const inMessage = z.strictObject({ phone, id: text })

const raw = queryFlag.optional().meta({ description: 'Adds the stanza as XML' })
const message = queryFlag
  .optional()
  .meta({ description: 'Adds the decrypted proto.Message as JSON, its bytes in base64' })

const author = phone
  .optional()
  .meta({ description: 'The author of the message: ids are unique per author only. Without it, an own one goes first' })

/** Files are sent in base64. */
const MAX_MEDIA_BODY = 128 * 1024 * 1024

/** What phones and contacts do with messages, once for each of the two. */
export function messageOperations(kind: Kind): Operation[] {
  const here = `/admin/${kind}s/{phone}/messages` as const
  const who = kind === 'phone' ? 'The owner of a phone' : 'A contact'
  const find = finder(kind)
  return [
    operation({
      id: `${kind}Sends`,
      method: 'POST',
      path: here,
      summary: `${who} writes, to a number or a group: a text, a poll, an event, …`,
      description: 'Exactly one field says what it is: text, poll, event, cards, location, media, album or message.',
      params: person,
      bodyLimit: MAX_MEDIA_BODY,
      body: z
        .strictObject({
          to: chat,
          ...contentFields,
          space: space.optional().meta({ description: 'The name under which the chat is held: pn by default' }),
          id: text.optional().meta({ description: 'Instead of a new one: the same again is a copy of that message' }),
          unavailable: z.string().optional().meta({
            description:
              'Only phones get the text; the companions of others get this type of `<unavailable/>`, or none when it is empty',
          }),
        })
        .superRefine(isOneKind),
      answer: sent,
      errors: [404],
      example: { body: { to: '15550001001', text: 'Hallo' }, answer: { id: '3EB0C767D26A1B2C5F' } },
      handle: (network, { params, body }) => {
        const { to, space, id, unavailable, ...content } = body
        const writer = find(network, params.phone)
        reachable(network, writer, to)
        return refusedAs('quotes', () => writer.sends(to, toContent(content), definedOnly({ space, id, unavailable })))
      },
    }),
    operation({
      id: `${kind}Messages`,
      method: 'GET',
      path: here,
      summary: 'What the phone shows: one entry per author and id, in order of arrival',
      params: person,
      query: z.strictObject({ raw, message }),
      answer: heard.array(),
      errors: [404],
      example: { answer: [examples.heard] },
      handle: (network, { params, query }) =>
        find(network, params.phone)
          .messages()
          .map((one) => shown(one, query)),
    }),
    operation({
      id: `${kind}Hears`,
      method: 'GET',
      path: `${here}/next`,
      summary: 'Waits for a message; answers at once when it is there already',
      description:
        'Each message is given out once, the oldest first: the same question again waits for the next one. What is left out fits everything.',
      params: person,
      query: z.strictObject({
        text: text.optional().meta({ description: 'The whole text' }),
        matching: text
          .refine(isPattern, 'must be a regular expression')
          .optional()
          .meta({ description: 'A regular expression that fits the text' }),
        from: phone.optional().meta({ description: 'Who wrote it' }),
        chat: chat.optional().meta({ description: 'Where it was written: a phone number or the id of a group' }),
        type: text.optional().meta({ description: 'text, image, reaction, …' }),
        concerns: text.optional().meta({ description: 'Id of the message that it edits, reacts to, votes on, …' }),
        raw,
        message,
        timeoutMs,
      }),
      answer: heard,
      errors: [404, 504],
      example: { query: { text: 'Hallo', timeoutMs: '5000' }, answer: examples.heard },
      handle: async (network, { params, query, signal }) => {
        const { raw, message, timeoutMs, ...wanted } = query
        const listener = find(network, params.phone)
        return shown(await listener.hears(toMatcher(wanted), waiting({ timeoutMs, signal })), { raw, message })
      },
    }),
    operation({
      id: `${kind}IsReceived`,
      method: 'GET',
      path: `${here}/{id}/received`,
      summary: 'Waits until somebody has confirmed a message of this person',
      description: 'A companion or a contact; the phone that owns the companions does not count.',
      params: inMessage,
      query: z.strictObject({ type: z.enum(['delivery', 'read', 'played']).optional(), timeoutMs }),
      errors: [404, 504],
      example: { query: { type: 'read' } },
      handle: (network, { params, query, signal }) =>
        find(network, params.phone).received(params.id, query.type, waiting({ timeoutMs: query.timeoutMs, signal })),
    }),
    ...actions(kind),
  ]
}

/** Everything that is done to a message that is there: it is a message of its own, whose id is the answer. */
function actions(kind: Kind): Operation[] {
  const find = finder(kind)
  const action = <B extends z.ZodType>(it: {
    id: string
    path: string
    summary: string
    body: B
    example: unknown
    act: (actor: Person, id: string, body: z.output<B>) => Promise<{ id: string }>
  }) =>
    operation({
      id: `${kind}${it.id}`,
      method: 'POST',
      path: `/admin/${kind}s/{phone}/messages/{id}/${it.path}`,
      summary: it.summary,
      params: inMessage,
      body: it.body,
      answer: sent,
      errors: [404],
      example: { body: it.example, answer: { id: '3EB0C767D26A1B2C60' } },
      handle: (network, { params, body }) =>
        refusedAs('id', () => it.act(find(network, params.phone), params.id, body)),
    })
  return [
    action({
      id: 'Edits',
      path: 'edit',
      summary: 'Changes an own message',
      body: z.strictObject(contentFields).superRefine(isOneKind),
      example: { text: 'Hallo!' },
      act: (actor, id, body) => actor.edits(id, toContent(body)),
    }),
    action({
      id: 'Deletes',
      path: 'delete',
      summary: "Takes a message back for everybody: an own one, or as an admin of the group somebody else's",
      body: z.strictObject({ from: author }),
      example: {},
      act: (actor, id, body) => actor.deletes(id, definedOnly(body)),
    }),
    action({
      id: 'Reacts',
      path: 'reaction',
      summary: 'Reacts to a message',
      body: z.strictObject({
        emoji: z.string().meta({ description: 'An empty one takes the reaction back' }),
        from: author,
      }),
      example: { emoji: '👍' },
      act: (actor, id, { emoji, from }) => actor.reacts(id, emoji, definedOnly({ from })),
    }),
    action({
      id: 'Votes',
      path: 'vote',
      summary: 'Votes on a poll',
      body: z.strictObject({
        options: z.array(text).meta({ description: 'As they stand in the poll; an empty list takes the vote back' }),
        from: author,
      }),
      example: { options: ['Pizza'] },
      act: (actor, id, { options, from }) => actor.votes(id, options, definedOnly({ from })),
    }),
    action({
      id: 'Answers',
      path: 'answer',
      summary: 'Answers an event',
      body: z.strictObject({ answer: z.enum(ANSWERS), from: author }),
      example: { answer: 'going' },
      act: (actor, id, { answer, from }) => actor.answers(id, answer, definedOnly({ from })),
    }),
    action({
      id: 'Forwards',
      path: 'forward',
      summary: 'Passes a message on, marked as forwarded',
      body: z.strictObject({ to: chat, from: author, space: space.optional() }),
      example: { to: '15550001001' },
      act: (actor, id, { to, from, space }) => actor.forwards(id, to, definedOnly({ from, space })),
    }),
    action({
      id: 'Pins',
      path: 'pin',
      summary: 'Pins a message for all in the chat',
      body: z.strictObject({
        seconds: count.optional().meta({ description: 'A week by default; 0 unpins it' }),
        from: author,
      }),
      example: { seconds: 86_400 },
      act: (actor, id, { seconds, from }) => actor.pins(id, seconds, definedOnly({ from })),
    }),
    action({
      id: 'Keeps',
      path: 'keep',
      summary: 'Keeps a disappearing message in the chat, or lets it go',
      body: z.strictObject({ kept: z.boolean().optional(), from: author }),
      example: { kept: true },
      act: (actor, id, { kept, from }) => actor.keeps(id, kept, definedOnly({ from })),
    }),
  ]
}

interface Wanted {
  readonly text?: string | undefined
  readonly matching?: string | undefined
  readonly from?: string | undefined
  readonly chat?: string | undefined
  readonly type?: string | undefined
  readonly concerns?: string | undefined
}

/** A text alone stays one: then a complaint about what was not heard can quote it. */
function toMatcher({ text, matching, ...facts }: Wanted): Matcher {
  const { from, chat, type, concerns } = facts
  if (text !== undefined && [matching, from, chat, type, concerns].every((one) => one === undefined)) return text
  const pattern = matching === undefined ? undefined : new RegExp(matching)
  return (heard) =>
    (text === undefined || heard.text === text) &&
    (pattern === undefined || pattern.test(heard.text)) &&
    (from === undefined || heard.from === from) &&
    (chat === undefined || heard.chat === chat) &&
    (type === undefined || heard.type === type) &&
    (concerns === undefined || heard.concerns === concerns)
}

export function isPattern(value: string): boolean {
  try {
    return new RegExp(value) !== undefined
  } catch {
    return false
  }
}

/** What is nothing special is left out: most messages have none of it. */
export function shown(
  one: Heard,
  { raw, message }: { raw?: boolean | undefined; message?: boolean | undefined } = {},
): z.input<typeof heard> {
  const { id, from, type, text, at, copies, chat, choices, concerns, quotes, mentions, isForwarded, isViewOnce } = one
  return {
    ...{ id, from, type, text, at, copies },
    ...(chat.endsWith('@g.us') && { chat }),
    ...(choices && { choices: [...choices] }),
    ...(concerns !== undefined && { concerns }),
    ...(quotes !== undefined && { quotes }),
    ...(mentions.length > 0 && { mentions: [...mentions] }),
    ...(isForwarded && { isForwarded }),
    ...(isViewOnce && { isViewOnce }),
    ...(message && { message: proto.Message.toObject(proto.Message.fromObject(one.message), AS_JSON) }),
    ...(raw && { raw: one.raw }),
  }
}

export const AS_JSON = { bytes: String, longs: Number, enums: String } as const
