import type {
  Ack,
  Batch,
  BatchEntry,
  BatchState,
  BatchStatus,
  BulkItem,
  Chat,
  Contact,
  LastMessage,
  Message,
  MessageType,
  NumberCheck,
  OutgoingMessage,
  Priority,
  Reached,
  SendStep,
  SentMessage,
  WaitsFor,
} from '@wamux/core'
import { z } from 'zod'
import { like } from '../check.ts'
import type { SendBulk, SendMessage } from '../wire.ts'
import { phone, time } from './common.ts'

export const messageType = like<MessageType>()(
  z.enum([
    'text',
    'image',
    'video',
    'audio',
    'voice',
    'document',
    'sticker',
    'location',
    'contact',
    'poll',
    'event',
    'unknown',
  ]),
)

const ack = like<Ack>()(z.enum(['server', 'delivered', 'read', 'played']))

export const message = like<Message>()(
  z
    .strictObject({
      id: z.string().describe('Unique together with chat and sender'),
      chatId: z.string(),
      from: z.string().describe("Who wrote it; in a group the group's id"),
      author: z.string().nullable().describe('The person who wrote it in a group'),
      body: z.string().describe('The text or caption; "" when there is none'),
      isFromMe: z.boolean(),
      contactName: z.string(),
      timestamp: time,
      type: messageType,
      ack: ack.nullable().describe('Own messages only'),
      recovered: z.literal(true).describe('In the event only: it could not be decrypted at first').exactOptional(),
    })
    .meta({ id: 'Message' }),
)

const lastMessage = like<LastMessage>()(
  z.strictObject({
    id: z.string(),
    body: z.string(),
    timestamp: time,
    isFromMe: z.boolean(),
    contactName: z.string(),
    type: messageType,
  }),
)

export const chat = like<Chat>()(
  z
    .strictObject({
      chatId: z.string(),
      name: z.string(),
      lastMessage: lastMessage.nullable(),
      messageCount: z.int(),
      unreadCount: z.int(),
    })
    .meta({ id: 'Chat' }),
)

// WhatsApp itself cuts a text at 65,536 characters.
const text = z.string().min(1).max(65_536)

const priority = like<Priority>()(z.enum(['high', 'normal', 'low']))

const when = {
  sendAt: z
    .int()
    .describe('Not before this time: ms since the epoch, up to a year ahead. The answer comes at once.')
    .exactOptional(),
  priority: priority
    .describe('Whose turn comes first among what waits; the order within a chat stays. Default normal, low in a batch.')
    .exactOptional(),
  typing: z
    .boolean()
    .describe('The recipient sees somebody type first, for 1 to 5 s. The answer comes at once. Default: WAMUX_TYPING')
    .exactOptional(),
}

export const sendMessage = like<SendMessage>()(
  z.strictObject({ phone, message: text, ...when }).meta({ id: 'SendMessage' }),
)

export const sentMessage = like<SentMessage>()(
  z
    .strictObject({
      messageId: z.string(),
      phone: z.string(),
      status: z.enum(['sent', 'queued']).describe("sent: WhatsApp's server has it. queued: on disk, will be sent"),
    })
    .meta({ id: 'SentMessage' }),
)

const bulkItem = like<BulkItem>()(z.strictObject({ phone, message: text, ...when }))

export const sendBulk = like<SendBulk>()(
  z.strictObject({ messages: z.array(bulkItem).min(1).max(1000) }).meta({ id: 'SendBulk' }),
)

const batchStatus = like<BatchStatus>()(
  z.enum(['queued', 'sent', 'delivered', 'read', 'failed', 'expired', 'cancelled']),
)

const batchEntry = like<BatchEntry>()(
  z.strictObject({ index: z.int(), phone: z.string(), messageId: z.string(), status: batchStatus }),
)

export const batch = like<Batch>()(
  z
    .strictObject({
      batchId: z.string(),
      total: z.int(),
      messages: z.array(batchEntry),
      counts: z.record(batchStatus, z.int()),
      state: like<BatchState>()(z.enum(['running', 'paused', 'cancelled'])),
    })
    .meta({ id: 'Batch' }),
)

export const outgoingMessage = like<OutgoingMessage>()(
  z
    .strictObject({
      messageId: z.string(),
      phone: z.string(),
      chatId: z.string(),
      status: batchStatus,
      code: z
        .enum(['WHATSAPP_REJECTED', 'WHATSAPP_RESTRICTED', 'NOT_ON_WHATSAPP', 'EXPIRED'])
        .nullable()
        .describe('Why it failed'),
      acceptedAt: time,
      sendAt: time.nullable().describe('Not before this time, in ms since the epoch; null: as soon as possible'),
      priority,
      waitsFor: like<WaitsFor>()(
        z.enum(['send_at', 'batch', 'recipient_limit', 'new_chat_limit', 'account_restricted', 'next_try']),
      )
        .nullable()
        .describe(
          'What holds it up while it is queued: the time that was named, its paused batch, a limit, or its next try',
        ),
      waitsUntil: time.nullable().describe('When that is over as far as is known, in ms since the epoch'),
      reached: like<Reached>()(z.strictObject({ delivered: z.int(), read: z.int(), played: z.int() }))
        .nullable()
        .describe('Of a group: how many of its members have it, have read it, have played it, as far as they tell'),
      timeline: z
        .array(
          like<SendStep>()(
            z
              .strictObject({
                state: z
                  .enum([
                    'queued',
                    'on_wire',
                    'server',
                    'delivered',
                    'read',
                    'played',
                    'failed',
                    'expired',
                    'cancelled',
                  ])
                  .describe('In a group, delivered, read and played are of the first recipient'),
                at: time,
              })
              .meta({ id: 'SendStep' }),
          ),
        )
        .describe('Every step up to now, the oldest first'),
    })
    .meta({ id: 'OutgoingMessage' }),
)

export const numberCheck = like<NumberCheck>()(
  z
    .strictObject({ phone: z.string(), registered: z.boolean(), whatsappId: z.string().nullable() })
    .meta({ id: 'NumberCheck' }),
)

export const contact = like<Contact>()(
  z
    .strictObject({
      id: z.string(),
      name: z.string(),
      pushname: z.string(),
      number: z.string().describe('Digits; "" for somebody of whom only the hidden id is known'),
      isBlocked: z.boolean(),
      isBusiness: z.boolean(),
    })
    .meta({ id: 'Contact' }),
)
