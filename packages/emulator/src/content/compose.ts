import { getContentType, normalizeMessageContent, proto } from '@whiskeysockets/baileys'
import type { AlbumContent, CardContent, Content, EventContent, LocationContent, PollContent } from './content.ts'
import { isMedia, mediaMessage, type Put, wrapped } from './media.ts'

/** What surrounds a content, with everything looked up: nothing here knows of chats or accounts. */
export interface Surroundings {
  /** 32 bytes, for what others will seal their answers with: polls and events. */
  readonly secret: () => Uint8Array
  readonly put: Put
  /** The message it answers, as its author is called in the chat. */
  readonly quoted?: { readonly id: string; readonly author: string; readonly message: proto.IMessage }
  /** JIDs, in the space of the chat. */
  readonly mentioned?: readonly string[]
  /** Seconds. */
  readonly disappearsAfter?: number
}

/** The message that a phone makes of a content. Polls and events get a new secret, with which votes are sealed. */
export function compose(content: Content, surroundings: Surroundings): proto.IMessage {
  const message = typeof content === 'string' ? { conversation: content } : bodyOf(content, surroundings)
  const { quoted, mentioned = [], disappearsAfter } = surroundings
  const context: proto.IContextInfo = {
    ...(quoted && { stanzaId: quoted.id, participant: quoted.author, quotedMessage: withoutContext(quoted.message) }),
    ...(mentioned.length > 0 && { mentionedJid: [...mentioned] }),
    ...(disappearsAfter !== undefined && { expiration: disappearsAfter }),
  }
  const whole = Object.keys(context).length > 0 ? withContext(message, context) : message
  // What comes as it is stays as it is.
  return typeof content === 'object' && isMedia(content) ? wrapped(whole) : whole
}

/** The same message, passed on: without what it answered, and one hop older. */
export function forwarded(message: proto.IMessage): proto.IMessage {
  const [kind, inner] = innerOf(message)
  const { messageContextInfo: _secret, ...rest } = unwrapped(message)
  const score = kind && typeof inner === 'object' ? (inner.contextInfo?.forwardingScore ?? 0) : 0
  return withContext(withoutContext(rest), { isForwarded: true, forwardingScore: score + 1 })
}

/** Puts facts about a message where phones put them: into the content itself. A bare text becomes one that has room. */
export function withContext(message: proto.IMessage, context: proto.IContextInfo): proto.IMessage {
  if (message.conversation) {
    const { conversation, ...rest } = message
    return { ...rest, extendedTextMessage: { text: conversation, contextInfo: context } }
  }
  const [kind, inner] = innerOf(message)
  if (kind === undefined || typeof inner !== 'object') return message
  return { ...unwrapped(message), [kind]: { ...inner, contextInfo: { ...inner.contextInfo, ...context } } }
}

/** A message as it is shown inside a quotation, which never holds another one. */
function withoutContext(message: proto.IMessage): proto.IMessage {
  const [kind, inner] = innerOf(message)
  if (kind === undefined) return {}
  if (typeof inner !== 'object') return { [kind]: inner }
  return { [kind]: { ...inner, contextInfo: undefined } }
}

type Inner = { contextInfo?: proto.IContextInfo | null }

function innerOf(message: proto.IMessage): [keyof proto.IMessage | undefined, Inner | string | undefined] {
  const content = unwrapped(message)
  const kind = getContentType(content)
  // All but the bare text are objects, and those that phones put facts into have a contextInfo.
  return [kind, kind && (content[kind] as Inner | string | undefined)]
}

function unwrapped(message: proto.IMessage): proto.IMessage {
  return normalizeMessageContent(message) ?? {}
}

function bodyOf(content: Exclude<Content, string>, { secret, put }: Surroundings): proto.IMessage {
  if ('message' in content) return content.message
  if ('poll' in content) return { ...pollOf(content), messageContextInfo: { messageSecret: secret() } }
  if ('event' in content) return { ...eventOf(content), messageContextInfo: { messageSecret: secret() } }
  if ('cards' in content) return cardsOf(content)
  if ('location' in content) return locationOf(content)
  if ('album' in content) return albumOf(content)
  if (isMedia(content)) return mediaMessage(content, put)
  return { conversation: content.text }
}

function pollOf({ poll }: PollContent): proto.IMessage {
  const pick = poll.pick ?? 0
  if (poll.options.length < 2) throw new TypeError('A poll has at least two options.')
  if (pick < 0 || pick > poll.options.length)
    throw new TypeError(`A poll with ${poll.options.length} options: ${pick}.`)
  const creation = {
    name: poll.question,
    options: poll.options.map((optionName) => ({ optionName })),
    selectableOptionsCount: pick,
  }
  // Version 3 is the poll in which one option can be picked, the first version all others.
  return pick === 1 ? { pollCreationMessageV3: creation } : { pollCreationMessage: creation }
}

function eventOf({ event }: EventContent): proto.IMessage {
  const { name, description, startsAt, endsAt, place } = event
  const eventMessage: proto.Message.IEventMessage = {
    name,
    isCanceled: false,
    startTime: Math.floor(startsAt / 1000),
    ...(description !== undefined && { description }),
    ...(endsAt !== undefined && { endTime: Math.floor(endsAt / 1000) }),
    ...(place !== undefined && { location: { name: place } }),
  }
  return { eventMessage }
}

function cardsOf({ cards }: CardContent): proto.IMessage {
  const contacts = cards.map(({ name, phone }) => ({ displayName: name, vcard: vcardOf(name, phone) }))
  const [only] = contacts
  if (!only) throw new TypeError('There is at least one card in a message.')
  if (contacts.length === 1) return { contactMessage: only }
  return { contactsArrayMessage: { displayName: `${contacts.length} contacts`, contacts } }
}

function vcardOf(name: string, phone: string): string {
  const escaped = name.replace(/[\\,;]/g, '\\$&')
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${escaped};;;`,
    `FN:${escaped}`,
    `TEL;type=CELL;waid=${phone}:+${phone}`,
    'END:VCARD',
  ].join('\n')
}

function locationOf({ location }: LocationContent): proto.IMessage {
  const { latitude, longitude, name, address, isLive } = location
  const place = { degreesLatitude: latitude, degreesLongitude: longitude }
  if (isLive) return { liveLocationMessage: { ...place, ...(name !== undefined && { caption: name }) } }
  return {
    locationMessage: { ...place, ...(name !== undefined && { name }), ...(address !== undefined && { address }) },
  }
}

function albumOf({ album }: AlbumContent): proto.IMessage {
  if (album.length < 2) throw new TypeError('An album has at least two pictures or videos.')
  const expectedImageCount = album.filter((part) => 'image' in part).length
  return { albumMessage: { expectedImageCount, expectedVideoCount: album.length - expectedImageCount } }
}

/** A picture or video of an album, which names the message that holds it together. */
export function partOfAlbum(message: proto.IMessage, parentMessageKey: proto.IMessageKey): proto.IMessage {
  const associationType = proto.MessageAssociation.AssociationType.MEDIA_ALBUM
  return { ...message, messageContextInfo: { messageAssociation: { associationType, parentMessageKey } } }
}
