import { z } from 'zod'
import type { Contact, Person, Phone } from '../api.ts'
import type { Heard } from '../world/mailbox.ts'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { chat, examples, heard, phone, queryFlag, sent, text } from './schemas.ts'

type Kind = 'phone' | 'contact'

const person = z.strictObject({ phone })

/** What phones and contacts can both do, once for each of the two. */
export function peopleOperations(kind: Kind): Operation[] {
  const here = `/admin/${kind}s/{phone}` as const
  const who = kind === 'phone' ? 'The owner of a phone' : 'A contact'
  const find = (network: Network, number: string): Person => (kind === 'phone' ? phoneOf : contactOf)(network, number)
  return [
    operation({
      id: `${kind}Says`,
      method: 'POST',
      path: `${here}/messages`,
      summary: `${who} writes a text, to a number or a group`,
      params: person,
      body: z.strictObject({ to: chat, text }),
      answer: sent,
      errors: [404],
      example: { body: { to: '15550001001', text: 'Hallo' }, answer: { id: '3EB0C767D26A1B2C5F' } },
      handle: (network, { params, body }) => {
        const author = find(network, params.phone)
        reachable(network, author, body.to)
        return author.says(body.to, body.text)
      },
    }),
    operation({
      id: `${kind}Messages`,
      method: 'GET',
      path: `${here}/messages`,
      summary: 'What the phone shows: one entry per author and id, in order of arrival',
      params: person,
      query: z.strictObject({ raw: queryFlag.optional().meta({ description: 'Adds the stanza as XML' }) }),
      answer: heard.array(),
      errors: [404],
      example: { answer: [examples.heard] },
      handle: (network, { params, query }) =>
        find(network, params.phone)
          .messages()
          .map((one) => shown(one, query.raw)),
    }),
  ]
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
