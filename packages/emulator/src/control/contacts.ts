import { z } from 'zod'
import type { Contact } from '../api.ts'
import { BEHAVIOURS } from '../world/accounts.ts'
import { InputError } from './input.ts'
import { messageOperations } from './messages.ts'
import { type Operation, operation } from './operation.ts'
import { contactOf, free, peopleOperations } from './people.ts'
import { digits, ids, phone, text } from './schemas.ts'

const contactShown = z
  .object({ phone: digits, lid: digits, name: z.string(), behaviour: z.enum(BEHAVIOURS) })
  .meta({ id: 'Contact', description: 'A virtual person with a Signal identity of their own' })

const example = { phone: '491234567890', lid: '116615365354300', name: 'Max Mustermann', behaviour: 'echo' }

export const contactOperations: readonly Operation[] = [
  operation({
    id: 'makeContact',
    method: 'POST',
    path: '/admin/contacts',
    summary: 'Makes a contact, or changes the one with that number',
    description:
      '`silent` only confirms what it gets, `echo` answers a text with the same text, `polite` does too but does not talk with a bot for ever.',
    body: z.strictObject({ phone, name: text.optional(), behaviour: z.enum(BEHAVIOURS).optional() }),
    answer: contactShown,
    errors: [409],
    example: { body: { phone: '+49 1234 567890', name: 'Max Mustermann', behaviour: 'echo' }, answer: example },
    handle: (network, { body }) => {
      const { phone: number, name, behaviour } = body
      const options = { ...(name !== undefined && { name }), ...(behaviour && { behaviour }) }
      return shownContact(network.emulator.contact(free(network, number, 'contact'), options))
    },
  }),
  operation({
    id: 'listContacts',
    method: 'GET',
    path: '/admin/contacts',
    summary: 'All contacts',
    answer: contactShown.array(),
    example: { answer: [example] },
    handle: (network) =>
      network.world.accounts.all('contact').map((account) => shownContact(contactOf(network, account.phone))),
  }),
  operation({
    id: 'getContact',
    method: 'GET',
    path: '/admin/contacts/{phone}',
    summary: 'One contact',
    params: z.strictObject({ phone }),
    answer: contactShown,
    errors: [404],
    example: { answer: example },
    handle: (network, { params }) => shownContact(contactOf(network, params.phone)),
  }),
  operation({
    id: 'contactConfirms',
    method: 'POST',
    path: '/admin/contacts/{phone}/receipts',
    summary: 'The contact reads messages, or plays them',
    params: z.strictObject({ phone }),
    body: z.strictObject({ messageIds: ids, type: z.enum(['read', 'played']).optional() }),
    errors: [404],
    example: { body: { messageIds: ['3EB0C767D26A1B2C5F'], type: 'read' } },
    handle: async (network, { params, body }) => {
      const contact = contactOf(network, params.phone)
      const known = new Set(contact.messages().map(({ id }) => id))
      const strange = body.messageIds.find((id) => !known.has(id))
      if (strange !== undefined) throw new InputError('messageIds', `${contact.phone} has no message ${strange}.`)
      await (body.type === 'played' ? contact.plays(body.messageIds) : contact.reads(body.messageIds))
    },
  }),
  operation({
    id: 'contactReinstalls',
    method: 'POST',
    path: '/admin/contacts/{phone}/reinstall',
    summary: 'A new phone with the same number: other identity keys, and those who know the contact are told',
    params: z.strictObject({ phone }),
    errors: [404],
    handle: (network, { params }) => contactOf(network, params.phone).reinstall(),
  }),
  ...messageOperations('contact'),
  ...peopleOperations('contact'),
]

function shownContact({ phone, lid, name, behaviour }: Contact): z.input<typeof contactShown> {
  return { phone, lid, name, behaviour }
}
