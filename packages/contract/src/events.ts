import type {
  AccountRestricted,
  CaughtUp,
  EventEnvelope,
  JournalEvents,
  LoggedOut,
  MessageAck,
  MessageDeleted,
  MessageEdited,
  MessageFailed,
  MessageReaction,
  MessageStalled,
  MessageUndecryptable,
  PollVote,
  Ready,
  WebhookDisabled,
} from '@wamux/core'
import { z } from 'zod'
import { like } from './check.ts'
import { after, limit, names, time, waitSeconds } from './schemas/common.ts'
import { message } from './schemas/messages.ts'
import type { EventsQuery, StreamQuery, WebhookEvent } from './wire.ts'

const messageAck = like<MessageAck>()(
  z
    .strictObject({
      id: z.string(),
      chatId: z.string(),
      from: z.string(),
      isFromMe: z.literal(true),
      ack: z.enum(['delivered', 'read', 'played']),
      ackCode: z.union([z.literal(2), z.literal(3), z.literal(4)]),
      timestamp: time,
    })
    .meta({ id: 'MessageAck' }),
)

const ready = like<Ready>()(
  z
    .strictObject({ phone: z.string(), lid: z.string().nullable(), name: z.string(), timestamp: time })
    .meta({ id: 'Ready' }),
)

const messageFailed = like<MessageFailed>()(
  z
    .strictObject({
      id: z.string(),
      chatId: z.string(),
      code: z.enum(['WHATSAPP_REJECTED', 'WHATSAPP_RESTRICTED', 'NOT_ON_WHATSAPP', 'EXPIRED']),
      error: z.string(),
      timestamp: time,
    })
    .meta({ id: 'MessageFailed' }),
)

const messageStalled = like<MessageStalled>()(
  z
    .strictObject({
      id: z.string(),
      chatId: z.string(),
      state: z.enum(['queued', 'on_wire']),
      acceptedAt: time,
      timestamp: time,
    })
    .meta({ id: 'MessageStalled' }),
)

const messageUndecryptable = like<MessageUndecryptable>()(
  z
    .strictObject({
      id: z.string(),
      chatId: z.string(),
      from: z.string(),
      author: z.string().nullable(),
      timestamp: time,
    })
    .meta({ id: 'MessageUndecryptable' }),
)

const messageDeleted = like<MessageDeleted>()(
  z
    .strictObject({
      id: z.string().describe('Of the change itself'),
      messageId: z.string().describe('The message that it is about'),
      messageSender: z.string().describe('Who wrote that message: a chat id, or me'),
      chatId: z.string(),
      from: z.string().describe("Who did it; in a group the group's id"),
      author: z.string().nullable().describe('The person who did it in a group'),
      isFromMe: z.boolean(),
      timestamp: time,
    })
    .meta({ id: 'MessageDeleted' }),
)

const messageEdited = like<MessageEdited>()(
  messageDeleted.extend({ body: z.string().describe('What the message says now') }).meta({ id: 'MessageEdited' }),
)

const messageReaction = like<MessageReaction>()(
  messageDeleted
    .extend({ emoji: z.string().describe('"" when the reaction is taken back') })
    .meta({ id: 'MessageReaction' }),
)

const pollVote = like<PollVote>()(
  messageDeleted
    .extend({
      options: z
        .array(z.string())
        .nullable()
        .describe('Everything that is picked now; null when the poll itself is not known'),
    })
    .meta({ id: 'PollVote' }),
)

const caughtUp = like<CaughtUp>()(
  z
    .strictObject({
      announced: z.int().describe('How many messages WhatsApp said it had kept'),
      journalled: z.int().describe('How many of them came and are in the store'),
      timestamp: time,
    })
    .meta({ id: 'CaughtUp' }),
)

const accountRestricted = like<AccountRestricted>()(
  z
    .strictObject({
      until: time
        .nullable()
        .describe('Messages that would begin a chat wait until then; null when that was lifted before its time'),
      reason: z.string().nullable().describe("WhatsApp's word for why"),
      timestamp: time,
    })
    .meta({ id: 'AccountRestricted' }),
)

const loggedOut = like<LoggedOut>()(z.strictObject({ cause: z.string(), timestamp: time }).meta({ id: 'LoggedOut' }))

const webhookDisabled = like<WebhookDisabled>()(
  z
    .strictObject({
      webhookId: z.string(),
      name: z.string(),
      reason: z
        .enum(['gone', 'failing'])
        .describe('gone: it answered 410; failing: nothing was delivered for five days'),
      timestamp: time,
    })
    .meta({ id: 'WebhookDisabled' }),
)

/** Every event that webhooks carry, with when it happens. A journal event that is missing here does not compile. */
export const webhookEvents = {
  message: { data: message, summary: 'Once per new message that wamux did not send' },
  message_sent: { data: message, summary: "WhatsApp's server has a message that was sent" },
  message_ack: { data: messageAck, summary: 'Delivered, read or played: each step once, never back' },
  message_failed: { data: messageFailed, summary: 'A message will not be sent; final' },
  message_stalled: { data: messageStalled, summary: 'A message waits to be sent for long; once per message' },
  message_undecryptable: {
    data: messageUndecryptable,
    summary: 'A message could not be decrypted; a resend was asked for',
  },
  message_edited: { data: messageEdited, summary: 'Its author changed a message' },
  message_deleted: { data: messageDeleted, summary: 'A message was taken back for everybody' },
  message_reaction: { data: messageReaction, summary: 'Somebody reacted to a message, or took the reaction back' },
  poll_vote: { data: pollVote, summary: 'Somebody voted on a poll, instead of what they voted before' },
  ready: { data: ready, summary: 'A connection to WhatsApp is open' },
  caught_up: { data: caughtUp, summary: 'All that WhatsApp had kept while nobody was connected has come' },
  account_restricted: { data: accountRestricted, summary: 'WhatsApp lets the account begin no chats for now' },
  logged_out: { data: loggedOut, summary: 'The account is no longer linked' },
  webhook_disabled: {
    data: webhookDisabled,
    summary: 'A webhook is told nothing any more, until it is enabled again',
  },
} satisfies { [E in keyof JournalEvents]: { data: z.ZodType<JournalEvents[E]>; summary: string } }

// The keys of the object above are exactly the names.
export const journalNames = Object.keys(webhookEvents) as [keyof JournalEvents, ...(keyof JournalEvents)[]]

/** What a pull of events, or a stream of them, can be asked for. */
export const eventsQuery = like<EventsQuery>()(
  z.strictObject({
    after: after.exactOptional(),
    limit: limit.exactOptional(),
    wait: waitSeconds.exactOptional(),
    events: names(journalNames).describe('Only these, with commas between them; all by default').exactOptional(),
  }),
)

export const streamQuery = like<StreamQuery>()(eventsQuery.pick({ after: true, events: true }))

const wireEnvelope = <const E extends keyof JournalEvents, D extends z.ZodType>(event: E, { data }: { data: D }) =>
  z.strictObject({
    id: z.string(),
    event: z.literal(event),
    instanceId: z.string(),
    seq: z.int(),
    timestamp: time,
    data,
  })

/** An event as webhooks, pulls and streams carry it. */
export const wireEvent = like<WebhookEvent>()(
  z
    .discriminatedUnion('event', [
      wireEnvelope('message', webhookEvents.message),
      wireEnvelope('message_sent', webhookEvents.message_sent),
      wireEnvelope('message_ack', webhookEvents.message_ack),
      wireEnvelope('message_failed', webhookEvents.message_failed),
      wireEnvelope('message_stalled', webhookEvents.message_stalled),
      wireEnvelope('message_undecryptable', webhookEvents.message_undecryptable),
      wireEnvelope('message_edited', webhookEvents.message_edited),
      wireEnvelope('message_deleted', webhookEvents.message_deleted),
      wireEnvelope('message_reaction', webhookEvents.message_reaction),
      wireEnvelope('poll_vote', webhookEvents.poll_vote),
      wireEnvelope('ready', webhookEvents.ready),
      wireEnvelope('caught_up', webhookEvents.caught_up),
      wireEnvelope('account_restricted', webhookEvents.account_restricted),
      wireEnvelope('logged_out', webhookEvents.logged_out),
      wireEnvelope('webhook_disabled', webhookEvents.webhook_disabled),
    ])
    .meta({ id: 'Event' }),
)

/** The one place where the SDK's `sessionId` becomes the wire's `instanceId`. */
export function toWire({ sessionId, ...event }: EventEnvelope<keyof JournalEvents> & { seq: number }): WebhookEvent {
  const { id, event: name, seq, timestamp, data } = event
  // EventEnvelope does not tie `event` to `data`; the journal that it was read from does.
  return { id, event: name, instanceId: sessionId, seq, timestamp, data } as WebhookEvent
}
