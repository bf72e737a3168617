import type { AboutOptions, Contact, Person, PrivacyValue, SayOptions } from '../api.ts'
import type { Answer, Content } from '../content/content.ts'
import { mediaOf } from '../media/of-message.ts'
import type { Presences } from '../stanzas/presences.ts'
import type { Account, Behaviour } from './accounts.ts'
import { ring } from './calling.ts'
import type { PrivacyName } from './circle.ts'
import { acceptInvite, joinByLink } from './group-joining.ts'
import { migrateToLid, reinstall } from './identity.ts'
import type { Space } from './jids.ts'
import type { Heard, Matcher } from './mailbox.ts'
import { confirmMessages } from './marking.ts'
import { giveToken, setAbout, setBlocked, setDisappearing, setPicture, setPrivacy } from './profile.ts'
import type { ChatState } from './sightings.ts'
import type { WaitOptions } from './waiting.ts'
import type { World } from './world.ts'
import { Writing } from './writing.ts'

/** A person whose device 0 lives in the emulator. */
export class VirtualPerson implements Person {
  protected readonly world: World
  protected readonly presences: Presences
  readonly phone: string
  readonly #writing: Writing

  constructor(world: World, presences: Presences, phone: string) {
    this.world = world
    this.presences = presences
    this.phone = phone
    this.#writing = new Writing(world, phone)
  }

  get lid(): string {
    return this.account.lid
  }

  get name(): string {
    return this.account.name ?? this.phone
  }

  says(to: string, text: string, options: SayOptions = {}): Promise<{ id: string }> {
    return this.#writing.send(to, text, options)
  }

  saysAll(to: string, texts: readonly string[], options: { space?: Space } = {}): Promise<{ ids: string[] }> {
    const messages = texts.map((text) => ({ conversation: text }))
    return this.world.handset(this.phone).saysAll(to, messages, options)
  }

  sends(to: string, content: Content, options: SayOptions = {}): Promise<{ id: string }> {
    return this.#writing.send(to, content, options)
  }

  edits(id: string, content: Content): Promise<{ id: string }> {
    return this.#writing.edit(id, content)
  }

  deletes(id: string, options: AboutOptions = {}): Promise<{ id: string }> {
    return this.#writing.delete(id, options)
  }

  reacts(id: string, emoji: string, options: AboutOptions = {}): Promise<{ id: string }> {
    return this.#writing.react(id, emoji, options)
  }

  votes(id: string, options: readonly string[], about: AboutOptions = {}): Promise<{ id: string }> {
    return this.#writing.vote(id, options, about)
  }

  answers(id: string, answer: Answer, options: AboutOptions = {}): Promise<{ id: string }> {
    return this.#writing.answer(id, answer, options)
  }

  forwards(id: string, to: string, options: AboutOptions & SayOptions = {}): Promise<{ id: string }> {
    return this.#writing.forward(id, to, options)
  }

  pins(id: string, seconds = 7 * 86_400, options: AboutOptions = {}): Promise<{ id: string }> {
    return this.#writing.pin(id, seconds, options)
  }

  keeps(id: string, isKept = true, options: AboutOptions = {}): Promise<{ id: string }> {
    return this.#writing.keep(id, isKept, options)
  }

  hears(matcher?: Matcher, options?: WaitOptions): Promise<Heard> {
    return this.world.mail.next(this.phone, matcher, options)
  }

  messages(): Heard[] {
    return this.world.mail.messages(this.phone)
  }

  received(id: string, type: 'delivery' | 'read' | 'played' = 'delivery', options?: WaitOptions): Promise<void> {
    return this.world.mail.confirmed(this.phone, id, type, options)
  }

  async downloads(id: string): Promise<Buffer> {
    const known = this.world.mail.find(this.phone, id)
    if (!known) throw new Error(`${this.phone} knows no message ${id}.`)
    const media = mediaOf(known.message)
    if (!media) throw new Error(`There is no file in message ${id}.`)
    return this.world.media.open(media.reference, media.kind)
  }

  types(to: string, state: ChatState = 'composing'): void {
    this.presences.typing(this.phone, to.includes('@') ? to : `${to}@s.whatsapp.net`, state)
  }

  sees(phone: string, state: ChatState | 'available' | 'unavailable', options?: WaitOptions): Promise<void> {
    const { sightings } = this.presences
    if (state !== 'available' && state !== 'unavailable') return sightings.typed(this.phone, phone, state, options)
    const look = () => this.presences.isSeenBy(this.phone, phone) === (state === 'available')
    return sightings.until(look, () => `${this.phone} has not seen ${phone} become ${state}`, options)
  }

  calls(phone: string): string {
    return this.world.post.commit(() => ring(this.world, this.account, this.world.accounts.require(phone)))
  }

  joins(code: string): 'joined' | 'requested' {
    const { isIn } = this.world.post.commit(() => joinByLink(this.world, this.phone, code))
    return isIn ? 'joined' : 'requested'
  }

  accepts({ message }: Heard): void {
    const { groupJid, inviteCode } = message.groupInviteMessage ?? {}
    if (!groupJid || !inviteCode) throw new TypeError('This message invites nobody to a group.')
    this.world.post.commit(() => acceptInvite(this.world, this.phone, groupJid, inviteCode))
  }

  appears(state: 'available' | 'unavailable'): void {
    this.presences.set(this.phone, state)
  }

  async reads(ids: readonly string[]): Promise<void> {
    confirmMessages(this.world, this.phone, ids, 'read')
  }

  async plays(ids: readonly string[]): Promise<void> {
    confirmMessages(this.world, this.phone, ids, 'played')
  }

  changesName(name: string): void {
    this.world.accounts.update(this.phone, { name })
  }

  changesPicture(image?: Uint8Array): void {
    setPicture(this.world, this.phone, image)
  }

  changesAbout(text: string): void {
    setAbout(this.world, this.phone, text)
  }

  restricts(name: PrivacyName, value: PrivacyValue, except?: readonly string[]): void {
    setPrivacy(this.world, this.phone, { name, value, ...(except && { exceptions: except }) })
  }

  saves(phone: string): void {
    this.world.circle.setContact(this.phone, this.world.accounts.require(phone).phone, true)
  }

  forgets(phone: string): void {
    this.world.circle.setContact(this.phone, phone, false)
  }

  blocks(phone: string): void {
    setBlocked(this.world, this.phone, phone, true)
  }

  unblocks(phone: string): void {
    setBlocked(this.world, this.phone, phone, false)
  }

  guards(isGuarded = true): void {
    this.world.tokens.setGuarded(this.phone, isGuarded)
  }

  trusts(phone: string): void {
    giveToken(this.world, this.phone, phone, this.world.clock.seconds())
  }

  beginsChatsThatLast(seconds: number): void {
    setDisappearing(this.world, this.phone, seconds)
  }

  goesOffline(): void {
    this.world.handset(this.phone).setOffline(true)
  }

  comesOnline(): void {
    this.world.handset(this.phone).setOffline(false)
  }

  reinstall(): Promise<void> {
    return reinstall(this.world, this.phone)
  }

  protected get account(): Account {
    return this.world.accounts.require(this.phone)
  }
}

/** The person that the public `Contact` describes. */
export class VirtualContact extends VirtualPerson implements Contact {
  get behaviour(): Behaviour {
    return this.account.behaviour
  }

  migrates(): Promise<void> {
    return migrateToLid(this.world, this.phone)
  }
}
