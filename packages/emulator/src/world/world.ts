import type { BinaryNode } from '@whiskeysockets/baileys'
import { FaultState } from '../faults/state.ts'
import { MediaLibrary } from '../media/library.ts'
import type { Settled } from '../options.ts'
import { isSignedBy, signKeyIndexes } from '../signal/adv.ts'
import { StanzaLog } from '../stanza-log.ts'
import type { Store } from '../state/database.ts'
import { loadRandom, type Random } from '../state/random.ts'
import { loadServerKeys, type ServerKeys } from '../state/server-keys.ts'
import type { Connection } from '../stream/connection.ts'
import { el, SERVER } from '../stream/nodes.ts'
import { UnknownStanzas } from '../unknown.ts'
import { type Account, Accounts } from './accounts.ts'
import { AppState } from './app-state.ts'
import { type Bundle, Bundles } from './bundles.ts'
import { Circle } from './circle.ts'
import { NetworkClock } from './clock.ts'
import { type Device, Devices } from './devices.ts'
import { EventLog } from './events.ts'
import { Groups } from './groups.ts'
import { Handset } from './handset.ts'
import { toJid } from './jids.ts'
import { resumeReading } from './late-reading.ts'
import type { Login } from './login.ts'
import { Mailbox } from './mailbox.ts'
import { PastMessages } from './past.ts'
import { Pictures } from './pictures.ts'
import { type Pending, Post } from './post.ts'
import { setTimelock } from './timelock.ts'
import { Tokens } from './tokens.ts'
import { Told } from './told.ts'
import { Waiters, type WaitOptions } from './waiting.ts'

/** Fewer one-time keys than this, and the server asks a companion for more. */
const LOW_KEYS = 5

/** All there is in this WhatsApp, and the few things that concern more than one of its parts. */
export class World {
  readonly options: Settled
  readonly store: Store
  readonly random: Random
  readonly keys: ServerKeys
  readonly clock: NetworkClock
  readonly accounts: Accounts
  readonly devices: Devices
  readonly bundles: Bundles
  readonly post: Post
  readonly mail: Mailbox
  readonly told: Told
  readonly past: PastMessages
  readonly groups: Groups
  readonly appState: AppState
  readonly circle: Circle
  readonly tokens: Tokens
  readonly media: MediaLibrary
  readonly pictures: Pictures
  readonly faults: FaultState
  readonly unknown: UnknownStanzas
  readonly events: EventLog
  readonly wire: StanzaLog
  /** Logged-in companions by `phone:device`. */
  readonly logins = new Map<string, Login>()
  isClosed = false
  readonly #handsets = new Map<string, Handset>()
  readonly #keyIndexes = new Map<string, { key: string; list: Buffer }>()
  readonly #loginWaiters: Waiters<{ readonly phone: string; readonly resolve: () => void }>

  constructor(options: Settled, store: Store, connections: () => Iterable<Connection>) {
    this.options = options
    this.store = store
    this.random = loadRandom(store, options.seed)
    this.keys = loadServerKeys(store, this.random)
    this.clock = new NetworkClock(store, options.clock, (error) => this.warn(`something due failed: ${String(error)}`))
    this.accounts = new Accounts(store, this.random)
    this.devices = new Devices(store)
    this.bundles = new Bundles(store, this.accounts, this.devices, this.random)
    this.post = new Post(store, (phone, device, fresh) => this.#ring(phone, device, fresh))
    this.#loginWaiters = new Waiters(options.patienceMs)
    this.events = new EventLog(this.clock, this.post, options.patienceMs)
    this.mail = new Mailbox(store, this.clock, this.events, options.patienceMs)
    this.told = new Told(store)
    this.past = new PastMessages(store)
    this.groups = new Groups(store, this.clock, this.random, options.patienceMs)
    this.circle = new Circle(this.accounts, this.mail)
    this.tokens = new Tokens(store, this.accounts, this.clock, this.random)
    this.media = new MediaLibrary(store, this.keys.noise.private, this.clock, this.random)
    this.pictures = new Pictures(store, this.media, this.clock)
    this.faults = new FaultState({
      clock: this.clock,
      random: this.random,
      keys: this.keys,
      patienceMs: options.patienceMs,
      connections,
      drainPreKeys: (phone, device, left) => this.#drainPreKeys(phone, device, left),
      timelock: (phone, lock) => setTimelock(this, phone, lock),
    })
    this.wire = new StanzaLog({ ...options, warn: options.log }, this.clock)
    this.unknown = new UnknownStanzas(options.strict, (line) => this.warn(line))
    this.appState = new AppState(this)
  }

  handset(phone: string): Handset {
    let handset = this.#handsets.get(phone)
    if (!handset) {
      handset = new Handset(this, phone)
      this.#handsets.set(phone, handset)
    }
    return handset
  }

  /** After a restart: the phones read what they had not read, and people what they wanted to read later. */
  wakeAll(): void {
    resumeReading(this)
    for (const phone of this.post.handsetsWithMail()) this.handset(phone).wake()
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#handsets.values()].map((handset) => handset.settled()))
  }

  warn(line: string): void {
    this.options.log(line)
    this.events.tell({ type: 'warning', line })
  }

  newId(): string {
    return this.random.bytes(8, 'id').toString('hex')
  }

  loginsOf(phone: string): Login[] {
    return this.devices.of(phone).flatMap(({ device }) => this.logins.get(`${phone}:${device}`) ?? [])
  }

  /** Whether an account has this device, now. */
  exists(phone: string, device: number): boolean {
    return device === 0 ? this.accounts.get(phone) !== undefined : this.devices.get(phone, device) !== undefined
  }

  /** Inside a commit: queues for a companion; a device 0 needs only what a phone would act on, which is not this. */
  queueTo(phone: string, device: number, node: BinaryNode): void {
    if (device !== 0) this.post.queue(phone, device, node)
  }

  /** Inside a commit: the same stanza for each companion of an account, except one. */
  queueToAll(phone: string, node: BinaryNode, except?: number): void {
    for (const { device } of this.devices.of(phone)) if (device !== except) this.post.queue(phone, device, node)
  }

  /** Inside a commit: a receipt for messages that `author` wrote. */
  confirm(author: string, reader: string, receipt: BinaryNode, ids: readonly string[]): void {
    this.mail.confirm(author, ids, reader, receipt.attrs.type ?? 'delivery')
    this.queueToAll(author, receipt)
  }

  /** Takes a key bundle; the owner is told when its stock gets low. */
  takeBundle(phone: string, device: number): Bundle | undefined {
    return this.post.commit(() => {
      const bundle = this.bundles.take(phone, device)
      // Told once, when the stock sinks below the mark: a notification per key taken would pile up offline.
      if (device !== 0 && bundle?.oneTimeKey && this.bundles.count(phone, device) === LOW_KEYS - 1) {
        this.#askForKeys(phone, device, LOW_KEYS - 1)
      }
      return bundle
    })
  }

  notification(type: string, from: string, content: BinaryNode[], more: Record<string, string | undefined> = {}) {
    return el('notification', { from, type, id: this.newId(), t: this.clock.seconds(), ...more }, content)
  }

  /** The signed list of an account's companions; signing is slow, so it is made once per set of devices. */
  keyIndexes(account: Account): Buffer {
    const devices = this.devices.of(account.phone)
    const key = [account.identity.rawId, ...devices.map(({ device }) => device)].join()
    const cached = this.#keyIndexes.get(account.phone)
    if (cached?.key === key) return cached.list
    const list = signKeyIndexes(account, devices, this.clock.seconds())
    this.#keyIndexes.set(account.phone, { key, list })
    return list
  }

  /** Inside a commit: tells those who know this account's devices that one came or went, once for each of its names. */
  announceDevice(account: Account, change: 'add' | 'remove', device: Device): void {
    const listeners = new Map(this.devices.watchersOf(account.phone).map((who) => [`${who.phone}:${who.device}`, who]))
    for (const own of this.devices.of(account.phone)) listeners.set(`${own.phone}:${own.device}`, own)
    listeners.delete(`${device.phone}:${device.device}`)
    const list = el('key-index-list', { ts: this.clock.seconds() }, this.keyIndexes(account))
    for (const space of ['pn', 'lid'] as const) {
      const entry = el('device', { jid: toJid(account, space, device.device), 'key-index': device.keyIndex })
      const content = el(change, { device_hash: this.#deviceHash(account) }, [entry, list])
      for (const who of listeners.values()) {
        if (!this.devices.get(who.phone, who.device)) continue
        this.post.queue(who.phone, who.device, this.notification('devices', toJid(account, space), [content]))
      }
    }
  }

  /** A companion logged in and wants its mail. */
  announceLogin({ phone, device }: Login): void {
    this.events.tell({ type: 'connected', phone, device })
    for (const waiter of this.#loginWaiters.now()) if (waiter.phone === phone) waiter.resolve()
  }

  /** Resolves when a companion of the account is logged in and takes its mail. */
  async connected(phone: string, options?: WaitOptions): Promise<void> {
    if (this.loginsOf(phone).some(({ isActive }) => isActive)) return
    const make = (resolve: () => void) => ({ phone, resolve })
    await this.#loginWaiters.wait<void>(make, () => `no companion of ${phone} logged in`, options)
  }

  isValidPreKey(identityKey: Buffer, value: Buffer, signature: Buffer): boolean {
    return isSignedBy(identityKey, Buffer.concat([Buffer.from([5]), value]), signature)
  }

  /** Inside a commit. */
  #askForKeys(phone: string, device: number, left: number): void {
    const count = el('count', { value: left })
    this.post.queue(phone, device, this.notification('encrypt', SERVER, [count]))
  }

  #drainPreKeys(phone: string, only: number | undefined, left: number): void {
    this.post.commit(() => {
      for (const { device } of this.devices.of(phone)) {
        if (only !== undefined && only !== device) continue
        this.bundles.drain(phone, device, left)
        this.#askForKeys(phone, device, Math.min(left, this.bundles.count(phone, device)))
      }
    })
  }

  #deviceHash(account: Account): string {
    const numbers = this.devices.numbersOf(account.phone).join()
    return `2:${Buffer.from(numbers).toString('base64url')}`
  }

  #ring(phone: string, device: number, fresh: readonly Pending[]): void {
    if (this.isClosed) return
    if (device === 0) this.handset(phone).wake()
    else this.logins.get(`${phone}:${device}`)?.fetch(fresh)
  }
}
