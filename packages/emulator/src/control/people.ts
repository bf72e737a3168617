import { z } from 'zod'
import type { Contact, Person, Phone } from '../api.ts'
import type { Heard, Matcher } from '../world/mailbox.ts'
import type { WaitOptions } from '../world/waiting.ts'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { chat, examples, heard, phone, queryFlag, sent, space, text, timeoutMs } from './schemas.ts'

type Kind = 'phone' | 'contact'

const person = z.strictObject({ phone })
const raw = queryFlag.optional().meta({ description: 'Adds the stanza as XML' })

/** What phones and contacts can both do, once for each of the two. */
export function peopleOperations(kind: Kind): Operation[] {
  const here = `/admin/${kind}s/{phone}` as const
  const who = kind === 'phone' ? 'The owner of a phone' : 'A contact'
  const find = (network: Network, number: string): Person => (kind === 'phone' ? phoneOf : contactOf)(network, number)
  const base = { params: person, errors: [404] as const }
  return [
    operation({
      ...base,
      id: `${kind}Says`,
      method: 'POST',
      path: `${here}/messages`,
      summary: `${who} writes a text, to a number or a group`,
      body: z.strictObject({
        to: chat,
        text,
        space: space.optional().meta({ description: 'The name under which the chat is held: pn by default' }),
        id: text.optional().meta({ description: 'Instead of a new one: the same again is a copy of that message' }),
      }),
      answer: sent,
      example: { body: { to: '15550001001', text: 'Hallo' }, answer: { id: '3EB0C767D26A1B2C5F' } },
      handle: (network, { params, body }) => {
        const author = find(network, params.phone)
        reachable(network, author, body.to)
        const { to, text, space, id } = body
        return author.says(to, text, { ...(space && { space }), ...(id !== undefined && { id }) })
      },
    }),
    operation({
      ...base,
      id: `${kind}Messages`,
      method: 'GET',
      path: `${here}/messages`,
      summary: 'What the phone shows: one entry per author and id, in order of arrival',
      query: z.strictObject({ raw }),
      answer: heard.array(),
      example: { answer: [examples.heard] },
      handle: (network, { params, query }) =>
        find(network, params.phone)
          .messages()
          .map((one) => shown(one, query.raw)),
    }),
    operation({
      ...base,
      id: `${kind}Hears`,
      method: 'GET',
      path: `${here}/messages/next`,
      summary: 'Waits for a message; answers at once when it is there already',
      description:
        'Each message is given out once, the oldest first: the same question again waits for the next one. What is left out fits everything.',
      query: z.strictObject({
        text: text.optional().meta({ description: 'The whole text' }),
        matching: text
          .refine(isPattern, 'must be a regular expression')
          .optional()
          .meta({ description: 'A regular expression that fits the text' }),
        from: phone.optional().meta({ description: 'Who wrote it' }),
        chat: chat.optional().meta({ description: 'Where it was written: a phone number or the id of a group' }),
        type: text.optional().meta({ description: 'text, image, reaction, …' }),
        raw,
        timeoutMs,
      }),
      answer: heard,
      errors: [404, 504],
      example: { query: { text: 'Hallo', timeoutMs: '5000' }, answer: examples.heard },
      handle: async (network, { params, query, signal }) => {
        const { raw, timeoutMs, ...wanted } = query
        const listener = find(network, params.phone)
        return shown(await listener.hears(toMatcher(wanted), waiting({ timeoutMs, signal })), raw)
      },
    }),
    operation({
      ...base,
      id: `${kind}IsReceived`,
      method: 'GET',
      path: `${here}/messages/{id}/received`,
      summary: 'Waits until somebody has confirmed a message of this person',
      description: 'A companion or a contact; the phone that owns the companions does not count.',
      params: z.strictObject({ phone, id: text }),
      query: z.strictObject({ type: z.enum(['delivery', 'read', 'played']).optional(), timeoutMs }),
      errors: [404, 504],
      example: { query: { type: 'read' } },
      handle: (network, { params, query, signal }) =>
        find(network, params.phone).received(params.id, query.type, waiting({ timeoutMs: query.timeoutMs, signal })),
    }),
    operation({
      ...base,
      id: `${kind}Types`,
      method: 'POST',
      path: `${here}/typing`,
      summary: 'Shows typing in a chat of the other side, or recording, or that it stopped',
      body: z.strictObject({ to: chat, state: z.enum(['composing', 'paused', 'recording']).optional() }),
      example: { body: { to: '15550001001', state: 'recording' } },
      handle: (network, { params, body }) => {
        const author = find(network, params.phone)
        reachable(network, author, body.to)
        author.types(body.to, body.state)
      },
    }),
    operation({
      ...base,
      id: `${kind}Appears`,
      method: 'POST',
      path: `${here}/presence`,
      summary: 'Opens or closes the app: subscribers are told',
      body: z.strictObject({ state: z.enum(['available', 'unavailable']) }),
      example: { body: { state: 'available' } },
      handle: (network, { params, body }) => find(network, params.phone).appears(body.state),
    }),
    operation({
      ...base,
      id: `${kind}GoesOnline`,
      method: 'POST',
      path: `${here}/online`,
      summary: 'The device in the hand loses its network, or gets it back: meanwhile it confirms nothing',
      body: z.strictObject({ online: z.boolean() }),
      example: { body: { online: false } },
      handle: (network, { params, body }) => {
        const owner = find(network, params.phone)
        if (body.online) owner.comesOnline()
        else owner.goesOffline()
      },
    }),
  ]
}

interface Wanted {
  readonly text?: string | undefined
  readonly matching?: string | undefined
  readonly from?: string | undefined
  readonly chat?: string | undefined
  readonly type?: string | undefined
}

/** A text alone stays one: then a complaint about what was not heard can quote it. */
function toMatcher({ text, matching, from, chat, type }: Wanted): Matcher {
  if (text !== undefined && [matching, from, chat, type].every((one) => one === undefined)) return text
  const pattern = matching === undefined ? undefined : new RegExp(matching)
  return (heard) =>
    (text === undefined || heard.text === text) &&
    (pattern === undefined || pattern.test(heard.text)) &&
    (from === undefined || heard.from === from) &&
    (chat === undefined || heard.chat === chat) &&
    (type === undefined || heard.type === type)
}

/** Options of a wait, without what was not said. */
export function waiting({ timeoutMs, signal }: { timeoutMs: number | undefined; signal: AbortSignal }): WaitOptions {
  return { ...(timeoutMs !== undefined && { timeoutMs }), signal }
}

function isPattern(value: string): boolean {
  try {
    return new RegExp(value) !== undefined
  } catch {
    return false
  }
}

/** Throws an `InputError` when nobody has that number, or somebody who is no phone. */
export function phoneOf({ emulator, world }: Network, number: string): Phone {
  return emulator.phone(known(world.accounts.get(number)?.kind, number, 'phone'))
}

export function contactOf({ emulator, world }: Network, number: string): Contact {
  return emulator.contact(known(world.accounts.get(number)?.kind, number, 'contact'))
}

/** A number that nobody has yet, or one of that kind. */
export function free({ world }: Network, number: string, kind: Kind): string {
  const account = world.accounts.get(number)
  if (!account || account.kind === kind) return number
  throw new InputError('phone', `${number} is a ${account.kind} already.`, 409)
}

export function shown({ id, from, type, text, at, copies, chat, raw }: Heard, withRaw = false): z.input<typeof heard> {
  return { id, from, type, text, at, copies, ...(chat.endsWith('@g.us') && { chat }), ...(withRaw && { raw }) }
}

/** Throws when `to` is no number of this network, or a group that the author is not in. */
export function reachable({ world }: Network, author: Person, to: string): void {
  const isGroup = to.endsWith('@g.us')
  if (isGroup && !world.groups.members(to).has(author.phone)) {
    throw new InputError('to', `${to} has no such member.`)
  }
  if (!isGroup && !world.accounts.get(to)) throw new InputError('to', `${to} is not on this WhatsApp.`)
}

function known(kind: Kind | undefined, number: string, wanted: Kind): string {
  if (kind === wanted) return number
  throw new InputError('phone', `There is no ${wanted} ${number}.`, 404)
}
