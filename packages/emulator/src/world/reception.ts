import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { failure, goodbye, type KickReason } from '../faults/goodbyes.ts'
import { refusalOf } from '../faults/refusals.ts'
import type { Opened } from '../noise/handshake.ts'
import type { Registry } from '../stanzas/registry.ts'
import type { Connection, ConnectionOwner } from '../stream/connection.ts'
import { el } from '../stream/nodes.ts'
import type { Alarm } from './clock.ts'
import { toJid } from './jids.ts'
import { LinkingError } from './linking-error.ts'
import { Login } from './login.ts'
import type { World } from './world.ts'

/** Somebody who has not logged in, in what people read. */
const NEW_CLIENT = 'new client'

/** Receives every socket: sends the unlinked ones to be linked, lets the linked ones log in, and passes stanzas on. */
export class Reception implements ConnectionOwner {
  readonly #world: World
  readonly #registry: Registry
  readonly #connections = new Set<Connection>()
  readonly #logins = new Map<Connection, Login>()
  /** Of those who have not shown yet who they are. */
  readonly #alarms = new Map<Connection, Alarm>()

  constructor(world: World, registry: Registry) {
    this.#world = world
    this.#registry = registry
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  arrived(connection: Connection): void {
    this.#connections.add(connection)
    this.#world.faults.settle(connection)
    const { clock, options } = this.#world
    const alarm = clock.after(options.handshakeTimeoutMs, () => {
      if (!connection.isOpen && !connection.isSilent) connection.drop()
    })
    this.#alarms.set(connection, alarm)
  }

  opened(connection: Connection, { clientKey, payload }: Opened): void {
    this.#forgetAlarm(connection)
    const client = proto.ClientPayload.decode(payload)
    const username = client.username ? String(client.username) : undefined
    if (username === undefined) {
      try {
        this.#registry.linking.begin(connection, clientKey, client)
      } catch (error) {
        if (!(error instanceof LinkingError)) throw error
        this.#world.warn(`a registration was refused: ${error.message}`)
        connection.end(el('failure', { reason: '400' }))
      }
      return
    }
    const refusal = this.#world.faults.takeLoginRefusal(username)
    const device = client.device ? this.#world.devices.get(username, client.device) : undefined
    // A client that asked for a code and came back without being linked logs in as device 0: there is no such companion.
    if (refusal || !device?.noiseKey.equals(clientKey)) {
      connection.end(failure(refusal ?? { reason: 401 }))
      return
    }
    this.#login(connection, username, device.device, client)
  }

  async received(connection: Connection, node: BinaryNode): Promise<void> {
    const login = this.#logins.get(connection)
    this.#world.wire.stanza('in', login?.address ?? NEW_CLIENT, node)
    if (login) await this.#registry.handle(login, node)
    else this.#registry.handleUnlinked(connection, node)
  }

  sending(connection: Connection, node: BinaryNode): void {
    this.#world.wire.stanza('out', this.#logins.get(connection)?.address ?? NEW_CLIENT, node)
  }

  refused(connection: Connection, node: BinaryNode, code: number, text: string | undefined): void {
    connection.send(refusalOf(node, code, text, this.#world.clock.seconds()))
  }

  kicked(connection: Connection, reason: KickReason, id: string | undefined): void {
    const lastWord = goodbye(reason, id)
    if (lastWord) connection.end(lastWord)
    else connection.drop()
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection)
    this.#forgetAlarm(connection)
    this.#registry.linking.closed(connection)
    const login = this.#logins.get(connection)
    this.#logins.delete(connection)
    if (!login) return
    if (this.#world.logins.get(login.address) === login) this.#world.logins.delete(login.address)
    this.#registry.left(login)
    if (login.isActive) {
      this.#world.events.tell({ type: 'disconnected', phone: login.phone, device: login.device })
    }
  }

  failed(connection: Connection, error: unknown): void {
    const who = this.#logins.get(connection)?.address ?? 'a new client'
    this.#world.warn(`the connection of ${who} was dropped: ${error instanceof Error ? error.stack : String(error)}`)
  }

  #forgetAlarm(connection: Connection): void {
    this.#alarms.get(connection)?.cancel()
    this.#alarms.delete(connection)
  }

  #login(connection: Connection, phone: string, device: number, client: proto.ClientPayload): void {
    const address = `${phone}:${device}`
    const { post, clock, wire } = this.#world
    const login = new Login({ phone, device }, connection, post, clock, wire)
    const older = this.#world.logins.get(address)
    older?.connection.end(el('stream:error', {}, [el('conflict', { type: 'replaced' })]))
    this.#world.logins.set(address, login)
    this.#logins.set(connection, login)
    connection.who = { phone, device }
    this.#world.faults.settle(connection)
    if (client.pushName) this.#world.accounts.update(phone, { name: client.pushName })
    const account = this.#world.accounts.require(phone)
    const attrs = {
      t: this.#world.clock.seconds(),
      lid: toJid(account, 'lid', device),
      display_name: account.name ?? phone,
    }
    login.send(
      el('success', { ...attrs, location: 'emu', creation: this.#world.clock.seconds(), props: 1, abprops: 1 }),
    )
    // Not passive: active from the start, such a client need not ask for its mail.
    if (client.passive === false) this.#registry.activate(login)
  }
}
