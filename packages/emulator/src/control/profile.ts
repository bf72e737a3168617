import { z } from 'zod'
import { PRIVACY_VALUES } from '../api.ts'
import { PRIVACY_NAMES } from '../world/circle.ts'
import { InputError, refusedAs } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { finder, type Kind, person, waiting } from './people.ts'
import { count, ids, phone, text, timeoutMs } from './schemas.ts'

const MAX_PICTURE_BODY = 8 * 1024 * 1024

/** Who people are to each other, and what they show of themselves: once for phones, once for contacts. */
export function profileOperations(kind: Kind): Operation[] {
  const here = `/admin/${kind}s/{phone}` as const
  const find = finder(kind)
  const base = { params: person, errors: [404] as const }
  return [
    operation({
      ...base,
      id: `${kind}Changes`,
      method: 'PATCH',
      path: here,
      summary: 'Changes the name that messages are signed with, or the about text',
      body: z.strictObject({ name: text.optional(), about: z.string().optional() }),
      example: { body: { about: 'In a meeting' } },
      handle: (network, { params, body }) => {
        const somebody = find(network, params.phone)
        if (body.name !== undefined) somebody.changesName(body.name)
        if (body.about !== undefined) somebody.changesAbout(body.about)
      },
    }),
    operation({
      ...base,
      id: `${kind}ChangesPicture`,
      method: 'POST',
      path: `${here}/picture`,
      summary: 'Changes the profile picture, or takes it away',
      bodyLimit: MAX_PICTURE_BODY,
      body: z.strictObject({
        image: z.base64().optional().meta({ description: 'A JPEG in base64; without it the picture is taken away' }),
      }),
      example: { body: { image: '/9j/4AAQSkZJRg==' } },
      handle: (network, { params, body }) => {
        const image = body.image === undefined ? undefined : Buffer.from(body.image, 'base64')
        find(network, params.phone).changesPicture(image)
      },
    }),
    operation({
      ...base,
      id: `${kind}Confirms`,
      method: 'POST',
      path: `${here}/receipts`,
      summary: 'Reads messages, or plays them: their authors get receipts, if both sides want that',
      body: z.strictObject({ messageIds: ids, type: z.enum(['read', 'played']).optional() }),
      example: { body: { messageIds: ['3EB0C767D26A1B2C5F'], type: 'read' } },
      handle: async (network, { params, body }) => {
        const reader = find(network, params.phone)
        await refusedAs('messageIds', () =>
          body.type === 'played' ? reader.plays(body.messageIds) : reader.reads(body.messageIds),
        )
      },
    }),
    operation({
      ...base,
      id: `${kind}Sees`,
      method: 'GET',
      path: `${here}/sees`,
      summary: 'Waits until this person sees another one come, go, type, record or stop',
      description: 'Each typing is given out once; who is online is looked up.',
      query: z.strictObject({
        phone: phone.meta({ description: 'The other one' }),
        state: z.enum(['available', 'unavailable', 'composing', 'recording', 'paused']),
        timeoutMs,
      }),
      errors: [404, 504],
      example: { query: { phone: '15550001001', state: 'composing' } },
      handle: (network, { params, query, signal }) => {
        const { state, timeoutMs } = query
        return find(network, params.phone).sees(there(network, query.phone), state, waiting({ timeoutMs, signal }))
      },
    }),
    operation({
      ...base,
      id: `${kind}Restricts`,
      method: 'POST',
      path: `${here}/privacy`,
      summary: 'Decides who may see something of this person, or do something to them',
      body: z.strictObject({
        name: z
          .enum(PRIVACY_NAMES)
          .meta({ description: 'last: when last seen; profile: the picture; status: the about text; …' }),
        value: z.enum(PRIVACY_VALUES),
        except: z.array(phone).optional().meta({ description: 'Those whom contact_blacklist leaves out' }),
      }),
      example: { body: { name: 'last', value: 'contacts' } },
      handle: (network, { params, body }) => {
        const somebody = find(network, params.phone)
        return refusedAs('value', () => somebody.restricts(body.name, body.value, body.except))
      },
    }),
    operation({
      ...base,
      id: `${kind}Saves`,
      method: 'POST',
      path: `${here}/address-book`,
      summary: 'Saves a number in the address book, or forgets it',
      description: 'Who has saved nobody knows those whom they have written to.',
      body: z.strictObject({ phone, saved: z.boolean().optional() }),
      example: { body: { phone: '15550001001', saved: true } },
      handle: (network, { params, body }) => {
        const somebody = find(network, params.phone)
        if (body.saved === false) somebody.forgets(there(network, body.phone))
        else somebody.saves(there(network, body.phone))
      },
    }),
    operation({
      ...base,
      id: `${kind}Blocks`,
      method: 'POST',
      path: `${here}/blocks`,
      summary: 'Blocks somebody, or no longer: their messages are swallowed and nothing is shown to them',
      body: z.strictObject({ phone, blocked: z.boolean().optional() }),
      example: { body: { phone: '15550001001', blocked: true } },
      handle: (network, { params, body }) => {
        const somebody = find(network, params.phone)
        if (body.blocked === false) somebody.unblocks(there(network, body.phone))
        else somebody.blocks(there(network, body.phone))
      },
    }),
    operation({
      ...base,
      id: `${kind}Guards`,
      method: 'POST',
      path: `${here}/guard`,
      summary: 'Only those with a token of this person may write to them; others get error 463',
      body: z.strictObject({ guarded: z.boolean().optional() }),
      example: { body: { guarded: true } },
      handle: (network, { params, body }) => find(network, params.phone).guards(body.guarded),
    }),
    operation({
      ...base,
      id: `${kind}Trusts`,
      method: 'POST',
      path: `${here}/tokens`,
      summary: 'Gives somebody a token, as writing to them does once a week',
      body: z.strictObject({ phone }),
      example: { body: { phone: '15550001001' } },
      handle: (network, { params, body }) => find(network, params.phone).trusts(there(network, body.phone)),
    }),
    operation({
      ...base,
      id: `${kind}BeginsChatsThatLast`,
      method: 'POST',
      path: `${here}/disappearing`,
      summary: 'How long chats last that others begin with this person; 0 is for ever',
      body: z.strictObject({ seconds: count }),
      example: { body: { seconds: 604_800 } },
      handle: (network, { params, body }) => find(network, params.phone).beginsChatsThatLast(body.seconds),
    }),
  ]
}

/** Throws when nobody has that number. */
function there({ world }: Network, number: string): string {
  if (world.accounts.get(number)) return number
  throw new InputError('phone', `${number} is not on this WhatsApp.`)
}
