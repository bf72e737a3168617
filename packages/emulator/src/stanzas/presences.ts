import type { BinaryNode } from '@whiskeysockets/baileys'
import { children, el } from '../stream/nodes.ts'
import { parseJid, type Space, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

export type Availability = 'available' | 'unavailable'

/** Who is online and who is typing. Lives in memory and in open connections only, as it does at WhatsApp. */
export class Presences {
  readonly #world: World
  /** Who is told about an account: login to the name it asked for. */
  readonly #subscribers = new Map<string, Map<Login, Space>>()
  readonly #contacts = new Map<string, Availability>()
  readonly #lastSeen = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  subject(): Subject {
    return {
      stanzas: {
        presence: (login, node) => this.#presence(login, node),
        chatstate: (login, node) => {
          const [state] = children(node)
          if (state) this.typing(login.phone, node.attrs.to ?? '', state)
        },
      },
    }
  }

  /** A virtual person opens or closes the app. */
  set(phone: string, availability: Availability): void {
    this.#contacts.set(phone, availability)
    this.#publish(phone)
  }

  /** Shows `state`, such as `<composing/>`, to the other side of a chat, if it is online. */
  typing(phone: string, chat: string, state: BinaryNode): void {
    const address = parseJid(chat)
    const account = this.#world.accounts.require(phone)
    const space: Space = address?.kind === 'lid' ? 'lid' : 'pn'
    if (address?.kind === 'group') {
      const group = this.#world.groups.get(chat)
      for (const member of this.#world.groups.members(chat).keys()) {
        if (member === phone) continue
        const participant = toJid(account, group?.addressing ?? 'pn')
        for (const login of this.#world.loginsOf(member))
          login.send(el('chatstate', { from: chat, participant }, [state]))
      }
      return
    }
    const partner = this.#world.accounts.byJid(chat)
    if (!partner) return
    for (const login of this.#world.loginsOf(partner.phone)) {
      login.send(el('chatstate', { from: toJid(account, space) }, [state]))
    }
  }

  left(login: Login): void {
    for (const subscribers of this.#subscribers.values()) subscribers.delete(login)
    if (!login.isAvailable) return
    this.#lastSeen.set(login.phone, this.#world.clock.seconds())
    this.#publish(login.phone)
  }

  #presence(login: Login, node: BinaryNode): void {
    const { type, name, to } = node.attrs
    if (name) this.#world.accounts.update(login.phone, { name })
    if (type === 'subscribe') this.#subscribe(login, to ?? '')
    else if (type === 'unsubscribe') this.#subscribers.get(this.#world.accounts.byJid(to)?.phone ?? '')?.delete(login)
    // Baileys also sends one without attributes whenever its creds change; that one says nothing.
    else if (type === 'available' || type === 'unavailable') this.#appear(login, type)
  }

  #appear(login: Login, availability: Availability): void {
    login.isAvailable = availability === 'available'
    if (!login.isAvailable) this.#lastSeen.set(login.phone, this.#world.clock.seconds())
    this.#publish(login.phone)
  }

  #subscribe(login: Login, to: string): void {
    const account = this.#world.accounts.byJid(to)
    if (!account) return
    const space: Space = parseJid(to)?.kind === 'lid' ? 'lid' : 'pn'
    const subscribers = this.#subscribers.get(account.phone) ?? new Map<Login, Space>()
    this.#subscribers.set(account.phone, subscribers.set(login, space))
    login.send(this.#state(account.phone, space))
  }

  #publish(phone: string): void {
    for (const [login, space] of this.#subscribers.get(phone) ?? []) login.send(this.#state(phone, space))
  }

  #state(phone: string, space: Space): BinaryNode {
    const isAvailable =
      this.#contacts.get(phone) === 'available' || this.#world.loginsOf(phone).some((login) => login.isAvailable)
    const from = toJid(this.#world.accounts.require(phone), space)
    if (isAvailable) return el('presence', { from, type: 'available' })
    return el('presence', { from, type: 'unavailable', last: this.#lastSeen.get(phone) ?? 'deny' })
  }
}
