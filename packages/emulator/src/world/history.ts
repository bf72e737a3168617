import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys'
import { type Account, aliasOf } from './accounts.ts'
import { type ChatFacts, chatFacts } from './chat-facts.ts'
import { toJid } from './jids.ts'
import type { Past } from './past.ts'
import { asShown } from './screen.ts'
import { nctSaltOf } from './tokens.ts'
import type { World } from './world.ts'

const { HISTORY_SYNC_NOTIFICATION } = proto.Message.ProtocolMessage.Type
const { COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY, COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY } =
  proto.Conversation.EndOfHistoryTransferType

/** `HistorySync.nctSalt`, which Baileys' codec does not know: field 19, bytes. */
const NCT_SALT_TAG = Buffer.from([0x9a, 0x01])

export type HistoryType = proto.HistorySync.HistorySyncType

/** One part of a history: what it says, and where it stands among the others. */
export interface Part {
  readonly type: HistoryType
  readonly content: Partial<proto.IHistorySync>
  /** Percent. */
  readonly progress: number
  /** From 1, among the parts of one type. */
  readonly order: number
  /** The request that it answers. */
  readonly request?: string
}

/** Tells a companion about the past of an account. Knows what there is to tell, not when. */
export class History {
  readonly #world: World
  readonly #account: Account
  readonly #facts: ChatFacts

  constructor(world: World, account: Account) {
    this.#world = world
    this.#account = account
    this.#facts = chatFacts(world.accounts, world.appState.actions(account.phone))
  }

  /** What is left of these messages on the screen: not what somebody has deleted. */
  kept(messages: readonly Past[]): Past[] {
    return asShown(messages).filter((past) => !this.#facts.isDeleted(past))
  }

  /** The chats of these messages, each with its messages, newest first. */
  conversations(messages: readonly Past[]): proto.IConversation[] {
    const chats = new Map<string, Past[]>()
    for (const past of messages) chats.set(past.chat, [past, ...(chats.get(past.chat) ?? [])])
    return [...chats].map(([chat, own]) => this.conversation(chat, own))
  }

  conversation(chat: string, messages: readonly Past[]): proto.IConversation {
    const person = this.#world.accounts.get(chat)
    const id = person ? toJid(person, 'pn') : chat
    const oldest = messages.at(-1)
    const isAll = !oldest || this.#world.past.of(this.#account.phone, { chat, before: oldest, limit: 1 }).length === 0
    const { name, ...facts } = this.#facts.of(chat)
    return {
      id,
      lidJid: (person && aliasOf(person, 'pn')) ?? null,
      name: name ?? person?.name ?? this.#world.groups.get(chat)?.subject ?? null,
      conversationTimestamp: toSeconds(messages[0]?.at ?? 0),
      ...facts,
      endOfHistoryTransfer: isAll,
      endOfHistoryTransferType: isAll
        ? COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY
        : COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY,
      messages: messages.map((past, place) => ({ message: this.info(past), msgOrderId: messages.length - place })),
    }
  }

  /** A message as the phone keeps it. */
  info(past: Past): proto.IWebMessageInfo {
    const person = this.#world.accounts.get(past.chat)
    const fromMe = past.author === this.#account.phone
    const author = this.#world.accounts.get(past.author)
    const participant = !person && !fromMe && author ? { participant: toJid(author, 'pn') } : {}
    return {
      key: { remoteJid: person ? toJid(person, 'pn') : past.chat, fromMe, id: past.id, ...participant },
      ...participant,
      message: past.message,
      messageTimestamp: toSeconds(past.at),
      pushName: fromMe ? null : (author?.name ?? null),
      ...(fromMe && { status: proto.WebMessageInfo.Status.DELIVERY_ACK }),
      ...(this.#facts.isStarred(past) && { starred: true }),
    }
  }

  /** How the people who wrote these messages call themselves. */
  pushNames(messages: readonly Past[]): proto.IPushname[] {
    const known = new Set([this.#account.phone, ...messages.map(({ author }) => author)])
    return [...known].flatMap((phone) => {
      const person = this.#world.accounts.get(phone)
      return person ? [{ id: toJid(person, 'pn'), pushname: person.name ?? phone }] : []
    })
  }

  /** Both names of everybody who appears in these messages or in a group with the account. */
  mappings(messages: readonly Past[]): proto.IPhoneNumberToLIDMapping[] {
    const groups = this.#world.groups
      .of(this.#account.phone)
      .flatMap(({ id }) => [...this.#world.groups.members(id).keys()])
    const known = new Set([this.#account.phone, ...messages.flatMap(({ author, chat }) => [author, chat]), ...groups])
    return [...known].flatMap((phone) => {
      const person = this.#world.accounts.get(phone)
      const lidJid = person && aliasOf(person, 'pn')
      return lidJid ? [{ pnJid: toJid(person, 'pn'), lidJid }] : []
    })
  }

  /** The message that carries a part, or says on which media host it is. Inside a commit when it is put there. */
  notice(part: Part): proto.IMessage {
    const { type, content, progress, order, request } = part
    const sync = proto.HistorySync.encode({ syncType: type, progress, chunkOrder: order, ...content }).finish()
    const salt = nctSaltOf(this.#account)
    const isFirst = type === proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP
    const payload = deflateSync(isFirst ? Buffer.concat([sync, NCT_SALT_TAG, Buffer.from([salt.length]), salt]) : sync)
    const times = (content.conversations ?? []).flatMap(({ messages }) =>
      (messages ?? []).map(({ message }) => Number(message?.messageTimestamp ?? 0)),
    )
    return {
      protocolMessage: {
        type: HISTORY_SYNC_NOTIFICATION,
        historySyncNotification: {
          // The two enums number the types alike.
          syncType: type as number,
          progress,
          chunkOrder: order,
          oldestMsgInChunkTimestampSec: times.reduce((a, b) => Math.min(a, b), this.#world.clock.seconds()),
          ...(request !== undefined && { peerDataRequestSessionId: request }),
          ...this.#carried(payload),
        },
      },
    }
  }

  #carried(payload: Buffer): Partial<proto.Message.IHistorySyncNotification> {
    if (!this.#world.options.syncByFile) return { initialHistBootstrapInlinePayload: payload }
    const { directPath, mediaKey, fileSha256, fileEncSha256, fileLength } = this.#world.media.put(
      payload,
      'md-msg-hist',
    )
    return { directPath, mediaKey, fileSha256, fileEncSha256, fileLength }
  }
}

const toSeconds = (ms: number) => Math.floor(ms / 1000)
