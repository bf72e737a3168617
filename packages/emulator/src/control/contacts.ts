import { z } from 'zod'
import type { Contact } from '../api.ts'
import { definedOnly } from '../defined-only.ts'
import { BEHAVIOURS } from '../world/accounts.ts'
import { isPattern, messageOperations } from './messages.ts'
import { type Operation, operation } from './operation.ts'
import { contactOf, free, peopleOperations } from './people.ts'
import { profileOperations } from './profile.ts'
import { count, digits, phone, text } from './schemas.ts'

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
      '`silent` only confirms what it gets, `echo` answers a text with the same text, `polite` does too but does not talk with a bot for ever, ' +
      '`scripted` answers from its list, `absent` never comes online, `blind` confirms without decrypting.',
    body: z.strictObject({
      phone,
      name: text.optional(),
      behaviour: z.enum(BEHAVIOURS).optional(),
      readsAfterMs: count.optional().meta({ description: 'Reads every message so long after it arrived' }),
      replies: z
        .array(z.strictObject({ pattern: text.refine(isPattern, 'must be a regular expression'), reply: text }))
        .optional()
        .meta({ description: 'What a scripted contact answers: the first pattern that fits; $1 stands for its group' }),
      lidMigrated: z
        .boolean()
        .optional()
        .meta({ description: 'False: nobody has learnt the lid of this contact, before it migrates' }),
    }),
    answer: contactShown,
    errors: [409],
    example: { body: { phone: '+49 1234 567890', name: 'Max Mustermann', behaviour: 'echo' }, answer: example },
    handle: (network, { body }) => {
      const { phone: number, ...options } = body
      return shownContact(network.emulator.contact(free(network, number, 'contact'), definedOnly(options)))
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
    id: 'contactMigrates',
    method: 'POST',
    path: '/admin/contacts/{phone}/migrate',
    summary:
      'The chats of the contact move from the number to the lid, and the phones that chat with it pass the mapping on',
    params: z.strictObject({ phone }),
    errors: [404],
    handle: (network, { params }) => contactOf(network, params.phone).migrates(),
  }),
  ...messageOperations('contact'),
  ...peopleOperations('contact'),
  ...profileOperations('contact'),
]

function shownContact({ phone, lid, name, behaviour }: Contact): z.input<typeof contactShown> {
  return { phone, lid, name, behaviour }
}
