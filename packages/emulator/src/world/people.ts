import type { Presences } from '../stanzas/presences.ts'
import { el } from '../stream/nodes.ts'
import { type Account, type Behaviour, newIdentity } from './accounts.ts'
import { nowSeconds } from './handset.ts'
import { type Space, toJid } from './jids.ts'
import type { Heard, Matcher } from './mailbox.ts'
import type { World } from './world.ts'

export interface SayOptions {
  /** The name under which the chat is held: phone number or lid. */
  space?: Space
  /** Instead of a new one: the same id again is a copy of the same message. */
  id?: string
}

/** What phones and contacts have in common: a person with an account, who writes and reads. */
export class Person {
  protected readonly world: World
  protected readonly presences: Presences
  /** Digits. */
  readonly phone: string

  constructor(world: World, presences: Presences, phone: string) {
    this.world = world
    this.presences = presences
    this.phone = phone
  }

  /** Digits of the linked id. */
  get lid(): string {
    return this.account.lid
  }

  get name(): string {
    return this.account.name ?? this.phone
  }

  /** Writes a text to a number or a group. Resolves when the network has it for good. */
  says(to: string, text: string, options: SayOptions = {}): Promise<{ id: string }> {
    return this.world.handset(this.phone).says(to, { conversation: text }, options)
  }

  /** Waits for a message with this text, or any; resolves at once if it is there. Each message is given out once. */
  hears(matcher?: Matcher): Promise<Heard> {
    return this.world.mail.next(this.phone, matcher)
  }

  /** Everything that arrived, once per sender and id, in order of arrival. */
  messages(): Heard[] {
    return this.world.mail.messages(this.phone)
  }

  /**
   * Resolves when somebody has confirmed message `id`: a companion of the account, or a contact. The phone that owns
   * the companions does not count, it would hide that they have not got it.
   */
  received(id: string, type: 'delivery' | 'read' | 'played' = 'delivery'): Promise<void> {
    return this.world.mail.confirmed(this.phone, id, type)
  }

  /** Shows `typing…` in a chat of the other side. */
  types(to: string, state: 'composing' | 'paused' | 'recording' = 'composing'): void {
    const node = state === 'recording' ? el('composing', { media: 'audio' }) : el(state)
    this.presences.typing(this.phone, to.includes('@') ? to : `${to}@s.whatsapp.net`, node)
  }

  /** Opens or closes the app: subscribers are told. */
  appears(state: 'available' | 'unavailable'): void {
    this.presences.set(this.phone, state)
  }

  /** The device in the person's hand has no network: what is sent to it waits, and nothing is confirmed. */
  goesOffline(): void {
    this.world.handset(this.phone).setOffline(true)
  }

  comesOnline(): void {
    this.world.handset(this.phone).setOffline(false)
  }

  protected get account(): Account {
    return this.world.accounts.require(this.phone)
  }
}

/** A virtual person with a Signal identity of their own. */
export class Contact extends Person {
  get behaviour(): Behaviour {
    return this.account.behaviour
  }

  /** Reads messages: their authors get read receipts. */
  reads(ids: readonly string[]): Promise<void> {
    return this.#confirm(ids, 'read')
  }

  /** Listens to voice messages. */
  plays(ids: readonly string[]): Promise<void> {
    return this.#confirm(ids, 'played')
  }

  /** A new phone, the same number: new identity keys, no old sessions, and everybody who wrote is told. */
  async reinstall(): Promise<void> {
    const { world, phone } = this
    await world.handset(phone).settled()
    world.post.commit(() => {
      for (const table of ['sessions', 'sender_keys', 'sender_keys_sent']) {
        world.store.run(`DELETE FROM ${table} WHERE owner = ?`, phone)
      }
      world.store.run('DELETE FROM pre_keys WHERE phone = ?', phone)
      const account = world.accounts.update(phone, { identity: newIdentity() })
      for (const who of world.devices.watchersOf(phone)) {
        if (!world.devices.get(who.phone, who.device)) continue
        const changed = world.notification('encrypt', toJid(account, 'lid'), [el('identity')])
        world.post.queue(who.phone, who.device, changed)
      }
    })
  }

  async #confirm(ids: readonly string[], type: 'read' | 'played'): Promise<void> {
    const { world, phone } = this
    const known = world.mail.messages(phone).filter(({ id, from }) => ids.includes(id) && from !== phone)
    for (const id of ids) {
      if (!known.some((heard) => heard.id === id)) throw new Error(`${phone} has not received a message ${id}.`)
    }
    world.post.commit(() => {
      for (const { id, from, chat, raw } of known) {
        const group = chat.endsWith('@g.us') ? world.groups.get(chat) : undefined
        const space: Space = group?.addressing ?? (/ from='[^']*@lid'/.test(raw) ? 'lid' : 'pn')
        const self = toJid(this.account, space)
        const names = group ? { from: chat, participant: self } : { from: self }
        world.confirm(from, phone, el('receipt', { ...names, id, type, t: nowSeconds() }), [id])
      }
    })
    world.mail.announceReceipts()
  }
}
