import type { ErrorCode } from '@wamux/core'
import type { z } from 'zod'
import type { Flat, Same } from './check.ts'
import { eventsQuery, streamQuery, wireEvent } from './events.ts'
import { adminToken, health, login, setup } from './schemas/admin.ts'
import { listQuery, messageQuery, nothing } from './schemas/common.ts'
import { document } from './schemas/document.ts'
import {
  batch,
  chat,
  contact,
  message,
  numberCheck,
  outgoingMessage,
  sendBulk,
  sendMessage,
  sentMessage,
} from './schemas/messages.ts'
import * as sessions from './schemas/sessions.ts'
import { webhookOperations } from './webhook-operations.ts'
import type { Calls } from './wire.ts'

/** Who may call a route: nobody in particular, the admin token, an instance's key (which names the instance), or both. */
export type Who = 'none' | 'admin' | 'instance' | 'either'

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `{id}` and the like are the parameters; every one of them is text. */
  readonly path: `/${string}`
  readonly who: Who
  readonly summary: string
  readonly description?: string
  readonly query?: z.ZodType
  /** Without it a body has to be empty. */
  readonly body?: z.ZodType
  /** Takes an Idempotency-Key. */
  readonly keyed?: true
  /** What stands under `data`; with `list` it is an array with `nextCursor` beside it. */
  readonly data: z.ZodType
  readonly list?: true
  /** The statuses of success; the first is the usual one. */
  readonly success: readonly [number, ...number[]]
  /** The codes that only this route has; those that come with `who`, a method or an instance are added by errorsOf. */
  readonly errors: readonly ErrorCode[]
  /** Other media types in which it can answer, without the envelope. */
  readonly media?: readonly string[]
  /** What the documentation shows. */
  readonly example?: { readonly body?: unknown; readonly data?: unknown }
  /** Served on an instance's own port too. */
  readonly onInstancePort?: true
}

const whatsapp = ['WHATSAPP_DISCONNECTED', 'WHATSAPP_TIMEOUT'] as const
const sending = [...whatsapp, 'WHATSAPP_REJECTED', 'WHATSAPP_RESTRICTED', 'NOT_ON_WHATSAPP', 'OUTBOX_FULL'] as const

const examples = {
  sendMessage: {
    body: { phone: '491234567890', message: 'Hallo! Das ist eine Test-Nachricht.' },
    data: { messageId: '3EB0C767D26A1B2C5F', phone: '491234567890', status: 'sent' },
  },
  sendBulk: {
    body: {
      messages: [
        { phone: '491234567890', message: 'Hallo Person 1!' },
        { phone: '491234567891', message: 'Hallo Person 2!' },
      ],
    },
  },
  checkNumber: { data: { phone: '491234567890', registered: true, whatsappId: '491234567890@c.us' } },
  getContact: {
    data: {
      id: '491234567890@c.us',
      name: 'Max Mustermann',
      pushname: 'Max',
      number: '491234567890',
      isBlocked: false,
      isBusiness: false,
    },
  },
  listChats: {
    data: [
      {
        chatId: '491234567890@c.us',
        name: 'Max Mustermann',
        lastMessage: {
          id: '3EB0C767D26A1B2C5F',
          body: 'Hallo!',
          timestamp: 1703123456789,
          isFromMe: false,
          contactName: 'Max Mustermann',
          type: 'text',
        },
        messageCount: 15,
        unreadCount: 0,
      },
    ],
  },
} as const

/** The five gateway routes; under an instance's path they are the same but for who may and where they are. */
const gateway = {
  sendMessage: {
    method: 'POST',
    summary: 'Sends a text to a phone number',
    description: 'Waits until WhatsApp has it (200) or, when that takes longer than the wait of 8 s, answers 202.',
    body: sendMessage,
    keyed: true,
    data: sentMessage,
    success: [200, 202],
    errors: sending,
    example: examples.sendMessage,
  },
  sendBulk: {
    method: 'POST',
    summary: 'Queues texts to up to 1,000 recipients, all or none',
    body: sendBulk,
    keyed: true,
    data: batch,
    success: [202],
    errors: sending,
    example: examples.sendBulk,
  },
  getBatch: {
    method: 'GET',
    summary: 'How far the messages of a batch got',
    data: batch,
    success: [200],
    errors: ['NOT_FOUND'],
  },
  pauseBatch: {
    method: 'POST',
    summary: 'Holds up what waits of a batch, over restarts too; already paused is fine',
    data: batch,
    success: [200],
    errors: ['NOT_FOUND'],
  },
  resumeBatch: {
    method: 'POST',
    summary: 'Lets a batch go on; what waits has 24 h from here on',
    data: batch,
    success: [200],
    errors: ['NOT_FOUND'],
  },
  cancelBatch: {
    method: 'POST',
    summary: 'Calls off what waits of a batch; final',
    description: 'What is on its way is sent.',
    data: batch,
    success: [200],
    errors: ['NOT_FOUND'],
  },
  getMessage: {
    method: 'GET',
    summary: 'How far a message got that was sent through wamux',
    data: outgoingMessage,
    success: [200],
    errors: ['NOT_FOUND'],
  },
  cancelMessage: {
    method: 'POST',
    summary: 'Calls off a message that waits; final',
    data: outgoingMessage,
    success: [200],
    errors: ['NOT_FOUND', 'TOO_LATE'],
  },
  checkNumber: {
    method: 'GET',
    summary: 'Whether a phone number is on WhatsApp',
    data: numberCheck,
    success: [200],
    errors: ['INVALID_INPUT', ...whatsapp],
    example: examples.checkNumber,
  },
  getContact: {
    method: 'GET',
    summary: 'What is known about a contact',
    data: contact,
    success: [200],
    errors: ['INVALID_INPUT', 'NOT_ON_WHATSAPP', ...whatsapp],
    example: examples.getContact,
  },
} as const satisfies Record<string, Omit<Operation, 'path' | 'who'>>

/** Every route that the server has, and the only list of them. */
export const operations = {
  health: {
    method: 'GET',
    path: '/health',
    who: 'none',
    summary: 'Whether the server runs; with the admin token also how the sessions are',
    data: health,
    success: [200],
    errors: ['UNAUTHENTICATED'],
  },
  openapi: {
    method: 'GET',
    path: '/openapi.json',
    who: 'none',
    summary: 'This document; without the envelope',
    data: document,
    success: [200],
    errors: [],
    media: ['application/json'],
  },
  login: {
    method: 'POST',
    path: '/api/auth/login',
    who: 'none',
    summary: 'Gives an admin token for the password',
    body: login,
    data: adminToken,
    success: [200],
    errors: ['UNAUTHENTICATED', 'RATE_LIMITED', 'SETUP_REQUIRED'],
    example: { body: { username: 'admin', password: 'your_password' } },
  },
  setup: {
    method: 'POST',
    path: '/api/auth/setup',
    who: 'none',
    summary: 'Sets the first admin, with the one-time token that the server printed',
    body: setup,
    data: adminToken,
    success: [200],
    errors: ['UNAUTHENTICATED'],
  },
  createInstance: {
    method: 'POST',
    path: '/api/instances',
    who: 'admin',
    summary: 'Creates an instance, its API key and, when asked for, its port; linking begins at once',
    body: sessions.createInstance,
    data: sessions.createdInstance,
    success: [201],
    errors: ['INSTANCE_EXISTS', 'PORT_IN_USE'],
  },
  listInstances: {
    method: 'GET',
    path: '/api/instances',
    who: 'admin',
    summary: 'All instances, newest first',
    query: listQuery,
    data: sessions.instance.array(),
    list: true,
    success: [200],
    errors: [],
  },
  getInstance: {
    method: 'GET',
    path: '/api/instances/{id}',
    who: 'either',
    summary: 'One instance',
    data: sessions.instance,
    success: [200],
    errors: [],
  },
  updateInstance: {
    method: 'PATCH',
    path: '/api/instances/{id}',
    who: 'either',
    summary: 'Renames an instance or changes its port',
    body: sessions.updateInstance,
    data: sessions.instance,
    success: [200],
    errors: ['PORT_IN_USE'],
  },
  deleteInstance: {
    method: 'DELETE',
    path: '/api/instances/{id}',
    who: 'admin',
    summary: 'Deletes an instance with everything that belongs to it; already gone is fine',
    description: 'Does not unlink the account: its phone goes on listing the device. Log out first.',
    data: nothing,
    success: [200],
    errors: [],
  },
  startInstance: {
    method: 'POST',
    path: '/api/instances/{id}/start',
    who: 'either',
    summary: 'Connects, or begins linking; already running is fine',
    data: sessions.instance,
    success: [200],
    errors: [],
  },
  stopInstance: {
    method: 'POST',
    path: '/api/instances/{id}/stop',
    who: 'either',
    summary: 'Closes the connection and keeps it closed; already stopped is fine',
    data: sessions.instance,
    success: [200],
    errors: [],
  },
  restartInstance: {
    method: 'POST',
    path: '/api/instances/{id}/restart',
    who: 'either',
    summary: 'Closes the connection and opens it again',
    data: sessions.instance,
    success: [200],
    errors: [],
  },
  logoutInstance: {
    method: 'POST',
    path: '/api/instances/{id}/logout',
    who: 'admin',
    summary: 'Unlinks the account; its history stays',
    description: 'Only WhatsApp can unlink, so that the instance has to be ready; else nothing changes.',
    data: sessions.instance,
    success: [200],
    errors: ['WHATSAPP_DISCONNECTED'],
  },
  getQr: {
    method: 'GET',
    path: '/api/instances/{id}/qr',
    who: 'admin',
    summary: 'The QR that a phone scans now, as JSON, PNG, SVG or text',
    description: 'Chosen by ?format= or else by Accept. Whoever scans it links the account: it is never cached.',
    query: sessions.qrQuery,
    data: sessions.linkingQr,
    success: [200],
    errors: ['NOT_LINKING', 'LINKING_EXPIRED'],
    media: ['image/png', 'image/svg+xml', 'text/plain'],
  },
  createPairingCode: {
    method: 'POST',
    path: '/api/instances/{id}/pairing-code',
    who: 'admin',
    summary: 'A code to be typed on the phone instead of scanning a QR',
    body: sessions.pairingRequest,
    data: sessions.pairingCode,
    success: [200],
    errors: ['NOT_LINKING', 'WHATSAPP_TIMEOUT'],
  },
  createKey: {
    method: 'POST',
    path: '/api/instances/{id}/keys',
    who: 'admin',
    summary: 'Makes another API key for an instance',
    data: sessions.createdApiKey,
    success: [201],
    errors: [],
  },
  listKeys: {
    method: 'GET',
    path: '/api/instances/{id}/keys',
    who: 'admin',
    summary: 'The API keys of an instance, without their secrets',
    query: listQuery,
    data: sessions.apiKey.array(),
    list: true,
    success: [200],
    errors: [],
  },
  revokeKey: {
    method: 'DELETE',
    path: '/api/instances/{id}/keys/{keyId}',
    who: 'admin',
    summary: 'Revokes an API key at once; already revoked is fine',
    data: nothing,
    success: [200],
    errors: ['NOT_FOUND'],
  },
  ...webhookOperations,
  listEvents: {
    method: 'GET',
    path: '/api/instances/{id}/events',
    who: 'either',
    summary: 'Events after a place in the journal, oldest first; with Accept: text/event-stream all that follow, too',
    description:
      'The same events as webhooks carry. Go on with after= the seq of the last one you have dealt with: nothing is ' +
      'missed, and nothing comes twice. As a stream (server-sent events), Last-Event-ID does the same as after=; ' +
      'without either it begins with the next event, and its first message, `cursor`, says where that is.',
    query: eventsQuery,
    data: wireEvent.array(),
    list: true,
    success: [200],
    errors: ['EVENTS_PRUNED'],
    media: ['text/event-stream'],
  },
  streamEvents: {
    method: 'GET',
    path: '/api/instances/{id}/events/ws',
    who: 'either',
    summary: 'The same stream as a WebSocket: one JSON text for each event',
    description: 'The first message is {"cursor": seq}. Credentials are headers of the upgrade.',
    query: streamQuery,
    data: nothing,
    success: [101],
    errors: ['EVENTS_PRUNED'],
  },
  sendMessage: { ...gateway.sendMessage, path: '/api/send-message', who: 'instance' },
  sendBulk: { ...gateway.sendBulk, path: '/api/send-bulk', who: 'instance' },
  getBatch: { ...gateway.getBatch, path: '/api/send-bulk/{batchId}', who: 'instance' },
  pauseBatch: { ...gateway.pauseBatch, path: '/api/send-bulk/{batchId}/pause', who: 'instance' },
  resumeBatch: { ...gateway.resumeBatch, path: '/api/send-bulk/{batchId}/resume', who: 'instance' },
  cancelBatch: { ...gateway.cancelBatch, path: '/api/send-bulk/{batchId}/cancel', who: 'instance' },
  getMessage: { ...gateway.getMessage, path: '/api/messages/{messageId}', who: 'instance' },
  cancelMessage: { ...gateway.cancelMessage, path: '/api/messages/{messageId}/cancel', who: 'instance' },
  checkNumber: { ...gateway.checkNumber, path: '/api/check-number/{phone}', who: 'instance', onInstancePort: true },
  getContact: { ...gateway.getContact, path: '/api/contact/{phone}', who: 'instance', onInstancePort: true },
  sendInstanceMessage: { ...gateway.sendMessage, path: '/api/instances/{id}/send-message', who: 'either' },
  sendInstanceBulk: { ...gateway.sendBulk, path: '/api/instances/{id}/send-bulk', who: 'either' },
  getInstanceBatch: { ...gateway.getBatch, path: '/api/instances/{id}/send-bulk/{batchId}', who: 'either' },
  pauseInstanceBatch: { ...gateway.pauseBatch, path: '/api/instances/{id}/send-bulk/{batchId}/pause', who: 'either' },
  resumeInstanceBatch: {
    ...gateway.resumeBatch,
    path: '/api/instances/{id}/send-bulk/{batchId}/resume',
    who: 'either',
  },
  cancelInstanceBatch: {
    ...gateway.cancelBatch,
    path: '/api/instances/{id}/send-bulk/{batchId}/cancel',
    who: 'either',
  },
  getInstanceMessage: { ...gateway.getMessage, path: '/api/instances/{id}/messages/{messageId}', who: 'either' },
  cancelInstanceMessage: {
    ...gateway.cancelMessage,
    path: '/api/instances/{id}/messages/{messageId}/cancel',
    who: 'either',
  },
  checkInstanceNumber: { ...gateway.checkNumber, path: '/api/instances/{id}/check-number/{phone}', who: 'either' },
  getInstanceContact: { ...gateway.getContact, path: '/api/instances/{id}/contact/{phone}', who: 'either' },
  listChats: {
    method: 'GET',
    path: '/api/instances/{id}/chats',
    who: 'either',
    summary: 'All chats with their last message, newest first',
    query: listQuery,
    data: chat.array(),
    list: true,
    success: [200],
    errors: [],
    example: examples.listChats,
  },
  listMessages: {
    method: 'GET',
    path: '/api/instances/{id}/chats/{chatId}/messages',
    who: 'either',
    summary: 'The messages of a chat, newest first',
    query: listQuery,
    data: message.array(),
    list: true,
    success: [200],
    errors: ['INVALID_CHAT_ID'],
  },
  getChatMessage: {
    method: 'GET',
    path: '/api/instances/{id}/chats/{chatId}/messages/{messageId}',
    who: 'either',
    summary: 'One message of a chat',
    description: 'Where two people of a group chose the same id, ?sender= says whose is meant: a chat id, or me.',
    query: messageQuery,
    data: message,
    success: [200],
    errors: ['INVALID_CHAT_ID', 'NOT_FOUND'],
  },
  listRecentMessages: {
    method: 'GET',
    path: '/api/instances/{id}/messages/recent',
    who: 'either',
    summary: 'The newest messages of all chats',
    query: listQuery,
    data: message.array(),
    list: true,
    success: [200],
    errors: [],
  },
} as const satisfies { [N in keyof Calls]: Operation }

export type Operations = typeof operations
export type OperationName = keyof Operations

/** The parameters in a path: `ParamsOf<'/api/instances/{id}'>` is `{ id: string }`. */
export type ParamsOf<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string } & ParamsOf<Rest>
  : unknown

/** What the handler of a route is given. */
export interface InputOf<N extends OperationName> {
  params: ParamsOf<Operations[N]['path']>
  query: Operations[N] extends { query: infer S extends z.ZodType } ? z.output<S> : undefined
  body: Operations[N] extends { body: infer S extends z.ZodType } ? z.output<S> : undefined
}

/** What its handler gives for `data`. */
export type DataOf<N extends OperationName> = z.input<Operations[N]['data']>

/** A route as the client's generated table has to describe it. */
type CallOf<N extends OperationName> = Flat<
  (unknown extends ParamsOf<Operations[N]['path']> ? unknown : { params: ParamsOf<Operations[N]['path']> }) &
    (Operations[N] extends { query: infer S extends z.ZodType } ? { query: z.output<S> } : unknown) &
    (Operations[N] extends { body: infer S extends z.ZodType } ? { body: z.output<S> } : unknown) & {
      data: z.output<Operations[N]['data']>
    } & (Operations[N] extends { list: true } ? { list: true } : unknown)
>

// The names of the routes whose description in wire.ts is not what their schemas say. It has to be empty.
type Drifted = { [N in OperationName]: Same<CallOf<N>, Flat<Calls[N]>> extends true ? never : N }[OperationName]
export const noDrift: Same<Drifted, never> = true

/** Every code that a route can answer with. */
export function errorsOf(operation: Operation): ErrorCode[] {
  const codes = new Set<ErrorCode>(operation.errors)
  if (operation.who !== 'none') codes.add('UNAUTHENTICATED').add('FORBIDDEN')
  if (operation.who === 'admin' || operation.who === 'either') codes.add('SETUP_REQUIRED')
  // On an instance's own port the port names the instance, and another one's key does not see it.
  if (operation.path.includes('{id}') || operation.onInstancePort) codes.add('INSTANCE_NOT_FOUND')
  if (operation.method !== 'GET') codes.add('INVALID_INPUT').add('PAYLOAD_TOO_LARGE')
  if (operation.keyed) codes.add('IDEMPOTENCY_IN_PROGRESS').add('IDEMPOTENCY_MISMATCH')
  if (operation.query) codes.add('INVALID_INPUT')
  return [...codes.add('INTERNAL').add('STOPPING').add('STORE_FAILED')]
}
