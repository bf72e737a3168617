import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@wamux/client'
import { type EventName, type Logger, type SessionApi, SessionManager, type SessionManagerOptions } from '@wamux/core'
import type { Emulator } from '@wamux/emulator'
import { createServer, type ServerOptions } from '@wamux/server'
import { pino } from 'pino'
import { Inbox } from './inbox.ts'
import { newDatabase } from './postgres.ts'

/** What a story can set, whichever door it goes through. */
export interface DoorOptions {
  pacing?: { minMs: number; maxMs: number }
  typing?: boolean
  sendWaitMs?: number
  stalledAfterMs?: number
  limits?: SessionManagerOptions['limits']
  /** Handed to Baileys besides the emulator's. */
  baileys?: SessionManagerOptions['baileys']
}

export interface Told {
  event: EventName
  /** Which session it was about. */
  session: string
  data: Record<string, unknown>
}

/** One way into the product: the SDK, or the server and its client. Stories see no difference. */
export interface Door {
  readonly name: 'sdk' | 'http'
  /** Makes a session; it begins to link. */
  create(id: string): Promise<SessionApi>
  session(id: string): SessionApi
  /** What was told so far, and what will be: through listeners here, through a webhook there. */
  readonly told: Inbox<Told>
  remove(id: string): Promise<void>
  /** Ends the process's part and begins it again on the same data. */
  reopen(): Promise<void>
  /** Resolves when it is not being reopened. */
  isOpen(): Promise<void>
  /** What was logged as an error; empty when all is well. */
  readonly errors: readonly string[]
  close(): Promise<void>
}

export type OpenDoor = (emulator: Emulator, options?: DoorOptions) => Promise<Door>

/** Fast, but still a gap. */
const PACING = { minMs: 1, maxMs: 5 }
const JOURNALLED = new Set([
  'message',
  'message_sent',
  'message_ack',
  'message_failed',
  'message_stalled',
  'message_undecryptable',
  'message_edited',
  'message_deleted',
  'message_reaction',
  'poll_vote',
  'ready',
  'caught_up',
  'account_restricted',
  'logged_out',
])

class ErrorLog implements Logger {
  readonly errors: string[] = []
  debug() {}
  info() {}
  warn() {}
  error(facts: object, message: string) {
    const { error } = facts as { error?: unknown }
    this.errors.push(`${message}: ${error instanceof Error ? error.stack : JSON.stringify(facts)}`)
  }
}

export const openSdk: OpenDoor = async (emulator, options = {}) => {
  const data = mkdtempSync(join(tmpdir(), 'wamux-story-'))
  const database = await newDatabase()
  const log = new ErrorLog()
  const told = new Inbox<Told>()
  const open = async () => {
    const manager = new SessionManager({
      data,
      ...(database && { database: database.url }),
      pacing: options.pacing ?? PACING,
      ...(options.typing !== undefined && { typing: options.typing }),
      ...(options.sendWaitMs !== undefined && { sendWaitMs: options.sendWaitMs }),
      ...(options.stalledAfterMs !== undefined && { stalledAfterMs: options.stalledAfterMs }),
      ...(options.limits && { limits: options.limits }),
      baileys: { ...options.baileys, ...emulator.socketConfig },
      logger: log,
    })
    manager.on('event', ({ event, sessionId, data }) => {
      // The webhook of the other door is told only of what is journalled.
      if (JOURNALLED.has(event)) told.put({ event, session: sessionId, data: { ...data } })
    })
    await manager.start()
    return manager
  }
  let manager = await open()
  let reopening = Promise.resolve()
  return {
    name: 'sdk',
    isOpen: () => reopening,
    told,
    errors: log.errors,
    create: (id) => manager.create({ id }),
    session: (id) => manager.session(id),
    remove: (id) => manager.remove(id),
    reopen: () => {
      reopening = manager.stop().then(async () => {
        manager = await open()
      })
      return reopening
    },
    close: async () => {
      await manager.stop()
      await database?.drop()
      rmSync(data, { recursive: true })
    },
  }
}

export const openHttp: OpenDoor = async (emulator, options = {}) => {
  const data = mkdtempSync(join(tmpdir(), 'wamux-story-'))
  const database = await newDatabase()
  const log = new ErrorLog()
  const told = new Inbox<Told>()
  const receiver = await receive((body) => told.put({ event: body.event, session: body.instanceId, data: body.data }))
  const settings: ServerOptions = {
    data,
    ...(database && { databaseUrl: database.url }),
    port: 0,
    adminPassword: 'correct horse battery staple',
    pacingMinMs: (options.pacing ?? PACING).minMs,
    pacingMaxMs: (options.pacing ?? PACING).maxMs,
    ...(options.sendWaitMs !== undefined && { sendWaitMs: options.sendWaitMs }),
    ...(options.stalledAfterMs !== undefined && { stalledAfterMs: options.stalledAfterMs }),
    ...options.limits,
    ...(options.typing !== undefined && { typing: options.typing }),
    baileys: { ...options.baileys, ...emulator.socketConfig },
    allowLoopback: true,
    logger: pino({ level: 'error' }, { write: (line) => void log.errors.push(line) }),
  }
  const open = async () => {
    const server = await createServer(settings)
    const client = createClient({ url: server.url })
    await client.login({ username: 'admin', password: 'correct horse battery staple' })
    return { server, client }
  }
  let { server, client } = await open()
  // Clients go on where they were.
  settings.port = server.port
  let reopening = Promise.resolve()
  return {
    name: 'http',
    isOpen: () => reopening,
    told,
    errors: log.errors,
    create: async (id) => {
      await client.sessions.create({ id })
      await client.session(id).setWebhook({ url: receiver.url })
      return client.session(id)
    },
    session: (id) => client.session(id),
    remove: (id) => client.sessions.remove(id),
    reopen: () => {
      reopening = server.close().then(async () => {
        const next = await open()
        server = next.server
        client = next.client
      })
      return reopening
    },
    close: async () => {
      await server.close()
      await receiver.close()
      await database?.drop()
      rmSync(data, { recursive: true })
    },
  }
}

interface Delivered {
  event: EventName
  instanceId: string
  data: Record<string, unknown>
}

/** A real receiver of webhooks. */
async function receive(take: (body: Delivered) => void): Promise<{ url: string; close(): Promise<void> }> {
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      take(JSON.parse(Buffer.concat(parts).toString()) as Delivered)
      response.end('{}')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo // a TCP server's address
  return {
    url: `http://127.0.0.1:${port}/webhook`,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections()
        server.close(() => closed())
      }),
  }
}
