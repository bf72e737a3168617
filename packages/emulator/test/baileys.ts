import { EventEmitter, once } from 'node:events'
import {
  type AuthenticationState,
  type BaileysEventMap,
  type BinaryNode,
  BufferJSON,
  type GroupMetadata,
  initAuthCreds,
  makeWASocket,
  proto,
  type SignalDataTypeMap,
  type UserFacingSocketConfig,
  type WAMessage,
  type WASocket,
} from '@whiskeysockets/baileys'
import { createEmulator, type Emulator, type EmulatorOptions, type Phone, trustEmulator } from '../src/index.ts'
import { strangersDialled } from './loopback.ts'

/** What is used of a Baileys: the one under test here, an older one, or a fork. */
export interface Library {
  readonly makeWASocket: typeof makeWASocket
  readonly initAuthCreds: typeof initAuthCreds
  readonly BufferJSON: typeof BufferJSON
}

const rc14: Library = { makeWASocket, initAuthCreds, BufferJSON }

/** What a plain Baileys application would be, with an in-memory auth: reconnects after 515, keeps what it was told. */
export class Client {
  readonly auth: AuthenticationState
  readonly messages: WAMessage[] = []
  readonly kinds: string[] = []
  readonly groups: GroupMetadata[] = []
  readonly updates: BaileysEventMap['messages.update'] = []
  readonly chats: BaileysEventMap['chats.update'] = []
  /** What its own phone told it of the past, part by part. */
  readonly history: BaileysEventMap['messaging-history.set'][] = []
  readonly warnings: string[] = []
  readonly closes: number[] = []
  /** Ids of messages that the server has acknowledged, and the errors of those it refused. */
  readonly acks = new Map<string, string | undefined>()
  /** Attributes of the receipts that came over the wire: a status may never show up as an update. */
  readonly receipts: Record<string, string>[] = []
  readonly #emulator: { url: string }
  readonly #config: Partial<UserFacingSocketConfig>
  readonly #library: Library
  readonly #bell = new EventEmitter()
  qr: string | undefined
  isOpen = false
  sock!: WASocket

  constructor(
    emulator: { url: string },
    config: Partial<UserFacingSocketConfig> = {},
    auth?: AuthenticationState,
    library = rc14,
  ) {
    this.#bell.setMaxListeners(0)
    this.#emulator = emulator
    this.#config = config
    this.#library = library
    this.auth = auth ?? memoryAuth(library)
  }

  connect(): this {
    const sock = this.#library.makeWASocket({
      auth: this.auth,
      waWebSocketUrl: this.#emulator.url,
      logger: this.#logger(),
      qrTimeout: 60_000,
      retryRequestDelayMs: 0,
      ...this.#config,
    })
    this.sock = sock
    this.isOpen = false
    this.qr = undefined
    sock.ev.on('creds.update', (update) => Object.assign(this.auth.creds, update))
    sock.ev.on('messages.upsert', ({ messages, type }) => {
      this.messages.push(...messages)
      this.kinds.push(...messages.map(() => type))
    })
    sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => {
      this.acks.set(attrs.id ?? '', attrs.error)
      this.#bell.emit('change')
    })
    sock.ws.on('CB:receipt', ({ attrs }: BinaryNode) => {
      this.receipts.push(attrs)
      this.#bell.emit('change')
    })
    sock.ev.on('groups.upsert', (groups) => this.groups.push(...groups))
    sock.ev.on('messages.update', (updates) => this.updates.push(...updates))
    sock.ev.on('messaging-history.set', (part) => this.history.push(part))
    sock.ev.on('chats.update', (updates) => this.chats.push(...updates))
    sock.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
      if (qr) this.qr = qr
      if (connection === 'open') this.isOpen = true
      if (connection === 'close') {
        this.isOpen = false
        this.closes.push(statusCode(lastDisconnect?.error))
        if (this.closes.at(-1) === 515) this.connect()
      }
    })
    for (const name of EVENTS) sock.ev.on(name, () => setImmediate(() => this.#bell.emit('change')))
    return this
  }

  /** Resolves with the first value that `look` finds, now or after any event. */
  async until<T>(look: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined && found !== false) return found
      await once(this.#bell, 'change')
    }
  }

  /** Collects an event from now on; what it was given comes flat. */
  collects<T extends keyof BaileysEventMap>(name: T): Flat<BaileysEventMap[T]>[] {
    const seen: Flat<BaileysEventMap[T]>[] = []
    // Baileys gives an event one value or a list of them, as its map says; `flat` takes both.
    this.sock.ev.on(name, (value) => seen.push(...([value].flat() as Flat<BaileysEventMap[T]>[])))
    return seen
  }

  async link(phone: Phone): Promise<this> {
    this.connect()
    await phone.scans(await this.until(() => this.qr))
    await this.synced()
    return this
  }

  /** Until its first history is in, Baileys holds events back, for 20 s if the connection ends in the middle of that. */
  async synced(): Promise<void> {
    await this.opened()
    await this.until(() => this.auth.creds.accountSyncCounter > 0)
  }

  async opened(): Promise<void> {
    await this.until(() => this.isOpen)
  }

  async closed(): Promise<number> {
    return this.until(() => (this.isOpen ? undefined : this.closes.at(-1)))
  }

  /** Waits for an incoming message with this text. */
  hears(text: string): Promise<WAMessage> {
    return this.until(() => this.messages.find((message) => textOf(message) === text && !message.key.fromMe))
  }

  async says(to: string, text: string, messageId?: string): Promise<string> {
    const jid = to.includes('@') ? to : `${to}@s.whatsapp.net`
    const sent = await this.sock.sendMessage(jid, { text }, messageId === undefined ? {} : { messageId })
    return sent?.key.id ?? ''
  }

  async acked(id: string): Promise<string | undefined> {
    await this.until(() => this.acks.has(id))
    return this.acks.get(id)
  }

  /** Notifications of one type, from here on, as they come off the wire. */
  notices(type: string): BinaryNode[] {
    const all: BinaryNode[] = []
    this.sock.ws.on(`CB:notification,type:${type}`, (node: BinaryNode) => {
      all.push(node)
      this.#bell.emit('change')
    })
    return all
  }

  async end(): Promise<void> {
    await this.sock.end(undefined)
  }

  #logger() {
    const note = (level: string) => (fields: unknown, text?: string) => {
      const line = `${level} ${text ?? ''} ${JSON.stringify(fields, errorsAsText)}`
      if (!line.includes('stream errored out')) this.warnings.push(line)
    }
    const quiet = () => undefined
    const logger = {
      level: 'silent',
      trace: quiet,
      debug: quiet,
      info: quiet,
      warn: note('warn'),
      error: note('error'),
    }
    return { ...logger, child: () => ({ ...logger, child: () => logger }) } as never // Baileys asks for its ILogger, which this is
  }
}

type Flat<T> = T extends readonly (infer Item)[] ? Item : T

const EVENTS = [
  'connection.update',
  'creds.update',
  'messages.upsert',
  'messages.update',
  'presence.update',
  'groups.upsert',
  'groups.update',
  'group-participants.update',
  'group.join-request',
  'group.member-tag.update',
  'messaging-history.set',
  'message-receipt.update',
  'chats.update',
  'contacts.update',
] as const

export function textOf(message: WAMessage): string | undefined {
  return message.message?.conversation ?? message.message?.extendedTextMessage?.text ?? undefined
}

/** Baileys' own auth store in memory, with everything serialised in between as a real store would. */
export function memoryAuth({ initAuthCreds, BufferJSON }: Library = rc14): AuthenticationState {
  const rows = new Map<string, string>()
  return {
    creds: initAuthCreds(),
    keys: {
      get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found: { [id: string]: SignalDataTypeMap[T] } = {}
        for (const id of ids) {
          const row = rows.get(`${type} ${id}`)
          if (row === undefined) continue
          const value = JSON.parse(row, BufferJSON.reviver)
          // Protobuf writes its bytes as base64 before BufferJSON sees them, as in Baileys' own stores.
          found[id] = type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value
        }
        return found
      },
      set: async (data) => {
        for (const [type, entries] of Object.entries(data)) {
          for (const [id, value] of Object.entries(entries ?? {})) {
            if (value) rows.set(`${type} ${id}`, JSON.stringify(value, BufferJSON.replacer))
            else rows.delete(`${type} ${id}`)
          }
        }
      },
    },
  }
}

function statusCode(error: unknown): number {
  // Baileys' errors are Booms.
  return (error as { output?: { statusCode?: number } } | undefined)?.output?.statusCode ?? 0
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.message}\n${value.stack}` : value
}

/**
 * A network and its clients, which end with the test. The happy path is checked for everybody: the test fails when the
 * emulator saw an unknown stanza or warned, when a client warned of more than a line that was cut, and when somebody
 * dialled anything but loopback.
 */
export async function withEmulator(
  work: (
    emulator: Emulator,
    client: (config?: Partial<UserFacingSocketConfig>, library?: Library) => Client,
  ) => Promise<void>,
  { mayComplain = false, ...options }: EmulatorOptions & { mayComplain?: boolean } = {},
): Promise<void> {
  const warnings: string[] = []
  const trace = process.env.TRACE ? { trace: (line: string) => console.log(line) } : {}
  // Making 812 one-time keys is most of what linking costs; tests that are about keys set it to 0.
  const usual = { strict: true, pretendPreKeys: 100, log: (line: string) => warnings.push(line) }
  const emulator = await createEmulator({ ...usual, ...trace, ...options })
  trustEmulator(emulator.rootPublicKey)
  const clients: Client[] = []
  try {
    await work(emulator, (config, library) => {
      const client = new Client(emulator, config, undefined, library)
      clients.push(client)
      return client
    })
    emulator.assertQuiet()
    if (warnings.length > 0) throw new Error(`the emulator warned: ${warnings.join('\n')}`)
    const complaints = mayComplain
      ? []
      : clients.flatMap(({ warnings }) => warnings.filter((line) => !OF_A_CUT_LINE.test(line)))
    if (complaints.length > 0) throw new Error(`a client warned: ${complaints.join('\n')}`)
    const strangers = strangersDialled()
    if (strangers.length > 0) throw new Error(`somebody dialled ${strangers.join(', ')}`)
  } finally {
    for (const client of clients) await client.end()
    await emulator.close().catch((error: unknown) => warnings.push(String(error)))
  }
}

/** What a client says that was about to answer when its connection ended. */
const OF_A_CUT_LINE = /"(Connection Closed|write EPIPE)\\n/

/** The same for tests that give a client a reason to complain. */
export function withTrouble(work: Parameters<typeof withEmulator>[0], options: EmulatorOptions = {}): Promise<void> {
  return withEmulator(work, { ...options, mayComplain: true })
}

// Baileys' libsignal, in this process too, prints whole sessions whenever it replaces one.
for (const method of ['info', 'warn', 'error'] as const) {
  const print = console[method]
  console[method] = (...args: unknown[]) => {
    if (!/session|decrypt/i.test(String(args[0]))) print(...args)
  }
}
