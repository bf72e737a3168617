import { z } from 'zod'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { digits, phone, space, text } from './schemas.ts'

const groupShown = z
  .object({
    id: z.string().meta({ description: 'With @g.us' }),
    subject: z.string(),
    members: digits.array().meta({ description: 'Phone numbers' }),
  })
  .meta({ id: 'Group' })

export const groupOperations: readonly Operation[] = [
  operation({
    id: 'makeGroup',
    method: 'POST',
    path: '/admin/groups',
    summary: 'Makes a group; the first member is its creator',
    body: z.strictObject({
      subject: text,
      members: z.array(phone).min(1).meta({ description: 'Numbers of phones and contacts' }),
      addressing: space
        .optional()
        .meta({ description: 'How members are named in it: by lid, the default, or by phone number' }),
    }),
    answer: groupShown,
    example: {
      body: { subject: 'Team', members: ['491234567890', '15550001001'] },
      answer: { id: '120363000000000001@g.us', subject: 'Team', members: ['491234567890', '15550001001'] },
    },
    handle: (network, { body }) => {
      const { subject, members, addressing } = body
      onThisNetwork(network, members)
      const group = network.emulator.group({ subject, members, ...(addressing && { addressing }) })
      return { id: group.id, subject: group.subject, members: group.members }
    },
  }),
]

/** Throws when one of them is neither a phone nor a contact. */
export function onThisNetwork({ world }: Network, members: readonly string[]): void {
  for (const number of members) {
    if (!world.accounts.get(number)) throw new InputError('members', `${number} is neither a phone nor a contact.`)
  }
}
