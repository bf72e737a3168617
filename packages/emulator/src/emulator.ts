import { createServer, type Server } from 'node:http'
import { WebSocketServer } from 'ws'
import type { Contact, Emulator, Group, GroupOptions, Phone } from './api.ts'
import { controlHandler } from './control.ts'
import type { FaultActions, Faults } from './faults.ts'
import { type EmulatorOptions, withDefaults } from './options.ts'
import { announceGroup } from './stanzas/groups.ts'
import { Registry } from './stanzas/registry.ts'
import { Store } from './state/database.ts'
import { Connection } from './stream/connection.ts'
import { el } from './stream/nodes.ts'
import type { UnknownStanza } from './unknown.ts'
import type { Behaviour } from './world/accounts.ts'
import { VirtualGroup } from './world/group.ts'
import { toPhone } from './world/jids.ts'
import { VirtualContact } from './world/people.ts'
import { VirtualPhone } from './world/phone.ts'
import { Reception } from './world/reception.ts'
import { World } from './world/world.ts'

/** Starts a network. Rejects when the port is taken or the file cannot be opened. */
export async function createEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const settled = withDefaults(options)
  const server = createServer()
  await listen(server, settled.port, settled.host)
  const address = server.address()
  // A server that listens on TCP has an address with a port.
  settled.port = typeof address === 'object' && address ? address.port : settled.port
  try {
    return new RunningEmulator(settled, server)
  } catch (error) {
    server.close()
    throw error
  }
}

class RunningEmulator implements Emulator {
  readonly url: string
  readonly controlUrl: string
  readonly #world: World
  readonly #registry: Registry
  readonly #reception: Reception
  readonly #server: Server
  readonly #sockets: WebSocketServer
  #closing: Promise<void> | undefined

  constructor(options: ReturnType<typeof withDefaults>, server: Server) {
    const host = options.host.includes(':') ? `[${options.host}]` : options.host
    this.url = `ws://${host}:${options.port}/ws/chat`
    this.controlUrl = `http://${host}:${options.port}`
    this.#server = server
    this.#world = new World(options, new Store(options.file), this.#faultActions())
    this.#registry = new Registry(this.#world)
    this.#reception = new Reception(this.#world, this.#registry)
    this.#sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    this.#serve()
    this.#world.wakeAll()
  }

  get rootPublicKey(): Buffer {
    return Buffer.from(this.#world.keys.root.public)
  }

  get socketConfig(): { waWebSocketUrl: string } {
    return { waWebSocketUrl: this.url }
  }

  get faults(): Faults {
    return this.#world.faults
  }

  get unknownStanzas(): readonly UnknownStanza[] {
    return this.#world.unknown.all
  }

  phone(phone: string, options: { name?: string } = {}): Phone {
    const { phone: number } = this.#world.accounts.ensure(toPhone(phone), 'phone', options)
    return new VirtualPhone(this.#world, this.#registry.presences, this.#registry.linking, number)
  }

  contact(phone: string, options: { name?: string; behaviour?: Behaviour } = {}): Contact {
    const { phone: number } = this.#world.accounts.ensure(toPhone(phone), 'contact', options)
    return new VirtualContact(this.#world, this.#registry.presences, number)
  }

  group(options: GroupOptions): Group {
    const phones = options.members.map((member) => (typeof member === 'string' ? toPhone(member) : member.phone))
    for (const phone of phones) this.#world.accounts.require(phone)
    const [creator] = phones
    if (creator === undefined) throw new TypeError('A group has at least one member.')
    const { subject, addressing = 'lid' } = options
    const info = this.#world.post.commit(() => {
      const made = this.#world.groups.create({ subject, creator, members: phones, addressing })
      announceGroup(this.#world, made, creator, phones, { type: 'new' })
      return made
    })
    return new VirtualGroup(this.#world, info.id)
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
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of this.#reception.connections) connection.drop()
    this.#server.closeAllConnections()
    await closed
    await Promise.all([...this.#reception.connections].map((connection) => connection.settled()))
    await this.#world.settled()
    this.#world.store.close()
    this.#world.unknown.settle()
  }

  #serve(): void {
    const control = controlHandler(this, this.#world, this.#registry.linking)
    this.#server.on('request', (request, response) => void control(request, response))
    this.#server.on('upgrade', (request, socket, head) => {
      if (!this.#world.faults.isNetworkUp || this.#world.isClosed || !request.url?.startsWith('/ws')) {
        socket.destroy()
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const { keys, options } = this.#world
        this.#reception.arrived(new Connection(webSocket, keys, this.#reception, options.firstFrameDelayMs))
      })
    })
  }

  #faultActions(): FaultActions {
    return {
      kick: (phone, reason) => {
        for (const { connection } of this.#world.loginsOf(phone)) {
          if (reason === 'drop') connection.drop()
          else connection.end(goodbye(reason))
        }
      },
      cutAll: () => {
        for (const connection of this.#reception.connections) connection.drop()
      },
      mute: (on) => {
        for (const connection of this.#reception.connections) connection.isMuted = on
      },
    }
  }
}

function goodbye(reason: string) {
  if (reason === 'xmlstreamend') return el('xmlstreamend')
  if (/^\d+$/.test(reason)) return el('stream:error', { code: reason })
  const code = reason === 'device_removed' ? '401' : undefined
  return el('stream:error', { code }, [el('conflict', { type: reason })])
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
