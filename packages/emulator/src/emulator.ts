import { STATUS_CODES } from 'node:http'
import { WebSocketServer } from 'ws'
import type { Contact, ContactOptions, Emulator, Phone, TlsEndpoint } from './api.ts'
import type { Group, GroupOptions } from './api-group.ts'
import { controlHandler } from './control/handler.ts'
import { DIRECTIONS, type Faults } from './faults.ts'
import { Listener, type Visitors } from './listener.ts'
import { MediaHosts } from './media/hosts.ts'
import { MediaServer } from './media/server.ts'
import { type EmulatorOptions, type Settled, withDefaults } from './options.ts'
import { Registry } from './stanzas/registry.ts'
import { Store } from './state/database.ts'
import { Connection } from './stream/connection.ts'
import { loadTlsIdentity, type TlsIdentity } from './tls/identity.ts'
import type { UnknownStanza } from './unknown.ts'
import type { Clock } from './world/clock.ts'
import type { Events } from './world/events.ts'
import { makeGroup, VirtualGroup } from './world/group.ts'
import { toPhone } from './world/jids.ts'
import { VirtualContact } from './world/people.ts'
import { VirtualPhone } from './world/phone.ts'
import { Reception } from './world/reception.ts'
import type { WaitOptions } from './world/waiting.ts'
import { World } from './world/world.ts'

/** No message of a client is longer than the longest frame. */
const MAX_PAYLOAD = 16 * 1024 * 1024 + 16

/** Starts a network. Rejects when a port is taken or the file cannot be opened. */
export async function createEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const settled = withDefaults(options)
  const store = new Store(settled.file, (error) => settled.log(`the state could not be written: ${String(error)}`))
  try {
    const emulator = new RunningEmulator(settled, store)
    await emulator.open()
    return emulator
  } catch (error) {
    store.close()
    throw error
  }
}

class RunningEmulator implements Emulator {
  readonly #world: World
  readonly #registry: Registry
  readonly #reception: Reception
  readonly #sockets: WebSocketServer
  readonly #mediaServer: MediaServer
  readonly media: MediaHosts
  readonly #listener: Listener
  /** A second one, for those who want TLS on a port that is known to have it. */
  readonly #tlsListener: Listener | undefined
  #identity: TlsIdentity | undefined
  #closing: Promise<void> | undefined

  constructor(options: Settled, store: Store) {
    this.#world = new World(options, store, () => this.#reception.connections)
    this.#registry = new Registry(this.#world)
    this.#reception = new Reception(this.#world, this.#registry)
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: MAX_PAYLOAD,
    })
    this.#mediaServer = new MediaServer(this.#world)
    this.media = new MediaHosts(this.#world)
    const listen = () => new Listener(this.#visitors(), () => this.#tlsIdentity)
    this.#listener = listen()
    if (options.tlsPort !== undefined) this.#tlsListener = listen()
  }

  /** Listens, and lets the phones read what they had not read. Rejects, and lets go of its ports, when one is taken. */
  async open(): Promise<void> {
    const { options } = this.#world
    try {
      options.port = await this.#listener.open(options.port, options.host)
      options.tlsPort = await this.#tlsListener?.open(options.tlsPort ?? 0, options.host)
    } catch (error) {
      await this.#closePorts()
      this.#world.wire.close()
      throw error
    }
    // Whoever listens everywhere is still reached here.
    const isAnywhere = options.host === '0.0.0.0' || options.host === '::'
    this.#world.media.host = isAnywhere ? `127.0.0.1:${options.port}` : this.#hostAndPort(options.port)
    this.#world.wakeAll()
  }

  get url(): string {
    return `ws://${this.#hostAndPort(this.#world.options.port)}/ws/chat`
  }

  get controlUrl(): string {
    return `http://${this.#hostAndPort(this.#world.options.port)}`
  }

  get tls(): TlsEndpoint {
    const { port, tlsPort } = this.#world.options
    const place = this.#hostAndPort(tlsPort ?? port)
    return { url: `wss://${place}/ws/chat`, controlUrl: `https://${place}`, ca: this.#tlsIdentity.ca }
  }

  get rootPublicKey(): Buffer {
    return Buffer.from(this.#world.keys.root.public)
  }

  get socketConfig(): { waWebSocketUrl: string } {
    return { waWebSocketUrl: this.url }
  }

  get clock(): Clock {
    return this.#world.clock
  }

  get faults(): Faults {
    return this.#world.faults
  }

  get events(): Events {
    return this.#world.events
  }

  get unknownStanzas(): readonly UnknownStanza[] {
    return this.#world.unknown.all
  }

  phone(phone: string, options: { name?: string } = {}): Phone {
    const { phone: number } = this.#world.accounts.ensure(toPhone(phone), 'phone', options)
    return new VirtualPhone(this.#world, this.#registry.presences, this.#registry.linking, number)
  }

  contact(phone: string, options: ContactOptions = {}): Contact {
    const { readsAfterMs, replies, script, lidMigrated = true, ...rest } = options
    const { accounts } = this.#world
    // A pattern that is none shall be an error here, and not when somebody writes.
    for (const { pattern } of replies ?? []) new RegExp(pattern)
    const isNew = accounts.get(toPhone(phone)) === undefined
    const { phone: number, settings } = accounts.ensure(toPhone(phone), 'contact', rest)
    const change = {
      ...(readsAfterMs !== undefined && { readsAfterMs }),
      ...(replies && { replies: [...replies] }),
      ...(isNew && !lidMigrated && { lid: 'hidden' as const }),
    }
    if (Object.keys(change).length > 0) accounts.update(number, { settings: { ...settings, ...change } })
    if (script) this.#world.handset(number).manners.follow(script)
    // Who was absent may have come back.
    if (rest.behaviour) this.#world.handset(number).wake()
    return new VirtualContact(this.#world, this.#registry.presences, number)
  }

  group(options: GroupOptions): Group {
    return makeGroup(this.#world, options)
  }

  get groups(): readonly Group[] {
    return this.#world.groups.all().map(({ id }) => new VirtualGroup(this.#world, id))
  }

  findsGroup(isIt: (group: Group) => boolean, options?: WaitOptions): Promise<Group> {
    const seen = () => this.groups.map(({ subject }) => subject).join(', ') || 'none'
    return this.#world.groups.until(
      () => this.groups.find(isIt),
      () => `a certain group is not there; there are: ${seen()}`,
      options,
    )
  }

  assertQuiet(): void {
    this.#world.unknown.assertQuiet()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#world.isClosed = true
    this.#world.clock.stop()
    for (const connection of this.#reception.connections) connection.drop()
    await this.#closePorts()
    await Promise.all([...this.#reception.connections].map((connection) => connection.settled()))
    await this.#mediaServer.settled()
    await this.#world.settled()
    this.#world.wire.close()
    this.#world.store.close()
    this.#world.unknown.settle()
  }

  async #closePorts(): Promise<void> {
    await Promise.all([this.#listener.close(), this.#tlsListener?.close()])
  }

  /** Made when somebody asks for it: most networks are never reached with TLS. */
  get #tlsIdentity(): TlsIdentity {
    this.#identity ??= loadTlsIdentity(this.#world.store, this.#world.options.host)
    return this.#identity
  }

  #hostAndPort(port: number): string {
    const { host } = this.#world.options
    return `${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  #visitors(): Visitors {
    const control = controlHandler({ emulator: this, world: this.#world, linking: this.#registry.linking })
    return {
      request: (request, response) => {
        if (this.#mediaServer.isFor(request)) this.#mediaServer.handle(request, response)
        else void control(request, response)
      },
      upgrade: (request, socket, head) => {
        if (!this.#world.faults.isNetworkUp || this.#world.isClosed || !request.url?.startsWith('/ws')) {
          socket.destroy()
          return
        }
        const answer = this.#world.faults.takeAnswer()
        if (answer === 'unanswered') return
        if (answer === 'refused') {
          socket.destroy()
          return
        }
        if (typeof answer === 'number') {
          socket.end(
            `HTTP/1.1 ${answer} ${STATUS_CODES[answer] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
          )
          return
        }
        this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
          const { options, faults, store } = this.#world
          const { host = this.#hostAndPort(options.port) } = request.headers
          const connection = new Connection(webSocket, {
            line: socket,
            host,
            turn: store.turn,
            credentials: () => faults.credentials(),
            owner: this.#reception,
            interference: faults,
            firstFrameDelayMs: options.firstFrameDelayMs,
          })
          this.#reception.arrived(connection)
          if (answer === 'mute') for (const direction of DIRECTIONS) connection.silence(direction, 'swallowed')
        })
      },
    }
  }
}
