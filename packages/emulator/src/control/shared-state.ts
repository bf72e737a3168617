import { proto } from '@whiskeysockets/baileys'
import { z } from 'zod'
import type { Phone } from '../api.ts'
import { definedOnly } from '../defined-only.ts'
import type { Shown } from '../shared-state.ts'
import type { StateAction } from '../world/app-state.ts'
import { COLLECTIONS } from '../world/collections.ts'
import { InputError, refusedAs } from './input.ts'
import { AS_JSON } from './messages.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { person, phoneOf, waiting } from './people.ts'
import { chat, phone, text, timeoutMs } from './schemas.ts'

const inChat = z.strictObject({ phone, chat })
const inMessage = z.strictObject({ phone, id: text })

const action = z.object({
  collection: z.enum(COLLECTIONS),
  index: z.array(z.string()).min(1).meta({ description: 'What it is about: there is one fact per index' }),
  value: z.record(z.string(), z.unknown()).meta({ description: 'A proto.SyncActionValue; bytes are base64' }),
  version: z.int().meta({ description: 'Of this kind of action' }),
})

const shownAction = action.meta({ id: 'StateAction', description: 'A fact that a phone and its companions share' })

const example: z.input<typeof action> = {
  collection: 'regular_low',
  index: ['pin_v1', '491234567890@s.whatsapp.net'],
  value: { pinAction: { pinned: true } },
  version: 5,
}

const here = '/admin/phones/{phone}'
const base = { params: person, errors: [404] as const }

/** What a phone shares with its companions: chats, names, stars. Written as on the phone; companions fetch it. */
export const sharedStateOperations: readonly Operation[] = [
  operation({
    id: 'changeChat',
    method: 'PATCH',
    path: `${here}/chats/{chat}`,
    summary: 'Pins, mutes, archives a chat, or marks it as read or unread',
    params: inChat,
    body: z.strictObject({
      pinned: z.boolean().optional(),
      muted: z.boolean().optional(),
      mutedUntil: z.int().optional().meta({ description: 'Milliseconds since the epoch; with `muted` alone for good' }),
      archived: z.boolean().optional(),
      read: z.boolean().optional().meta({ description: 'No receipts are sent' }),
    }),
    errors: [404],
    example: { body: { pinned: true } },
    handle: (network, { params, body }) => {
      const owner = phoneOf(network, params.phone)
      return refusedAs('chat', () => {
        if (body.pinned !== undefined) owner.pinsChat(params.chat, body.pinned)
        if (body.muted === false) owner.mutesChat(params.chat, false)
        else if (body.mutedUntil !== undefined) owner.mutesChat(params.chat, body.mutedUntil)
        else if (body.muted) owner.mutesChat(params.chat)
        if (body.archived !== undefined) owner.archivesChat(params.chat, body.archived)
        if (body.read !== undefined) owner.marksChatRead(params.chat, body.read)
      })
    },
  }),
  operation({
    id: 'clearChat',
    method: 'POST',
    path: `${here}/chats/{chat}/clear`,
    summary: 'Removes the messages of a chat, on all devices of the account',
    params: inChat,
    errors: [404],
    handle: (network, { params }) => {
      const owner = phoneOf(network, params.phone)
      return refusedAs('chat', () => owner.clearsChat(params.chat))
    },
  }),
  operation({
    id: 'deleteChat',
    method: 'DELETE',
    path: `${here}/chats/{chat}`,
    summary: 'Removes a chat, on all devices of the account',
    params: inChat,
    errors: [404],
    handle: (network, { params }) => {
      const owner = phoneOf(network, params.phone)
      return refusedAs('chat', () => owner.deletesChat(params.chat))
    },
  }),
  operation({
    id: 'star',
    method: 'POST',
    path: `${here}/messages/{id}/star`,
    summary: 'Stars a message, or no longer',
    params: inMessage,
    body: z.strictObject({ starred: z.boolean().optional(), from: phone.optional() }),
    errors: [404],
    example: { body: { starred: true } },
    handle: (network, { params, body }) => {
      const owner = phoneOf(network, params.phone)
      owner.stars(onScreen(network, owner, params.id, body.from), body.starred)
    },
  }),
  operation({
    id: 'deleteForMe',
    method: 'POST',
    path: `${here}/messages/{id}/delete-for-me`,
    summary: 'Removes a message from the devices of this account only',
    params: inMessage,
    body: z.strictObject({ from: phone.optional() }),
    errors: [404],
    example: { body: {} },
    handle: (network, { params, body }) => {
      const owner = phoneOf(network, params.phone)
      owner.deletesForMe(onScreen(network, owner, params.id, body.from))
    },
  }),
  operation({
    ...base,
    id: 'renameContact',
    method: 'POST',
    path: `${here}/contact-names`,
    summary: "Writes a name into the phone's address book; without one the entry is deleted",
    body: z.strictObject({ phone, name: text.optional() }),
    example: { body: { phone: '491234567890', name: 'Max' } },
    handle: (network, { params, body }) => {
      const owner = phoneOf(network, params.phone)
      return refusedAs('phone', () => owner.renamesContact(body.phone, body.name))
    },
  }),
  operation({
    ...base,
    id: 'listState',
    method: 'GET',
    path: `${here}/state`,
    summary: 'All facts that are true now, whoever of the devices wrote them',
    answer: shownAction.array(),
    example: { answer: [example] },
    handle: (network, { params }) => phoneOf(network, params.phone).state().map(shown),
  }),
  operation({
    ...base,
    id: 'changeState',
    method: 'POST',
    path: `${here}/state`,
    summary: 'Changes facts as they are: one patch for each collection',
    body: z.strictObject({
      changes: z.array(z.strictObject({ ...action.shape, operation: z.enum(['set', 'remove']).optional() })).min(1),
    }),
    example: { body: { changes: [example] } },
    handle: (network, { params, body }) =>
      phoneOf(network, params.phone).changesState(
        body.changes.map(({ value, ...change }) => ({
          ...definedOnly(change),
          value: proto.SyncActionValue.fromObject(value),
        })),
      ),
  }),
  operation({
    ...base,
    id: 'learnState',
    method: 'GET',
    path: `${here}/state/next`,
    summary: 'Waits until a fact is true, such as one that a companion writes',
    query: z.strictObject({
      name: text.meta({ description: 'The first part of its index' }),
      about: text.optional().meta({ description: 'The second one, such as the JID of a chat' }),
      containing: text.optional().meta({ description: 'A piece of the JSON of its value' }),
      timeoutMs,
    }),
    answer: shownAction,
    errors: [404, 504],
    example: { query: { name: 'pin_v1', containing: '"pinned":true' }, answer: example },
    handle: async (network, { params, query, signal }) => {
      const { name, about, containing, timeoutMs } = query
      const fits = (one: StateAction) =>
        one.index[0] === name &&
        (about === undefined || one.index[1] === about) &&
        (containing === undefined || JSON.stringify(shown(one).value).includes(containing))
      return shown(await phoneOf(network, params.phone).learns(fits, waiting({ timeoutMs, signal })))
    },
  }),
  operation({
    ...base,
    id: 'markDirty',
    method: 'POST',
    path: `${here}/dirty`,
    summary: 'Tells the connected companions that they have missed a change, which they then fetch',
    body: z.strictObject({ what: z.enum(['account_sync', 'groups', 'syncd_app_state']) }),
    example: { body: { what: 'groups' } },
    handle: (network, { params, body }) => phoneOf(network, params.phone).marksDirty(body.what),
  }),
  operation({
    ...base,
    id: 'renewStateKey',
    method: 'POST',
    path: `${here}/state/renew-key`,
    summary: 'Makes a new key for the state and hands it to the companions',
    handle: (network, { params }) => phoneOf(network, params.phone).renewsStateKey(),
  }),
]

function shown({ collection, index, value, version }: StateAction): z.input<typeof action> {
  const json = proto.SyncActionValue.toObject(proto.SyncActionValue.fromObject(value), AS_JSON)
  return { collection, index: [...index], value: json, version }
}

function onScreen({ world }: Network, owner: Phone, id: string, from: string | undefined): Shown {
  const known = world.mail.find(owner.phone, id, from)
  if (known) return { id, from: known.author, chat: known.chat }
  throw new InputError('id', `${owner.phone} has neither written nor received a message ${id}.`)
}
