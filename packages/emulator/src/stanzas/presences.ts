import type { BinaryNode } from '@whiskeysockets/baileys'
import { children, el } from '../stream/nodes.ts'
import type { Alarm } from '../world/clock.ts'
import { parseJid, type Space, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import { type ChatState, Sightings } from '../world/sightings.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

export type Availability = 'available' | 'unavailable'

/** Somebody whose companion wants to know when an account comes and goes. */
interface Watch {
  /** The name under which the account was asked for. */
  readonly space: Space
  /** What it was told last; the same twice is told once. */
  told: string
  /** The end of a watch whose companion is not connected. */
  expiry?: Alarm
}

/**
 * Who is online and who is typing. Lives in memory, as it does at WhatsApp; only when somebody was last seen is kept, and
 * who of the virtual people has the app open. A
 * companion that is away for a moment finds its watches and the last chat states as it left them, for `chatStateTtlMs`.
 */
export class Presences {
  readonly #world: World
  readonly sightings: Sightings
  /** By the watched account, then by the address of the companion that watches. */
  readonly #watches = new Map<string, Map<string, Watch>>()
  /** Chat states for companions that are away: by companion, then by chat and author; the latest one only. */
  readonly #waiting = new Map<string, Map<string, BinaryNode>>()
  /** Virtual people who are typing, by author and chat. */
  readonly #typing = new Map<string, Alarm>()

  constructor(world: World) {
    this.#world = world
    this.sightings = new Sightings(world.options.patienceMs)
  }

  subject(): Subject {
    return {
      stanzas: {
        presence: (login, node) => this.#presence(login, node),
        chatstate: (login, node) => {
          const [state] = children(node)
          if (state) this.#show(login.phone, node.attrs.to ?? '', state)
        },
      },
    }
  }

  /** A virtual person opens or closes the app. */
  set(phone: string, availability: Availability): void {
    const { accounts } = this.#world
    const { isAppOpen: _old, ...settings } = accounts.require(phone).settings
    accounts.update(phone, { settings: availability === 'available' ? { ...settings, isAppOpen: true } : settings })
    this.#world.events.tell({ type: 'presence', phone, state: availability })
    if (availability === 'unavailable') this.#noteLastSeen(phone)
    this.#publish(phone)
  }

  /** A virtual person types, or stops. Who does not stop is taken to have stopped after `chatStateTtlMs`. */
  typing(phone: string, chat: string, state: ChatState): void {
    const key = `${phone} ${chat}`
    this.#typing.get(key)?.cancel()
    this.#typing.delete(key)
    this.#show(phone, chat, state === 'recording' ? el('composing', { media: 'audio' }) : el(state))
    if (state === 'paused') return
    const stop = () => this.typing(phone, chat, 'paused')
    this.#typing.set(key, this.#world.clock.after(this.#world.options.chatStateTtlMs, stop))
  }

  /** Whether `viewer` can see that somebody is online. */
  isSeenBy(viewer: string, phone: string): boolean {
    return this.#isAvailable(phone) && this.#world.circle.allows(phone, 'online', viewer)
  }

  /** A companion has its mail: what it missed is told. */
  arrived(login: Login): void {
    for (const [phone, watchers] of this.#watches) {
      const watch = watchers.get(login.address)
      if (!watch) continue
      watch.expiry?.cancel()
      delete watch.expiry
      this.#tell(login, phone, watch)
    }
    const waiting = this.#waiting.get(login.address)
    this.#waiting.delete(login.address)
    for (const node of waiting?.values() ?? []) login.send(node)
  }

  left(login: Login): void {
    if (this.#world.isClosed) return // the file may be closed by now
    // Otherwise a younger connection of the same companion has taken its place, and its watches.
    if (!this.#world.logins.has(login.address)) this.#letExpire(login.address)
    if (!login.isAvailable) return
    this.#noteLastSeen(login.phone)
    this.#publish(login.phone)
  }

  #letExpire(address: string): void {
    for (const watchers of this.#watches.values()) {
      const watch = watchers.get(address)
      if (!watch) continue
      watch.expiry = this.#world.clock.after(this.#world.options.chatStateTtlMs, () => watchers.delete(address))
    }
  }

  #presence(login: Login, node: BinaryNode): void {
    const { type, name, to } = node.attrs
    if (name) this.#world.accounts.update(login.phone, { name })
    if (type === 'subscribe') this.#subscribe(login, to ?? '', node)
    else if (type === 'unsubscribe')
      this.#watches.get(this.#world.accounts.byJid(to)?.phone ?? '')?.delete(login.address)
    // Baileys also sends one without attributes whenever its creds change; that one says nothing.
    else if (type === 'available' || type === 'unavailable') this.#appear(login, type)
  }

  #appear(login: Login, availability: Availability): void {
    login.isAvailable = availability === 'available'
    this.#world.events.tell({ type: 'presence', phone: login.phone, state: availability })
    if (!login.isAvailable) this.#noteLastSeen(login.phone)
    this.#publish(login.phone)
  }

  /** Who is blocked, or has no token of a guarded account, hears nothing at all. */
  #subscribe(login: Login, to: string, node: BinaryNode): void {
    const { accounts, circle, tokens } = this.#world
    const account = accounts.byJid(to)
    if (!account || circle.isBlocked(account.phone, login.phone)) return
    if (!tokens.admits(accounts.require(login.phone), account, node)) return
    const watchers = this.#watches.get(account.phone) ?? new Map<string, Watch>()
    const watch: Watch = { space: parseJid(to)?.kind === 'lid' ? 'lid' : 'pn', told: '' }
    watchers.get(login.address)?.expiry?.cancel()
    this.#watches.set(account.phone, watchers.set(login.address, watch))
    this.#tell(login, account.phone, watch)
  }

  #publish(phone: string): void {
    this.sightings.looked()
    for (const [address, watch] of this.#watches.get(phone) ?? []) {
      const login = this.#world.logins.get(address)
      if (login && !this.#world.circle.isBlocked(phone, login.phone)) this.#tell(login, phone, watch)
    }
  }

  #tell(login: Login, phone: string, watch: Watch): void {
    const node = this.#stateFor(login.phone, phone, watch.space)
    const state = `${node.attrs.type} ${node.attrs.last}`
    if (state === watch.told) return
    watch.told = state
    login.send(node)
  }

  #stateFor(viewer: string, phone: string, space: Space): BinaryNode {
    const { accounts, circle } = this.#world
    const account = accounts.require(phone)
    const from = toJid(account, space)
    if (this.isSeenBy(viewer, phone)) return el('presence', { from, type: 'available' })
    const { lastSeen } = account.settings
    const last = circle.allows(phone, 'last', viewer) ? (lastSeen ?? 'deny') : 'deny'
    return el('presence', { from, type: 'unavailable', last })
  }

  #isAvailable(phone: string): boolean {
    if (this.#world.accounts.get(phone)?.settings.isAppOpen) return true
    return this.#world.loginsOf(phone).some((login) => login.isAvailable)
  }

  #noteLastSeen(phone: string): void {
    const { accounts, clock } = this.#world
    const { settings } = accounts.require(phone)
    accounts.update(phone, { settings: { ...settings, lastSeen: clock.seconds() } })
  }

  /** Shows `state`, such as `<composing/>`, to the other side of a chat. */
  #show(author: string, chat: string, state: BinaryNode): void {
    const { accounts, circle, groups } = this.#world
    const account = accounts.require(author)
    const name = accounts.byJid(chat)?.phone ?? chat
    this.#world.events.tell({ type: 'typing', phone: author, chat: name, state: stateOf(state) })
    const group = groups.get(chat)
    if (group) {
      const participant = toJid(account, group.addressing)
      for (const member of groups.members(chat).keys()) {
        if (member !== author) this.#bring(member, author, el('chatstate', { from: chat, participant }, [state]))
      }
      return
    }
    const partner = accounts.byJid(chat)
    if (!partner || circle.isBlocked(partner.phone, author) || circle.isBlocked(author, partner.phone)) return
    const from = toJid(account, parseJid(chat)?.kind === 'lid' ? 'lid' : 'pn')
    this.#bring(partner.phone, author, el('chatstate', { from }, [state]))
  }

  #bring(viewer: string, author: string, node: BinaryNode): void {
    const [state] = children(node)
    if (state) this.sightings.note(viewer, author, stateOf(state))
    for (const { device } of this.#world.devices.of(viewer)) {
      const address = `${viewer}:${device}`
      const login = this.#world.logins.get(address)
      const key = `${node.attrs.from} ${node.attrs.participant}`
      if (login?.isActive) login.send(node)
      // Who stops while nobody looks has never begun.
      else if (state?.tag === 'paused') this.#waiting.get(address)?.delete(key)
      else this.#keep(address, key, node)
    }
  }

  #keep(address: string, key: string, node: BinaryNode): void {
    const waiting = this.#waiting.get(address) ?? new Map<string, BinaryNode>()
    this.#waiting.set(address, waiting.set(key, node))
    this.#world.clock.after(this.#world.options.chatStateTtlMs, () => {
      if (waiting.get(key) !== node) return // a later one took its place
      waiting.delete(key)
      if (waiting.size === 0 && this.#waiting.get(address) === waiting) this.#waiting.delete(address)
    })
  }
}

function stateOf({ tag, attrs }: BinaryNode): ChatState {
  if (attrs.media === 'audio') return 'recording'
  return tag === 'composing' ? 'composing' : 'paused'
}
