import type { Backoff } from './backoff.ts'
import type { Limits } from './limits.ts'
import type { Gap } from './pacer.ts'
import type { Lookups } from './stores/keyv.ts'
import type { Store } from './stores/store.ts'
import type { BaileysOptions } from './whatsapp/socket.ts'

/** Where core reports what nobody awaits: a listener that threw, a stanza it could not read. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** `enforce` refuses a server that cannot prove to be WhatsApp, `log` only says so, `off` does not look. */
export type CertificateMode = 'enforce' | 'log' | 'off'

export interface SessionManagerOptions {
  /** The folder that everything is kept in; one process at a time. Default `./data`. */
  data?: string
  /**
   * A PostgreSQL database (15 or newer) instead of the SQLite file in `data`: `postgres://user:password@host/name`. One
   * process at a time. Needs the package `pg`.
   */
  database?: string
  /** A store of your own instead of both. The manager closes it. */
  store?: Store
  /** Where look-ups that can be made again are kept. Default: `lookups.db` in `data`, memory when there is a `store`. */
  lookups?: Lookups
  /** The pause between two messages of one session. Default 1,500–3,000 ms, at random: a person is not a metronome. */
  pacing?: Gap
  /** How much one account may send before messages wait. Default: no limit. */
  limits?: Limits
  /** Whether the recipient sees somebody type before a message comes. Each message can say otherwise. Default false. */
  typing?: boolean
  /** How long `send` waits for WhatsApp's server before it says `queued`. Default 8,000 ms. */
  sendWaitMs?: number
  /**
   * A message that waits for longer than this, with nothing that was asked for holding it up, is told with
   * `message_stalled`. Default 10 min. Looked at every minute.
   */
  stalledAfterMs?: number
  /** How long events stay in the journal, for whoever reads it later; those not told yet stay longer. Default 30 days. */
  keepEventsMs?: number
  /**
   * How long it can be asked what became of a message or a batch, and a phone can ask for a message again. Default 30
   * days, at least one.
   */
  keepSentMs?: number
  /** How often a session whose store failed tries again. Default 30,000 ms. */
  storeRetryMs?: number
  /**
   * How long a connection that was lost waits for the next one, at random: up to `firstMs`, twice as long with every loss
   * in a row, up to `longestMs`. Default 1 s to 60 s.
   */
  backoff?: Backoff
  /**
   * How many connections are begun in a second, over restarts too. Default 5: an outage that ends must not look like an
   * attack. A thousand sessions are back after 200 s.
   */
  connectsPerSecond?: number
  /** How many sessions dial at the same time, after a start or when a network comes back. Default 12: a thousand time out. */
  connectAtOnce?: number
  /** Default `enforce`. It holds for the whole process, for the sockets that core opens. */
  certificates?: CertificateMode
  /** Default: warnings and errors to the console. */
  logger?: Logger
  /** Baileys' own settings, for experts: an agent, a browser name, another server. */
  baileys?: BaileysOptions
}

export const DEFAULT_DATA = './data'
export const DEFAULT_PACING: Gap = { minMs: 1_500, maxMs: 3_000 }
/** Less than the 20 s that a webhook is given: a bot that sends from its handler must not be called twice. */
export const DEFAULT_SEND_WAIT_MS = 8_000
/** A queue of one account moves every few seconds: whoever waits this long should be looked after. */
export const DEFAULT_STALLED_AFTER_MS = 10 * 60_000
export const DEFAULT_KEEP_EVENTS_MS = 30 * 24 * 60 * 60_000
export const DEFAULT_KEEP_SENT_MS = 30 * 24 * 60 * 60_000
/** Each try is a connection to WhatsApp once the store can be read again, and a full disk stays full for a while. */
export const DEFAULT_STORE_RETRY_MS = 30_000
export const DEFAULT_CONNECT_AT_ONCE = 12
export const DEFAULT_CONNECTS_PER_SECOND = 5
/** What was accepted and not sent by then is dropped: a taxi announced a day late helps nobody. */
export const SEND_DEADLINE_MS = 24 * 60 * 60_000
/** For so long a request that comes again under its idempotency key is answered as the first time. */
export const KEEP_IDEMPOTENCY_KEYS_MS = 24 * 60 * 60_000
/** A connection lost for longer than this takes no new messages. */
export const RECONNECT_GRACE_MS = 60_000

export const consoleLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (facts, message) => console.warn(`wamux: ${message}`, facts),
  error: (facts, message) => console.error(`wamux: ${message}`, facts),
}
