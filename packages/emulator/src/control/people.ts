import { z } from 'zod'
import type { Contact, Person, Phone } from '../api.ts'
import type { WaitOptions } from '../world/waiting.ts'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { chat, phone, text } from './schemas.ts'

export type Kind = 'phone' | 'contact'

export const person = z.strictObject({ phone })

/** What phones and contacts can both do besides writing, once for each of the two. */
export function peopleOperations(kind: Kind): Operation[] {
  const here = `/admin/${kind}s/{phone}` as const
  const find = finder(kind)
  const base = { params: person, errors: [404] as const }
  return [
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
      id: `${kind}WritesBacklog`,
      method: 'POST',
      path: `${here}/backlog`,
      summary: 'Writes many texts at once; answers with their ids when the network has all of them',
      body: z.strictObject({ to: chat, texts: z.array(text).min(1).max(10_000) }),
      answer: z.object({ ids: z.array(z.string()) }),
      example: { body: { to: '15550001001', texts: ['first', 'second'] }, answer: { ids: ['AC01', 'AC02'] } },
      handle: (network, { params, body }) => {
        const author = find(network, params.phone)
        reachable(network, author, body.to)
        return author.saysAll(body.to, body.texts)
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
    operation({
      ...base,
      id: `${kind}Joins`,
      method: 'POST',
      path: `${here}/groups/join`,
      summary: 'Follows the invite link of a group',
      body: z.strictObject({ code: text.meta({ description: 'What the link ends with' }) }),
      answer: z.object({
        outcome: z.enum(['joined', 'requested']).meta({ description: 'requested: an admin has to approve first' }),
      }),
      errors: [404, 409, 410],
      example: { body: { code: 'HjFw3nL0pQ2rS4tU6vW8xY' }, answer: { outcome: 'joined' } },
      handle: (network, { params, body }) => ({ outcome: find(network, params.phone).joins(body.code) }),
    }),
    operation({
      ...base,
      id: `${kind}Accepts`,
      method: 'POST',
      path: `${here}/groups/accept`,
      summary: 'Accepts the invitation to a group in a message that has arrived',
      body: z.strictObject({ id: text.meta({ description: 'Of the message' }) }),
      errors: [404, 410],
      example: { body: { id: '3EB0C767D26A1B2C5F' } },
      handle: (network, { params, body }) => {
        const guest = find(network, params.phone)
        const invitation = network.world.mail.heard(guest.phone, body.id).at(-1)
        if (!invitation?.message.groupInviteMessage) {
          throw new InputError('id', `${guest.phone} has no invitation ${body.id}.`)
        }
        guest.accepts(invitation)
      },
    }),
    operation({
      ...base,
      id: `${kind}Reinstalls`,
      method: 'POST',
      path: `${here}/reinstall`,
      summary: 'A new phone with the same number: other identity keys, no companions, and those who know it are told',
      handle: (network, { params }) => find(network, params.phone).reinstall(),
    }),
  ]
}

/** Options of a wait, without what was not said. */
export function waiting({ timeoutMs, signal }: { timeoutMs: number | undefined; signal: AbortSignal }): WaitOptions {
  return { ...(timeoutMs !== undefined && { timeoutMs }), signal }
}

/** Looks people of one kind up. */
export function finder(kind: Kind): (network: Network, number: string) => Person {
  return kind === 'phone' ? phoneOf : contactOf
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
