import { isIP } from 'node:net'
import { type EventEnvelope, SessionManager } from '@wamux/core'
import { type Logger, pino } from 'pino'
import { createApp, createInstanceApp } from './app.ts'
import { Access } from './auth/access.ts'
import { Admin } from './auth/admin.ts'
import { type Config, ConfigError, settings } from './config.ts'
import { InstancePorts } from './instance-ports.ts'
import { type Listener, listen, type Upgrade } from './listener.ts'
import type { Services } from './services.ts'
import { EventSockets } from './stream/sockets.ts'
import { version } from './version.ts'
import { AddressPolicy, LOOPBACK } from './webhooks/addresses.ts'
import { type Clock, systemClock } from './webhooks/clock.ts'
import { Dispatcher } from './webhooks/dispatcher.ts'
import { OutboundGuard } from './webhooks/guard.ts'

const LONGEST_GRACE_MS = 12_000

type ManagerOptions = NonNullable<ConstructorParameters<typeof SessionManager>[0]>

/** Everything is optional; what is left out is as in the settings. */
export interface ServerOptions extends Partial<Omit<Config, 'sandbox' | 'emulatorPort' | 'logLevel'>> {
  /** A manager that is started and stopped by the caller; without it the server has its own, in `data`. */
  manager?: SessionManager
  /** Handed to Baileys; the emulator's `socketConfig` goes here. */
  baileys?: ManagerOptions['baileys']
  /** How long a connection that was lost waits for the next one. Default: up to 1 s at first, up to 60 s at last. */
  backoff?: ManagerOptions['backoff']
  /** How often a session whose store failed tries again, and webhooks. Default 30,000 ms, and 5,000 ms. */
  storeRetryMs?: number
  /** Opens loopback for webhooks, as the sandbox does. */
  allowLoopback?: boolean
  logger?: Logger
  /** For tests: turns the time of webhooks, tokens and throttles by hand. */
  clock?: Clock
}

export interface Server {
  /** `http://127.0.0.1:3000`, with the port that was really opened. */
  readonly url: string
  readonly port: number
  readonly manager: SessionManager
  /** For `POST /api/auth/setup`, good for 15 minutes; undefined once there is an administrator. */
  readonly setupToken: string | undefined
  /** Stops accepting, finishes what runs, and lets go of the data. Twice is fine. */
  close(): Promise<void>
}

/**
 * Starts the server: the sessions, the API, the ports of instances, the webhooks.
 * @throws ConfigError when the host is public and nobody could log in, PORT_IN_USE, STORE_FAILED
 */
export async function createServer(options: ServerOptions = {}): Promise<Server> {
  const { host = settings.host.fallback, port = settings.port.fallback, clock = systemClock } = options
  const { instanceHost = settings.instanceHost.fallback, jwtTtlMs = settings.jwtTtlMs.fallback } = options
  const logger = options.logger ?? pino({ level: 'silent' })
  await OutboundGuard.selfTest()
  const guard = new OutboundGuard([...(options.outboundAllow ?? []), ...(options.allowLoopback ? LOOPBACK : [])])

  const cleanups: (() => Promise<void>)[] = [() => guard.close()]
  const undo = async () => {
    while (cleanups.length > 0) await cleanups.pop()?.()
  }
  try {
    const manager = options.manager ?? new SessionManager(managerOptions(options, logger))
    if (!options.manager) {
      await manager.start()
      cleanups.push(() => manager.stop())
    }
    const { store } = manager
    const now = () => clock.now()
    const { adminUsername: username, adminPassword: password } = options
    const admin = await Admin.open(store, { username, password, ttlMs: jwtTtlMs, now })
    if (admin.needsSetup && !isLoopback(host)) {
      throw new ConfigError(
        `${settings.host.env} is ${host}, which others can reach, and there is no administrator: set ` +
          `${settings.adminPassword.env}, or start once on 127.0.0.1 and use the set-up token.`,
      )
    }
    const webhooks = new Dispatcher({
      store,
      post: (...of) => guard.post(...of),
      clock,
      logger,
      version,
      ...(options.storeRetryMs !== undefined && { storeRetryMs: options.storeRetryMs }),
      journalled: (session) =>
        manager
          .sessions()
          .find(({ id }) => id === session)
          ?.ring(),
    })
    cleanups.push(() => stopWebhooks(webhooks, guard))
    const ports = new InstancePorts(
      { store, logger },
      { host: instanceHost, app: (id) => createInstanceApp(services, id, !isLoopback(instanceHost)) },
    )
    cleanups.push(() => ports.stop())
    const access = new Access(store, admin)
    const over = new AbortController()
    const stopping = over.signal
    const services: Services = {
      manager,
      store,
      admin,
      access,
      ports,
      webhooks,
      guard,
      logger,
      version,
      clock,
      now,
      stopping,
    }

    const sockets = new EventSockets(services)
    const upgrade: Upgrade = (...of) => void sockets.upgrade(...of)
    const listener: Listener = await listen(createApp(services), { port, host, upgrade })
    // A send that waits for WhatsApp is answered before its connection is cut.
    const { sendWaitMs = settings.sendWaitMs.fallback } = options
    cleanups.push(async () => {
      over.abort()
      await sockets.close()
      await listener.close(Math.min(sendWaitMs + 1_000, LONGEST_GRACE_MS))
    })
    await ports.start()
    const ring = ({ sessionId, seq }: EventEnvelope) => {
      if (seq !== null) webhooks.ring(sessionId)
    }
    manager.on('event', ring)
    cleanups.push(async () => {
      manager.off('event', ring)
    })
    await webhooks.start()
    const setupToken = admin.needsSetup ? admin.makeSetupToken() : undefined
    let closing: Promise<void> | undefined
    return {
      url: listener.url,
      port: listener.port,
      manager,
      setupToken,
      close: () => {
        closing ??= undo()
        return closing
      },
    }
  } catch (error) {
    await undo()
    throw error
  }
}

function managerOptions(options: ServerOptions, logger: Services['logger']): ManagerOptions {
  const { data = settings.data.fallback, databaseUrl, keepEventsMs, sendWaitMs, stalledAfterMs } = options
  const { certificates, baileys, typing, connectsPerSecond, storeRetryMs, backoff } = options
  const { keepSentMs, newChatsPerDay = 0, messagesPerChatPerHour = 0 } = options
  const { pacingMinMs = settings.pacingMinMs.fallback, pacingMaxMs = settings.pacingMaxMs.fallback } = options
  return {
    data,
    ...(keepEventsMs !== undefined && { keepEventsMs }),
    ...(databaseUrl !== undefined && { database: databaseUrl }),
    pacing: { minMs: pacingMinMs, maxMs: pacingMaxMs },
    limits: {
      ...(newChatsPerDay > 0 && { newChatsPerDay }),
      ...(messagesPerChatPerHour > 0 && { messagesPerChatPerHour }),
    },
    ...(keepSentMs !== undefined && { keepSentMs }),
    ...(typing !== undefined && { typing }),
    ...(connectsPerSecond !== undefined && { connectsPerSecond }),
    ...(sendWaitMs !== undefined && { sendWaitMs }),
    ...(stalledAfterMs !== undefined && { stalledAfterMs }),
    ...(certificates !== undefined && { certificates }),
    ...(baileys !== undefined && { baileys }),
    ...(backoff !== undefined && { backoff }),
    ...(storeRetryMs !== undefined && { storeRetryMs }),
    logger,
  }
}

/** Attempts get a moment to end; then they are cut off and the next process makes them again. */
async function stopWebhooks(webhooks: Dispatcher, guard: OutboundGuard): Promise<void> {
  const cut = setTimeout(() => void guard.close(), 2_000)
  await webhooks.stop()
  clearTimeout(cut)
}

const LOOPBACK_POLICY = new AddressPolicy(LOOPBACK)

/** Whether only this machine can reach `host`. A name counts only when it is the one that always means it. */
const isLoopback = (host: string) => host === 'localhost' || (isIP(host) !== 0 && LOOPBACK_POLICY.isOpened(host))
