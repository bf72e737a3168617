import { EventEmitter, once } from 'node:events'
import { onTestFinished } from 'vitest'
import { createStore, WaClient } from 'zapo-js'
import type { Emulator, Phone } from '../../src/index.ts'

interface Incoming {
  readonly stanzaId?: string
  readonly message?: { conversation?: string | null; extendedTextMessage?: { text?: string | null } | null }
}

interface Receipt {
  readonly stanzaId?: string
  readonly chatJid?: string
}

/** What is used of it here. Its own declarations name files by aliases that only its build knows. */
interface ZapoClient {
  readonly group: { createGroup(subject: string, participants: readonly string[]): Promise<unknown> }
  connect(): Promise<void>
  disconnect(): Promise<void>
  sendMessage(to: string, text: string): Promise<{ id: string }>
  on(event: 'auth_qr', listener: (event: { qr: string }) => void): void
  on(event: 'message', listener: (event: Incoming) => void): void
  on(event: 'message_receipt', listener: (event: Receipt) => void): void
  on(event: 'client_error', listener: (event: { error: Error }) => void): void
  on(event: 'stanza_error' | 'stanza_unhandled', listener: (event: { rawNode: { tag: string } }) => void): void
}

/**
 * An application of zapo-js, which shares no code with Baileys and checks every certificate and signature. It ends with
 * the test.
 */
export class Zapo {
  readonly client: ZapoClient
  readonly messages: Incoming[] = []
  readonly receipts: Receipt[] = []
  /** Whatever it complained about. */
  readonly warnings: string[] = []
  readonly #bell = new EventEmitter()
  readonly #log: string[] = []
  qr: string | undefined

  constructor(emulator: Pick<Emulator, 'url' | 'rootPublicKey'>) {
    this.#bell.setMaxListeners(0)
    this.client = new WaClient(
      {
        store: memoryStore(),
        sessionId: 'default',
        chatSocketUrls: [emulator.url],
        history: { enabled: true },
        testHooks: { noiseRootCa: { publicKey: emulator.rootPublicKey, serial: 0 } },
      },
      this.#logger(),
    )
    onTestFinished(() => this.client.disconnect())
    this.client.on('auth_qr', ({ qr }) => this.#note(() => (this.qr = qr)))
    this.client.on('message', (message) => this.#note(() => this.messages.push(message)))
    this.client.on('message_receipt', (receipt) => this.#note(() => this.receipts.push(receipt)))
    this.client.on('client_error', ({ error }) => this.warnings.push(`client_error ${error.stack}`))
    this.client.on('stanza_error', ({ rawNode }) => this.warnings.push(`stanza_error ${JSON.stringify(rawNode)}`))
    this.client.on('stanza_unhandled', ({ rawNode }) => {
      // It has no use for the answers to its own receipts, which WhatsApp does send.
      if (rawNode.tag !== 'ack') this.warnings.push(`stanza_unhandled ${JSON.stringify(rawNode)}`)
    })
  }

  async until<T>(look: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined && found !== false) return found
      await once(this.#bell, 'change')
    }
  }

  /** Pairs, and waits until it has compared its keys with those that the server says it holds. */
  async link(phone: Phone): Promise<this> {
    await this.client.connect()
    await phone.scans(await this.until(() => this.qr))
    // It restarts by itself, without waiting to be told.
    await this.logged('signal digest validated')
    await phone.connected()
    return this
  }

  hears(text: string): Promise<Incoming> {
    return this.until(() => this.messages.find((message) => textOf(message) === text))
  }

  async says(to: string, text: string): Promise<string> {
    const { id } = await this.client.sendMessage(to.includes('@') ? to : `${to}@s.whatsapp.net`, text)
    return id
  }

  /** Waits for a line of its log, which is then forgotten with all before it: how it shook hands is told nowhere else. */
  async logged(text: string): Promise<void> {
    const index = () => this.#log.findIndex((line) => line.includes(text))
    await this.until(() => index() >= 0)
    this.#log.splice(0, index() + 1)
  }

  #note(change: () => unknown): void {
    change()
    this.#bell.emit('change')
  }

  #logger() {
    const print = (message: string, context?: object) => `${message} ${JSON.stringify(context)}`
    const note = (...line: Parameters<typeof print>) => this.#note(() => this.#log.push(print(...line)))
    const complain = (...line: Parameters<typeof print>) => {
      // It says so at each end of a connection.
      if (line[0] !== 'clearing pending node queries') this.warnings.push(print(...line))
      note(...line)
    }
    return { level: 'trace' as const, trace: note, debug: note, info: note, warn: complain, error: complain }
  }
}

function textOf({ message }: Incoming): string | undefined {
  return message?.conversation ?? message?.extendedTextMessage?.text ?? undefined
}

/** All in memory. Credentials have no such store in zapo-js itself. */
function memoryStore(): object {
  let saved: object | null = null
  const auth = {
    load: async () => saved,
    save: async (credentials: object) => {
      saved = credentials
    },
    clear: async () => {
      saved = null
    },
  }
  // Nothing but `auth` is asked of it, the rest has providers of its own.
  const backend = { stores: { auth: () => auth }, caches: {} }
  return createStore({ backends: { own: backend }, providers: { auth: 'own' } })
}
