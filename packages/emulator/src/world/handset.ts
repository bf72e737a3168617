import { type BinaryNode, decodeBinaryNode, type proto } from '@whiskeysockets/baileys'
import type { SayOptions } from '../api.ts'
import { isSilent } from '../content/reading.ts'
import { outsideOf } from '../content/stanza.ts'
import { SignalUnit } from '../signal/unit.ts'
import { child } from '../stream/nodes.ts'
import { toXml } from '../stream/xml.ts'
import { type Account, spaceBetween } from './accounts.ts'
import { choicesIn } from './choices.ts'
import { type Arrived, confirmArrival, isUnread } from './confirming.ts'
import { groupFor, requireAdmin } from './group-rules.ts'
import { type Origin, originOf, readMessage } from './incoming.ts'
import { parseJid, type Space } from './jids.ts'
import type { Arrival } from './mailbox.ts'
import { Manners } from './manners.ts'
import { answerMediaRetry } from './media-retry.ts'
import { type Envelope, Outgoing, type Parcel, type Sent } from './outgoing.ts'
import { peerAnswers } from './peer-requests.ts'
import type { Pending } from './post.ts'
import { giveToken } from './profile.ts'
import { bundleIn, retryReceipt } from './retry.ts'
import type { World } from './world.ts'

/** So many messages of a backlog become one commit. */
const AT_ONCE = 250
/** Stanzas that a phone reads before it lets others have a turn. */
const AT_A_TIME = 20

/**
 * The device 0 of an account: the phone in somebody's hand. Reads its mail one stanza at a time; what a stanza causes
 * (ratchet, message, receipt, answer, and the stanza's removal) is one commit, so a kill repeats it or has it done.
 */
export class Handset {
  readonly #world: World
  readonly #phone: string
  readonly manners: Manners
  #lane: Promise<unknown> = Promise.resolve()
  #isReading = false
  /** How often a message was asked for again, until it is read. */
  readonly #retries = new Map<string, number>()

  constructor(world: World, phone: string) {
    this.#world = world
    this.#phone = phone
    this.manners = new Manners(world, phone)
  }

  get account(): Account {
    return this.#world.accounts.require(this.#phone)
  }

  /** There is mail. */
  wake(): void {
    if (this.#isReading || this.#isAway) return
    this.#isReading = true
    void this.#inTurn(() => this.#readAll()).catch((error: unknown) => {
      this.#world.warn(`the phone of ${this.#phone} could not read its mail: ${String(error)}`)
    })
  }

  /**
   * Inside a commit: confirms a message that nobody would read, with no stanza that waits for this device. Returns false
   * when the message has to wait: the device is offline, or older mail does.
   */
  confirmsUnread(origin: Origin, arrived: Arrived): boolean {
    if (this.account.settings.isOffline || this.#isReading) return false
    const { account } = this
    if (!isUnread(this.#world, account, origin, arrived.recipient)) return false
    confirmArrival(this.#world, account, origin, arrived)
    return true
  }

  /** Off: mail waits at the server, nothing is confirmed. */
  setOffline(isOffline: boolean): void {
    const { isOffline: _old, ...settings } = this.account.settings
    this.#world.accounts.update(this.#phone, { settings: isOffline ? { ...settings, isOffline } : settings })
    if (!isOffline) this.wake()
  }

  get #isAway(): boolean {
    const { behaviour, settings } = this.account
    return settings.isOffline === true || behaviour === 'absent'
  }

  /**
   * Writes a message. Resolves when it is committed, which is when a phone shows its first tick. Rejects when the receiver
   * is guarded and has given no token.
   */
  async says(to: string, message: proto.IMessage, options: SayOptions = {}): Promise<{ id: string }> {
    const sent = await this.#inTurn(async () => {
      this.#requireToken(to)
      const unit = new SignalUnit(this.#world.store, this.#phone)
      const { id = this.#newMessageId(), unavailable } = options
      const envelope = { id, at: this.#world.clock.seconds(), ...(unavailable !== undefined && { unavailable }) }
      const space = options.space ?? spaceBetween(this.account, this.#world.accounts.get(to))
      const parcels = await this.#compose(unit, to, message, space, envelope)
      this.#world.post.commit(() => {
        unit.write()
        this.#world.mail.keepSent(this.#phone, envelope.id, to, space, message)
        this.#queue(parcels)
        if (!message.protocolMessage) this.#giveToken(to)
      })
      return { id: envelope.id }
    })
    // Not in turn: the next message need not wait for the end of this turn of the event loop.
    await this.#world.store.turn.kept()
    return sent
  }

  /** Many at once: the keys are read and written once for each commit, not once for each message. */
  saysAll(
    to: string,
    messages: readonly proto.IMessage[],
    options: { space?: Space } = {},
  ): Promise<{ ids: string[] }> {
    return this.#inTurn(async () => {
      this.#requireToken(to)
      const space = options.space ?? 'pn'
      const ids: string[] = []
      for (let start = 0; start < messages.length; start += AT_ONCE) {
        const unit = new SignalUnit(this.#world.store, this.#phone, { isWriting: true })
        const sent: { id: string; message: proto.IMessage; parcels: Parcel[] }[] = []
        for (const message of messages.slice(start, start + AT_ONCE)) {
          const envelope = { id: this.#newMessageId(), at: this.#world.clock.seconds() }
          sent.push({ id: envelope.id, message, parcels: await this.#compose(unit, to, message, space, envelope) })
        }
        this.#world.post.commit(() => {
          unit.write()
          for (const { id, message, parcels } of sent) {
            this.#world.mail.keepSent(this.#phone, id, to, space, message)
            this.#queue(parcels)
          }
          this.#giveToken(to)
        })
        ids.push(...sent.map(({ id }) => id))
        await this.#world.store.turn.kept() // which is also when the sockets are served
      }
      return { ids }
    })
  }

  /**
   * Sends a companion something that no chat shows: what `compose` returns when it is its turn. `alongside` runs in the
   * same commit.
   */
  tellCompanion(device: number, compose: () => readonly proto.IMessage[], alongside?: () => void): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#world.exists(this.#phone, device)) return
      const unit = new SignalUnit(this.#world.store, this.#phone)
      const parcels = await this.#composePeer(unit, device, compose())
      this.#world.post.commit(() => {
        unit.write()
        this.#queue(parcels)
        alongside?.()
      })
    })
  }

  /** Resolves when everything asked for so far has happened. */
  async settled(): Promise<void> {
    await this.#lane
  }

  #inTurn<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#lane.then(job)
    this.#lane = result.catch(() => undefined) // the caller has the error; the next job must not
    return result
  }

  async #readAll(): Promise<void> {
    try {
      for (let read = 1; ; read++) {
        // Decrypting waits for nothing but itself: without a pause a long queue would starve the sockets.
        if (read % AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve))
        if (this.#isAway || this.#world.isClosed) return
        const [pending] = this.#world.post.after(this.#phone, 0, 0, 1)
        if (!pending) return
        await this.#read(pending).catch((error: unknown) => {
          // A stanza that breaks the emulator would block all that come after it.
          this.#world.warn(`the phone of ${this.#phone} lost a stanza: ${String(error)}`)
          this.#world.post.remove(pending.seq)
        })
      }
    } finally {
      this.#isReading = false
    }
  }

  async #read(pending: Pending): Promise<void> {
    const node = await decodeBinaryNode(pending.body)
    const origin = originOf(this.#world, node)
    if (origin && node.tag === 'message') await this.#readMessage(pending, node, origin)
    else if (origin && node.attrs.type === 'retry') await this.#sendAgain(pending, node, origin)
    else if (origin && node.attrs.type === 'server-error') {
      this.#world.post.commit(() => {
        const answer = answerMediaRetry(this.#world, this.account, node)
        if (this.#world.exists(this.#phone, origin.device)) this.#world.post.queue(this.#phone, origin.device, answer)
        this.#world.post.remove(pending.seq)
      })
    } else this.#world.post.remove(pending.seq)
  }

  async #readMessage(pending: Pending, node: BinaryNode, origin: Origin): Promise<void> {
    const { faults, mail, post, store } = this.#world
    const { id = '', recipient, category } = node.attrs
    const isPeer = category === 'peer'
    if (!isPeer && isUnread(this.#world, this.account, origin, recipient)) {
      return post.commit(() => {
        confirmArrival(this.#world, this.account, origin, { id, recipient, isPeer })
        post.remove(pending.seq)
      })
    }
    const unit = new SignalUnit(store, this.#phone)
    const read = faults.takeDecryptFailure(this.#phone)
      ? ({ outcome: 'unreadable', why: 'a fault was asked for' } as const)
      : await readMessage(unit, this.account, origin, node)
    if (read.outcome === 'unreadable') {
      this.#world.wire.remark(`${this.#phone} cannot read ${node.attrs.id ?? ''}: ${read.why}`)
      const key = retryKey(origin, id)
      const count = (this.#retries.get(key) ?? 0) + 1
      this.#retries.set(key, count)
      return post.commit(() => {
        const receipt = retryReceipt(this.#world, this.account, node, origin, count)
        if (this.#world.exists(origin.author.phone, origin.device)) {
          post.queue(origin.author.phone, origin.device, receipt)
        }
        post.remove(pending.seq)
      })
    }
    this.#retries.delete(retryKey(origin, id))
    if (read.outcome === 'known') return post.remove(pending.seq)
    const arrival = this.#arrival(read.message, node, origin)
    const isNew = arrival !== undefined && !mail.hasHeard(this.#phone, arrival.from, arrival.id)
    const answer = isNew ? await this.#answer(unit, arrival, origin.space) : undefined
    const replies = await this.#replies(unit, read.message, node, origin)
    post.commit(() => {
      unit.write()
      this.#queue(replies)
      if (arrival) mail.record(this.#phone, arrival)
      if (isNew) this.manners.arrives(arrival)
      confirmArrival(this.#world, this.account, origin, { id, recipient, isPeer })
      if (answer) {
        mail.keepSent(this.#phone, answer.id, arrival?.chat ?? '', origin.space, answer.message)
        this.#queue(answer.parcels)
        this.#giveToken(arrival?.chat ?? '')
      }
      post.remove(pending.seq)
    })
    mail.announce(this.#phone)
    mail.announceReceipts()
    if (isNew) this.manners.heard(arrival)
  }

  /** What the screen shows of it; undefined for housekeeping. */
  #arrival(message: proto.IMessage, node: BinaryNode, origin: Origin): Arrival | undefined {
    const shown = message.deviceSentMessage?.message ?? message
    if (node.attrs.category === 'peer' || isSilent(shown)) return undefined
    return {
      id: node.attrs.id ?? '',
      from: origin.author.phone,
      chat: this.#chatOf(origin, message.deviceSentMessage?.destinationJid ?? node.attrs.recipient),
      at: Number(node.attrs.t ?? 0) * 1000,
      message: shown,
      raw: toXml(node),
      choices: choicesIn(this.#world, this.#phone, origin.author, shown),
    }
  }

  /** What is written back at once, encrypted with the keys as they are after reading. */
  async #answer(
    unit: SignalUnit,
    arrival: Arrival,
    space: Space,
  ): Promise<{ id: string; message: proto.IMessage; parcels: Parcel[] } | undefined> {
    const text = this.manners.answer(arrival)
    if (text === undefined) return undefined
    const message = { conversation: text }
    const envelope = { id: this.#newMessageId(), at: this.#world.clock.seconds() }
    return { id: envelope.id, message, parcels: await this.#compose(unit, arrival.chat, message, space, envelope) }
  }

  /** What a companion gets that asked its phone something. */
  async #replies(unit: SignalUnit, message: proto.IMessage, node: BinaryNode, origin: Origin): Promise<Parcel[]> {
    if (node.attrs.category !== 'peer' || origin.author.phone !== this.#phone) return []
    // Some clients wrap it like the copy of a sent message, because it goes to their own number.
    const asked = message.deviceSentMessage?.message ?? message
    const answers = peerAnswers(this.#world, this.#phone, node.attrs.id ?? '', asked)
    return this.#composePeer(unit, origin.device, answers)
  }

  async #composePeer(unit: SignalUnit, device: number, messages: readonly proto.IMessage[]): Promise<Parcel[]> {
    const outgoing = new Outgoing(this.#world, unit, this.account)
    const parcels: Parcel[] = []
    for (const message of messages) {
      const envelope = { id: this.#newMessageId(), at: this.#world.clock.seconds() }
      parcels.push(await outgoing.toCompanion(device, message, envelope))
    }
    return parcels
  }

  /** A device could not read what we wrote. */
  async #sendAgain(pending: Pending, node: BinaryNode, origin: Origin): Promise<void> {
    const { post, store } = this.#world
    const id = node.attrs.id ?? ''
    const sent = this.#sent(id, origin)
    if (!sent || !this.#world.exists(origin.author.phone, origin.device)) return post.remove(pending.seq)
    const unit = new SignalUnit(store, this.#phone)
    const retry = child(node, 'retry')
    const bundle = bundleIn(node)
    const parcel = await new Outgoing(this.#world, unit, this.account).again(
      { account: origin.author, device: origin.device },
      sent,
      { id, at: this.#world.clock.seconds() },
      { count: Number(retry?.attrs.count ?? 1), ...(bundle && { bundle }) },
    )
    post.commit(() => {
      unit.write()
      this.#queue([parcel])
      post.remove(pending.seq)
    })
  }

  /** A message that somebody could not read: one of a chat, or one that told an own companion something. */
  #sent(id: string, { author, device }: Origin): Sent | undefined {
    const { accounts, groups, mail, told } = this.#world
    const toCompanion = author.phone === this.#phone ? told.get(this.#phone, device, id) : undefined
    if (toCompanion) return { message: toCompanion, space: 'pn', isPeer: true }
    const sent = mail.sent(this.#phone, id)
    if (!sent) return undefined
    const group = groups.get(sent.chat)
    const chat = accounts.get(sent.chat)
    const space: Space = sent.space === 'lid' ? 'lid' : 'pn'
    return { message: sent.message, space, ...(group && { group }), ...(chat && { chat }) }
  }

  async #compose(
    unit: SignalUnit,
    to: string,
    message: proto.IMessage,
    space: Space,
    envelope: Envelope,
  ): Promise<Parcel[]> {
    const outgoing = new Outgoing(this.#world, unit, this.account)
    if (!to.endsWith('@g.us')) return outgoing.toPerson(this.#world.accounts.require(to), message, space, envelope)
    const group = groupFor(this.#world, to, this.#phone)
    if (group.isAnnouncement || outsideOf(message).edit === '8') requireAdmin(this.#world, group, this.#phone)
    return outgoing.toGroup(group, message, envelope)
  }

  #requireToken(to: string): void {
    if (to === this.#phone || !this.#world.accounts.get(to)?.settings.isGuarded) return
    if (!this.#world.tokens.isHeld(to, this.#phone)) throw new Error(`${to} is guarded: refused with error 463.`)
  }

  /** Inside a commit: whoever is written to may write back. Once a week, as clients do. */
  #giveToken(to: string): void {
    const isPerson = to !== this.#phone && this.#world.accounts.get(to) !== undefined
    if (isPerson && this.#world.tokens.isDue(this.#phone, to)) {
      giveToken(this.#world, this.#phone, to, this.#world.clock.seconds())
    }
  }

  #queue(parcels: readonly Parcel[]): void {
    for (const { phone, device, node, message } of parcels) {
      // Encrypting takes a moment, in which a companion can be unlinked.
      if (!this.#world.exists(phone, device)) continue
      this.#world.post.queue(phone, device, node)
      if (message) this.#world.told.keep(phone, device, node.attrs.id ?? '', message)
    }
  }

  #chatOf(origin: Origin, destination: string | null | undefined): string {
    if (origin.group) return origin.group
    if (origin.author.phone !== this.#phone) return origin.author.phone
    return this.#world.accounts.byJid(destination ?? undefined)?.phone ?? parseJid(destination ?? '')?.user ?? ''
  }

  /** The form of Android's ids. */
  #newMessageId(): string {
    return `AC${this.#world.random.bytes(15, `message/${this.#phone}`).toString('hex').toUpperCase()}`
  }
}

function retryKey(origin: Origin, id: string): string {
  return `${origin.author.phone}/${id}`
}
