import { proto } from '@whiskeysockets/baileys'
import { z } from 'zod'
import { definedOnly } from '../defined-only.ts'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { person, phoneOf } from './people.ts'
import { chat, phone, text } from './schemas.ts'

const past = z.strictObject({
  from: phone,
  content: z.union([text, z.strictObject({ message: z.record(z.string(), z.unknown()) })]).meta({
    description: 'A text, or a proto.Message; bytes are base64',
  }),
  at: z.int().optional().meta({ description: 'Milliseconds; a second after the one before it, when it is not said' }),
  id: text.optional(),
})

/** What a phone tells its companions of the past. */
export const historyOperations: readonly Operation[] = [
  operation({
    id: 'remember',
    method: 'POST',
    path: '/admin/phones/{phone}/history',
    summary: 'Gives the phone a past in a chat, the oldest message first',
    description:
      'Companions that are linked later get it as history, and those that ask for older messages. Nobody is sent anything.',
    params: person,
    body: z.strictObject({ chat, messages: past.array().min(1) }),
    bodyLimit: 16 << 20,
    answer: z.object({ ids: z.array(z.string()) }),
    errors: [404],
    example: {
      body: {
        chat: '491234567890',
        messages: [{ from: '491234567890', content: 'Guten Morgen', at: 1_703_123_456_789 }],
      },
      answer: { ids: ['AC0F1E2D3C4B5A69788796A5B4C3D2E1'] },
    },
    handle: (network, { params, body }) => {
      const owner = phoneOf(network, params.phone)
      existing(network, 'chat', body.chat)
      for (const { from } of body.messages) existing(network, 'messages', from)
      const messages = body.messages.map(({ from, content, ...given }) => ({
        ...definedOnly(given),
        from,
        content: typeof content === 'string' ? content : { message: proto.Message.fromObject(content.message) },
      }))
      return { ids: owner.remembers(body.chat, messages) }
    },
  }),
]

function existing({ world }: Network, field: string, who: string): void {
  if (!world.accounts.get(who) && !world.groups.get(who)) {
    throw new InputError(field, `${who} is not on this WhatsApp.`)
  }
}
