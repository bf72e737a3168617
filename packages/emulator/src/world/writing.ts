import { proto } from '@whiskeysockets/baileys'
import type { AboutOptions, SayOptions } from '../api.ts'
import { compose, forwarded, partOfAlbum, type Surroundings } from '../content/compose.ts'
import type { Answer, Content } from '../content/content.ts'
import { pollIn } from '../content/reading.ts'
import { type Sealing, sealAnswer, sealVote } from '../content/secrets.ts'
import type { MediaKind } from '../media/cipher.ts'
import { type Account, spaceBetween } from './accounts.ts'
import { type Space, toJid } from './jids.ts'
import type { Known } from './mailbox.ts'
import type { World } from './world.ts'

const { Type } = proto.Message.ProtocolMessage
const Pin = proto.Message.PinInChatMessage.Type

/** What a person does in chats: writes, and then edits, takes back, answers and passes on what is there. */
export class Writing {
  readonly #world: World
  readonly #phone: string

  constructor(world: World, phone: string) {
    this.#world = world
    this.#phone = phone
  }

  async send(to: string, content: Content, options: SayOptions = {}): Promise<{ id: string }> {
    const handset = this.#world.handset(this.#phone)
    const usual = spaceBetween(this.#account, this.#world.accounts.get(to))
    const space = this.#spaceOf(to, options.space ?? usual)
    const sent = await handset.says(to, this.#messageFor(to, content, space), options)
    if (typeof content === 'string' || !('album' in content)) return sent
    const known = this.#own(sent.id)
    for (const part of content.album) {
      const message = partOfAlbum(this.#messageFor(to, part, space), this.#chatOf(known).context)
      await handset.says(to, message, options.space === undefined ? {} : { space: options.space })
    }
    return sent
  }

  #messageFor(to: string, content: Content, space: Space): proto.IMessage {
    const { ephemeral = 0 } = this.#world.groups.get(to) ?? {}
    const isRaw = typeof content !== 'string' && 'message' in content
    return compose(content, {
      // As the group has it, if nothing else is said.
      ...(ephemeral > 0 && !isRaw && { disappearsAfter: ephemeral }),
      ...this.#surroundings(content, space),
    })
  }

  /** Changes an own message. Rejects when it is somebody else's. */
  async edit(id: string, content: Content): Promise<{ id: string }> {
    const known = this.#own(id)
    const { context, space } = this.#chatOf(known)
    const editedMessage = compose(content, this.#surroundings(content, space))
    const protocolMessage = {
      type: Type.MESSAGE_EDIT,
      key: context,
      editedMessage,
      timestampMs: this.#world.clock.now(),
    }
    // Phones wrap it, so that old clients that know no edits show nothing.
    return this.#reply(known, { editedMessage: { message: { protocolMessage } } })
  }

  /** Takes a message back for everybody: an own one, or, as an admin of the group, somebody else's. */
  async delete(id: string, { from }: AboutOptions = {}): Promise<{ id: string }> {
    const known = this.#known(id, from)
    const role = this.#world.groups.members(known.chat).get(this.#phone)
    if (known.author !== this.#phone && (role ?? 'member') === 'member') {
      throw new Error(`${this.#phone} is neither the author of ${id} nor an admin of its group.`)
    }
    return this.#reply(known, { protocolMessage: { type: Type.REVOKE, key: this.#chatOf(known).context } })
  }

  /** Without an emoji the reaction is taken back. */
  async react(id: string, emoji: string, { from }: AboutOptions = {}): Promise<{ id: string }> {
    const known = this.#known(id, from)
    const reactionMessage = {
      key: this.#chatOf(known).context,
      text: emoji,
      senderTimestampMs: this.#world.clock.now(),
    }
    return this.#reply(known, { reactionMessage })
  }

  /** No options take the vote back. Rejects when the poll has no such option, or not so many may be picked. */
  async vote(id: string, options: readonly string[], { from }: AboutOptions = {}): Promise<{ id: string }> {
    const known = this.#known(id, from)
    const poll = pollIn(known.message)
    if (!poll) throw new Error(`${id} is not a poll.`)
    const offered = (poll.options ?? []).map(({ optionName }) => optionName)
    const strange = options.find((option) => !offered.includes(option))
    if (strange !== undefined) throw new Error(`The poll offers ${offered.join(', ')}, not ${strange}.`)
    const pick = poll.selectableOptionsCount || offered.length
    if (options.length > pick) throw new Error(`Only ${pick} of the options may be picked.`)
    const vote = sealVote(this.#sealing(known, this.#chatOf(known).space), options, this.#random(12))
    const pollUpdateMessage = {
      pollCreationMessageKey: this.#chatOf(known).context,
      vote,
      senderTimestampMs: this.#world.clock.now(),
    }
    return this.#reply(known, { pollUpdateMessage })
  }

  async answer(id: string, answer: Answer, { from }: AboutOptions = {}): Promise<{ id: string }> {
    const known = this.#known(id, from)
    if (!known.message.eventMessage) throw new Error(`${id} is not an event.`)
    // By phone number even where people are named by lid: Baileys opens answers under these names only.
    const sealed = sealAnswer(this.#sealing(known, 'pn'), answer, this.#world.clock.now(), this.#random(12))
    const encEventResponseMessage = { eventCreationMessageKey: this.#chatOf(known).context, ...sealed }
    return this.#reply(known, { encEventResponseMessage })
  }

  async forward(id: string, to: string, { from, ...options }: AboutOptions & SayOptions = {}): Promise<{ id: string }> {
    const message = forwarded(this.#known(id, from).message)
    return this.#world.handset(this.#phone).says(to, message, options)
  }

  /** Pins a message for all in the chat, for so many seconds; 0 unpins it. */
  async pin(id: string, seconds: number, { from }: AboutOptions = {}): Promise<{ id: string }> {
    const known = this.#known(id, from)
    const pinInChatMessage = {
      key: this.#chatOf(known).context,
      type: seconds > 0 ? Pin.PIN_FOR_ALL : Pin.UNPIN_FOR_ALL,
      senderTimestampMs: this.#world.clock.now(),
    }
    return this.#reply(known, { pinInChatMessage, messageContextInfo: { messageAddOnDurationInSecs: seconds } })
  }

  /** Keeps a disappearing message in the chat for all, or lets it go. */
  async keep(id: string, isKept: boolean, { from }: AboutOptions = {}): Promise<{ id: string }> {
    const known = this.#known(id, from)
    const keepType = isKept ? proto.KeepType.KEEP_FOR_ALL : proto.KeepType.UNDO_KEEP_FOR_ALL
    const keepInChatMessage = { key: this.#chatOf(known).context, keepType, timestampMs: this.#world.clock.now() }
    return this.#reply(known, { keepInChatMessage })
  }

  #reply(known: Known, message: proto.IMessage): Promise<{ id: string }> {
    return this.#world.handset(this.#phone).says(known.chat, message, { space: known.space })
  }

  #known(id: string, from?: string): Known {
    const known = this.#world.mail.find(this.#phone, id, from)
    if (!known) throw new Error(`${this.#phone} has neither written nor received a message ${id}.`)
    return known
  }

  #own(id: string): Known {
    const known = this.#world.mail.find(this.#phone, id, this.#phone)
    if (!known) throw new Error(`${this.#phone} has not written a message ${id}.`)
    return known
  }

  /** The key of a message from this person's side, and the space in which people are named around it. */
  #chatOf(known: Known): { context: proto.IMessageKey; space: Space } {
    const { accounts } = this.#world
    const isGroup = known.chat.endsWith('@g.us')
    const space = this.#spaceOf(known.chat, known.space)
    const isOwn = known.author === this.#phone
    const context = {
      remoteJid: isGroup ? known.chat : toJid(accounts.require(known.chat), space),
      fromMe: isOwn,
      id: known.id,
      ...(isGroup && !isOwn && { participant: toJid(accounts.require(known.author), space) }),
    }
    return { context, space }
  }

  #spaceOf(chat: string, otherwise: Space): Space {
    return this.#world.groups.get(chat)?.addressing ?? otherwise
  }

  #sealing(known: Known, space: Space): Sealing {
    const secret = known.message.messageContextInfo?.messageSecret
    if (!secret) throw new Error(`${known.id} came without a secret, so nothing can be sealed for it.`)
    const creator = toJid(this.#world.accounts.require(known.author), space)
    return { secret, id: known.id, creator, answerer: toJid(this.#account, space) }
  }

  #surroundings(content: Content, space: Space): Surroundings {
    const { accounts, media } = this.#world
    const makers = {
      secret: () => this.#random(32),
      put: (plain: Uint8Array, kind: MediaKind) => media.put(plain, kind),
    }
    if (typeof content === 'string') return makers
    const { quotes, mentions = [], disappearsAfter } = content
    const known = quotes === undefined ? undefined : this.#known(quotes)
    const author = known && toJid(accounts.require(known.author), space)
    return {
      ...makers,
      ...(known && author !== undefined && { quoted: { id: known.id, author, message: known.message } }),
      mentioned: mentions.map((phone) => toJid(accounts.require(phone), space)),
      ...(disappearsAfter !== undefined && { disappearsAfter }),
    }
  }

  #random(length: number): Buffer {
    return this.#world.random.bytes(length, `message/${this.#phone}`)
  }

  get #account(): Account {
    return this.#world.accounts.require(this.#phone)
  }
}
