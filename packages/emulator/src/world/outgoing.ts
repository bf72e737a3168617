import { type BinaryNode, encodeWAMessage, type proto } from '@whiskeysockets/baileys'
import { outsideOf } from '../content/stanza.ts'
import { addressOf, Cipher } from '../signal/cipher.ts'
import { SenderKeys } from '../signal/sender-keys.ts'
import type { SignalUnit } from '../signal/unit.ts'
import { el } from '../stream/nodes.ts'
import { type Account, aliasOf } from './accounts.ts'
import type { Bundle } from './bundles.ts'
import type { GroupInfo } from './groups.ts'
import { other, type Space, toJid } from './jids.ts'
import type { World } from './world.ts'

/** A stanza for one device, ready to be queued. */
export interface Parcel {
  readonly phone: string
  readonly device: number
  readonly node: BinaryNode
  /** Of what a phone tells its companion: no chat keeps it for the case that the companion cannot read it. */
  readonly message?: proto.IMessage
}

export interface Envelope {
  readonly id: string
  /** Seconds. */
  readonly at: number
  /** Companions of others get no text, only this word for the reason; an empty one stands for none. */
  readonly unavailable?: string
}

/** A message as it is kept for those who cannot read it. */
export interface Sent {
  readonly message: proto.IMessage
  readonly space: Space
  readonly group?: GroupInfo
  readonly chat?: Account
  /** It told an own companion something, and belongs to no chat. */
  readonly isPeer?: boolean
}

/** Encrypts what a person in the emulator writes, for each device that shall read it. Queues nothing itself. */
export class Outgoing {
  readonly #world: World
  readonly #unit: SignalUnit
  readonly #self: Account
  readonly #cipher: Cipher
  readonly #senderKeys: SenderKeys

  constructor(world: World, unit: SignalUnit, self: Account) {
    this.#world = world
    this.#unit = unit
    this.#self = self
    this.#cipher = new Cipher(unit, self.identity)
    this.#senderKeys = new SenderKeys(unit)
  }

  /** To a person: each of their devices, and a copy to each of our own companions. */
  async toPerson(to: Account, message: proto.IMessage, space: Space, envelope: Envelope): Promise<Parcel[]> {
    const parcels: Parcel[] = []
    const isReached = to.phone !== this.#self.phone && !this.#world.circle.isBlocked(to.phone, this.#self.phone)
    const devices = isReached ? this.#world.devices.numbersOf(to.phone) : []
    for (const device of devices) {
      if (!this.#world.exists(to.phone, device)) continue
      const content = withheld(device, envelope) ?? (await this.#enc(to, device, message, outsideOf(message).enc))
      parcels.push({ phone: to.phone, device, node: this.#node(space, message, envelope, [content]) })
    }
    for (const { device } of this.#world.devices.of(this.#self.phone)) {
      if (!this.#world.exists(this.#self.phone, device)) continue
      parcels.push(await this.copyTo(device, to, message, space, envelope))
    }
    return parcels
  }

  /** The copy of a sent message that makes it appear on one of our own companions. */
  async copyTo(
    device: number,
    to: Account,
    message: proto.IMessage,
    space: Space,
    envelope: Envelope,
    retry?: number,
  ): Promise<Parcel> {
    const chat = toJid(to, space)
    // The secret of a poll stands outside too: that is where some clients look for it.
    const { messageContextInfo } = message
    const copy = {
      deviceSentMessage: { destinationJid: chat, message },
      ...(messageContextInfo && { messageContextInfo }),
    }
    const outside = outsideOf(message)
    const enc = await this.#enc(this.#self, device, copy, { ...outside.enc, count: retry })
    // Without sender_pn or sender_lid: the client would take them for the names of the person written to.
    const node = el(
      'message',
      {
        from: toJid(this.#self, space),
        id: envelope.id,
        t: envelope.at,
        type: outside.type,
        edit: outside.edit,
        recipient: chat,
        [space === 'pn' ? 'peer_recipient_lid' : 'peer_recipient_pn']: aliasOf(to, space),
      },
      [enc, ...outside.nodes],
    )
    return { phone: this.#self.phone, device, node }
  }

  /** To a group: one text for all, and our sender key for each device that does not have it yet. */
  async toGroup(group: GroupInfo, message: proto.IMessage, envelope: Envelope): Promise<Parcel[]> {
    const author = addressOf(this.#self, 0)
    // Before the text is encrypted: the distribution describes the chain from here on.
    const distribution = await this.#senderKeys.distribution(group.id, author)
    const body = await this.#senderKeys.encrypt(group.id, author, encodeWAMessage(message))
    const skmsg = el('enc', { v: '2', type: 'skmsg', ...outsideOf(message).enc }, body)
    const parcels: Parcel[] = []
    for (const phone of this.#world.groups.members(group.id).keys()) {
      const member = this.#world.accounts.require(phone)
      for (const device of this.#world.devices.numbersOf(phone)) {
        if ((phone === this.#self.phone && device === 0) || !this.#world.exists(phone, device)) continue
        const address = addressOf(member, device)
        const nothing = phone === this.#self.phone ? undefined : withheld(device, envelope)
        if (nothing) {
          parcels.push({ phone, device, node: this.#groupNode(group, message, envelope, [nothing]) })
          continue
        }
        const encs = [skmsg]
        if (!this.#unit.hasOurSenderKey(group.id, address)) {
          encs.unshift(await this.#enc(member, device, { senderKeyDistributionMessage: keyOf(group, distribution) }))
          this.#unit.noteSenderKeySent(group.id, address)
        }
        parcels.push({ phone, device, node: this.#groupNode(group, message, envelope, encs) })
      }
    }
    return parcels
  }

  /** From the phone to one of its own companions: keys, history. Never shown in a chat. */
  async toCompanion(device: number, message: proto.IMessage, envelope: Envelope, retry?: number): Promise<Parcel> {
    const enc = await this.#enc(this.#self, device, message, { count: retry })
    // Without `notify`: peer messages count as our own, the client would rename itself.
    const attrs = { from: toJid(this.#self, 'pn'), id: envelope.id, t: envelope.at, type: 'text', category: 'peer' }
    return { phone: this.#self.phone, device, node: el('message', attrs, [enc]), message }
  }

  /** Once more, to the one device that could not read it, in a session made anew. */
  async again(
    to: { account: Account; device: number },
    sent: Sent,
    envelope: Envelope,
    retry: { count: number; bundle?: Bundle },
  ): Promise<Parcel> {
    const { account, device } = to
    const bundle = retry.bundle ?? this.#bundle(account, device)
    await this.#cipher.open(addressOf(account, device), bundle)
    if (sent.isPeer) return this.toCompanion(device, sent.message, envelope, retry.count)
    if (sent.group) {
      const distribution = await this.#senderKeys.distribution(sent.group.id, addressOf(this.#self, 0))
      const message = { ...sent.message, senderKeyDistributionMessage: keyOf(sent.group, distribution) }
      const enc = await this.#enc(account, device, message, { ...outsideOf(message).enc, count: retry.count })
      this.#unit.noteSenderKeySent(sent.group.id, addressOf(account, device))
      return { phone: account.phone, device, node: this.#groupNode(sent.group, sent.message, envelope, [enc]) }
    }
    if (account.phone === this.#self.phone) {
      return this.copyTo(device, sent.chat ?? account, sent.message, sent.space, envelope, retry.count)
    }
    const attrs = { ...outsideOf(sent.message).enc, count: retry.count }
    const enc = await this.#enc(account, device, sent.message, attrs)
    return { phone: account.phone, device, node: this.#node(sent.space, sent.message, envelope, [enc]) }
  }

  async #enc(
    to: Account,
    device: number,
    message: proto.IMessage,
    attrs: Record<string, string | number | undefined> = {},
  ): Promise<BinaryNode> {
    const address = addressOf(to, device)
    if (!this.#cipher.hasSession(address)) await this.#cipher.open(address, this.#bundle(to, device))
    const { type, body } = await this.#cipher.encrypt(address, encodeWAMessage(message))
    return el('enc', { v: '2', type, ...attrs }, body)
  }

  #bundle(to: Account, device: number): Bundle {
    const bundle = this.#world.takeBundle(to.phone, device)
    if (!bundle) throw new Error(`${to.phone} has no device ${device}.`)
    return bundle
  }

  #node(space: Space, message: proto.IMessage, envelope: Envelope, encs: BinaryNode[]): BinaryNode {
    const { type, edit, nodes } = outsideOf(message)
    const attrs = {
      from: toJid(this.#self, space),
      id: envelope.id,
      t: envelope.at,
      type,
      edit,
      notify: this.#self.name ?? this.#self.phone,
      [space === 'pn' ? 'sender_lid' : 'sender_pn']: aliasOf(this.#self, space),
    }
    return el('message', attrs, [...encs, ...nodes])
  }

  #groupNode(group: GroupInfo, message: proto.IMessage, envelope: Envelope, encs: BinaryNode[]): BinaryNode {
    const space = group.addressing
    const { type, edit, nodes } = outsideOf(message)
    const attrs = {
      from: group.id,
      participant: toJid(this.#self, space),
      [space === 'pn' ? 'participant_lid' : 'participant_pn']: toJid(this.#self, other(space)),
      addressing_mode: space,
      id: envelope.id,
      t: envelope.at,
      type,
      edit,
      notify: this.#self.name ?? this.#self.phone,
    }
    return el('message', attrs, [...encs, ...nodes])
  }
}

/** What a companion gets in place of a text that only phones are sent. */
function withheld(device: number, { unavailable }: Envelope): BinaryNode | undefined {
  return device === 0 || unavailable === undefined ? undefined : el('unavailable', { type: unavailable || undefined })
}

function keyOf(group: GroupInfo, distribution: Buffer): proto.Message.ISenderKeyDistributionMessage {
  return { groupId: group.id, axolotlSenderKeyDistributionMessage: distribution }
}
