import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Connection } from '../stream/connection.ts'
import { children, el, SERVER } from '../stream/nodes.ts'
import { Linking } from '../world/linking.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import { appState } from './app-state.ts'
import { groups } from './groups.ts'
import { IqError } from './iq-error.ts'
import { keys } from './keys.ts'
import { media } from './media.ts'
import { messages } from './messages.ts'
import { mex } from './mex.ts'
import { pairing } from './pairing.ts'
import { pictures } from './pictures.ts'
import { Presences } from './presences.ts'
import { privacy } from './privacy.ts'
import { profile } from './profile.ts'
import { receipts } from './receipts.ts'
import { activate, session } from './session.ts'
import { usync } from './usync.ts'

/** Handles a query; what it returns becomes the content of the result. */
export type IqHandler = (login: Login, iq: BinaryNode) => BinaryNode[] | Promise<BinaryNode[]>
export type StanzaHandler = (login: Login, node: BinaryNode) => void | Promise<void>

/** What one file knows: queries by `xmlns type child` (or `xmlns type`), other stanzas by tag. */
export interface Subject {
  readonly iqs?: Readonly<Record<string, IqHandler>>
  readonly stanzas?: Readonly<Record<string, StanzaHandler>>
}

export { IqError }

/** Finds the handler for a stanza. What nobody handles is reported, and answered as a real server would. */
export class Registry {
  readonly linking: Linking
  readonly presences: Presences
  readonly #world: World
  readonly #iqs = new Map<string, IqHandler>()
  readonly #stanzas = new Map<string, StanzaHandler>()

  constructor(world: World) {
    this.#world = world
    this.linking = new Linking(world)
    this.presences = new Presences(world)
    const subjects: Subject[] = [
      session(world, this.presences),
      keys(world),
      usync(world),
      messages(world),
      receipts(world),
      this.presences.subject(),
      groups(world),
      appState(world),
      profile(world),
      privacy(world),
      pictures(world),
      media(world),
      pairing(world),
      mex(world),
    ]
    for (const { iqs = {}, stanzas = {} } of subjects) {
      for (const [key, handler] of Object.entries(iqs)) this.#iqs.set(key, handler)
      for (const [tag, handler] of Object.entries(stanzas)) this.#stanzas.set(tag, handler)
    }
  }

  async handle(login: Login, node: BinaryNode): Promise<void> {
    if (node.tag === 'iq') return this.#handleIq(login, node)
    const handler = this.#stanzas.get(node.tag)
    if (handler) await handler(login, node)
    else this.#world.unknown.report(login.address, node)
  }

  /** Before it is linked, a client can do little but be linked. */
  handleUnlinked(connection: Connection, node: BinaryNode): void {
    if (node.tag !== 'iq') return // presence, ib and acks come early and mean nothing yet
    const { type, xmlns, id } = node.attrs
    const [content] = children(node)
    const reply = (result: BinaryNode[]) => connection.send(el('iq', { from: SERVER, type: 'result', id }, result))
    if (type === 'error') this.linking.refuse(connection)
    else if (content?.tag === 'pair-device-sign') this.linking.finish(connection, node)
    else if (type === 'result') return
    else if (xmlns === 'w:p') reply([])
    else if (content?.attrs.stage === 'companion_hello') reply(this.linking.requestCode(connection, node))
    else if (content?.attrs.stage === 'companion_finish') {
      reply([])
      this.linking.finishCode(connection, node)
    } else this.#world.unknown.report('new client', node)
  }

  activate(login: Login): void {
    activate(this.#world, this.presences, login)
  }

  left(login: Login): void {
    this.presences.left(login)
  }

  async #handleIq(login: Login, iq: BinaryNode): Promise<void> {
    const { type, xmlns, id } = iq.attrs
    if (type === 'result' || type === 'error') return
    const from = iq.attrs.to ?? SERVER
    const key = `${xmlns} ${type}`
    // The order of children differs from client to client; the first one that means something says what is asked.
    const named = children(iq).find(({ tag }) => this.#iqs.has(`${key} ${tag}`))
    const handler = this.#iqs.get(`${key} ${named?.tag}`) ?? this.#iqs.get(key)
    if (!handler) {
      this.#world.unknown.report(login.address, iq)
      login.send(errorNode(id, from, 501, 'feature-not-implemented'))
      return
    }
    try {
      login.send(el('iq', { from, type: 'result', id }, await handler(login, iq)))
    } catch (error) {
      if (!(error instanceof IqError)) throw error
      login.send(errorNode(id, from, error.code, error.text))
    }
  }
}

function errorNode(id: string | undefined, from: string, code: number, text: string): BinaryNode {
  return el('iq', { from, type: 'error', id }, [el('error', { code, text })])
}
