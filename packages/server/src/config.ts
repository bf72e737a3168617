import { readFileSync } from 'node:fs'
import { AddressPolicy } from './webhooks/addresses.ts'

/** Settings: flag, then environment, then file, then default. A bad value is refused with the name it was given by. */
export interface Config {
  port: number
  host: string
  data: string
  databaseUrl: string | undefined
  sandbox: boolean
  emulatorPort: number
  adminUsername: string
  adminPassword: string | undefined
  jwtTtlMs: number
  pacingMinMs: number
  pacingMaxMs: number
  typing: boolean
  connectsPerSecond: number
  sendWaitMs: number
  stalledAfterMs: number
  keepEventsMs: number
  keepSentMs: number
  newChatsPerDay: number
  messagesPerChatPerHour: number
  outboundAllow: string[]
  instanceHost: string
  certificates: 'enforce' | 'log' | 'off'
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

interface Setting<T> {
  flag: string | undefined
  env: string
  fallback: T
  /** Throws a TypeError that completes the sentence "WAMUX_PORT …". */
  read: (text: string) => T
  help: string
}

/** A setting that cannot be used: the message names it as it was given. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const text = (value: string) => {
  if (value === '') throw new TypeError('must not be empty')
  return value
}

const whole = (min: number, max: number) => (value: string) => {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw new TypeError(`must be a whole number from ${min} to ${max}`)
  }
  return number
}

const oneOf =
  <const T extends string>(...values: readonly T[]) =>
  (value: string): T => {
    const found = values.find((one) => one === value)
    if (found === undefined) throw new TypeError(`must be ${values.join(' or ')}`)
    return found
  }

const yesOrNo = (value: string) => {
  const isYes = /^(1|true|yes|on)$/i.test(value)
  if (!isYes && !/^(0|false|no|off)$/i.test(value)) throw new TypeError('must be true or false')
  return isYes
}

const UNITS: Record<string, number> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const duration = (value: string) => {
  const [, number, unit = ''] = /^(\d{1,9})([smhd]?)$/.exec(value) ?? []
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN)
  if (!(ms >= 60_000 && ms <= 30 * 86_400_000))
    throw new TypeError('must be seconds or like 15m, 1h, 1d; from 1m to 30d')
  return ms
}

const ranges = (value: string) => {
  const list = value.split(',').map((entry) => entry.trim())
  const given = list.filter((entry) => entry !== '')
  new AddressPolicy(given)
  return given
}

const database = (value: string): string | undefined => {
  // Its text has a password in it: the complaint must not repeat it.
  if (/^postgres(ql)?:\/\/[^/]/.test(value) && URL.canParse(value)) return value
  throw new TypeError('must be postgres://user:password@host/name, or left out for the SQLite file in the data folder')
}

const setting = <T>(flag: string | undefined, env: string, fallback: T, read: (text: string) => T, help: string) =>
  ({ flag, env, fallback, read, help }) satisfies Setting<T>

const port = whole(0, 65_535)
const ms = whole(0, 600_000)

export const settings: { [K in keyof Config]: Setting<Config[K]> } = {
  port: setting('port', 'WAMUX_PORT', 3000, port, 'Port of the API'),
  host: setting('host', 'WAMUX_HOST', '127.0.0.1', text, 'Address of the API; a public one needs an admin credential'),
  data: setting('data', 'WAMUX_DATA', './data', text, 'Folder for everything that is kept'),
  databaseUrl: setting(
    'database-url',
    'DATABASE_URL',
    undefined,
    database,
    'PostgreSQL instead of the SQLite file in the data folder: postgres://…',
  ),
  sandbox: setting('sandbox', 'WAMUX_SANDBOX', false, yesOrNo, 'Server and emulator together: no phone needed'),
  emulatorPort: setting('emulator-port', 'WAMUX_EMULATOR_PORT', 3001, port, 'Port of the emulator in the sandbox'),
  adminUsername: setting('admin-username', 'WAMUX_ADMIN_USERNAME', 'admin', text, 'Name of the administrator'),
  // No flag: the arguments of a process can be read by everybody on the machine.
  adminPassword: setting<string | undefined>(
    undefined,
    'WAMUX_ADMIN_PASSWORD',
    undefined,
    text,
    'Password of the administrator',
  ),
  jwtTtlMs: setting('jwt-ttl', 'WAMUX_JWT_TTL', 3_600_000, duration, 'How long an admin token lasts: 3600, 15m, 1h'),
  pacingMinMs: setting(
    'pacing-min-ms',
    'WAMUX_PACING_MIN_MS',
    1500,
    ms,
    'Shortest pause between two messages of an instance',
  ),
  pacingMaxMs: setting('pacing-max-ms', 'WAMUX_PACING_MAX_MS', 3000, ms, 'Longest pause'),
  typing: setting('typing', 'WAMUX_TYPING', false, yesOrNo, 'Recipients see somebody type before a message comes'),
  connectsPerSecond: setting(
    'connects-per-second',
    'WAMUX_CONNECTS_PER_SECOND',
    5,
    whole(1, 1_000),
    'How many connections to WhatsApp are begun in a second',
  ),
  sendWaitMs: setting(
    'send-wait-ms',
    'WAMUX_SEND_WAIT_MS',
    8000,
    ms,
    'How long a send waits for WhatsApp before it answers 202',
  ),
  stalledAfterMs: setting(
    'stalled-after-ms',
    'WAMUX_STALLED_AFTER_MS',
    600_000,
    ms,
    'A message that waits for longer is told with message_stalled',
  ),
  keepEventsMs: setting(
    'keep-events',
    'WAMUX_KEEP_EVENTS',
    30 * 86_400_000,
    duration,
    'How long events can be read again: 12h, 30d; those not delivered yet stay longer',
  ),
  keepSentMs: setting(
    'keep-sent',
    'WAMUX_KEEP_SENT',
    30 * 86_400_000,
    duration,
    'How long it can be asked what became of a message or batch: 14d, 30d; at least a day',
  ),
  newChatsPerDay: setting(
    'new-chats-per-day',
    'WAMUX_NEW_CHATS_PER_DAY',
    0,
    whole(0, 1_000_000),
    'How many people an instance may write to for the first time in 24 h, others wait; 0: no limit',
  ),
  messagesPerChatPerHour: setting(
    'messages-per-chat-per-hour',
    'WAMUX_MESSAGES_PER_CHAT_PER_HOUR',
    0,
    whole(0, 1_000_000),
    'How many messages an instance may send to one chat in an hour, others wait; 0: no limit',
  ),
  outboundAllow: setting<string[]>(
    'outbound-allow',
    'WAMUX_OUTBOUND_ALLOW',
    [],
    ranges,
    'Private ranges that webhooks may reach: CIDRs, by commas',
  ),
  instanceHost: setting(
    'instance-host',
    'WAMUX_INSTANCE_HOST',
    '127.0.0.1',
    text,
    'Address of the instance ports; off loopback they need the key',
  ),
  certificates: setting<Config['certificates']>(
    'certificates',
    'WAMUX_CERTIFICATES',
    'enforce',
    oneOf('enforce', 'log', 'off'),
    "Check of WhatsApp's certificate: enforce, log, off",
  ),
  logLevel: setting<Config['logLevel']>(
    'log-level',
    'WAMUX_LOG_LEVEL',
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    'trace, debug, info, warn, error, silent',
  ),
}

export interface Sources {
  /** By flag, without the dashes. */
  flags?: Record<string, string | undefined>
  env?: Record<string, string | undefined>
  /** A JSON object with the flags as names (`sendWaitMs`); `./wamux.json` when there is one. */
  file?: string
}

/** @throws ConfigError that names the setting */
export function loadConfig({ flags = {}, env = {}, file }: Sources): Config {
  const stored = readFile(file ?? env.WAMUX_CONFIG)
  const known = Object.entries<Setting<unknown>>(settings).map(([key, { flag }]) => keyInFile(key, flag))
  const unknown = Object.keys(stored.values).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new ConfigError(`${stored.path}: "${unknown}" is not a setting.`)
  const entries = Object.entries<Setting<unknown>>(settings).map(([key, { flag, env: name, fallback, read }]) => {
    const given = flag === undefined ? undefined : flags[flag]
    if (given !== undefined) return [key, use(`--${flag}`, read, given)]
    const inherited = env[name]
    // An empty variable is one that was not set: that is how compose files and shells leave things out.
    if (inherited !== undefined && inherited !== '') return [key, use(name, read, inherited)]
    const kept = stored.values[keyInFile(key, flag)]
    if (kept !== undefined) return [key, use(`"${keyInFile(key, flag)}" in ${stored.path}`, read, toText(kept))]
    return [key, fallback]
  })
  // Every key of `settings` is there with what its own `read` gave, and those are the keys of Config.
  const config = Object.fromEntries(entries) as Config
  if (config.pacingMinMs > config.pacingMaxMs) {
    throw new ConfigError('WAMUX_PACING_MIN_MS must not be more than WAMUX_PACING_MAX_MS.')
  }
  return config
}

/** As the flag, in one word: `jwt-ttl` is `jwtTtl`. */
function keyInFile(key: string, flag: string | undefined): string {
  return flag?.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()) ?? key
}

function use<T>(name: string, read: (text: string) => T, value: string): T {
  try {
    return read(value)
  } catch (error) {
    // The value is not repeated: it may be a password in the wrong place.
    throw new ConfigError(`${name} ${error instanceof Error ? error.message : 'cannot be used'}.`)
  }
}

function readFile(path: string | undefined): { path: string; values: Record<string, unknown> } {
  const wanted = path ?? './wamux.json'
  let content: string
  try {
    content = readFileSync(wanted, 'utf8')
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (path === undefined && isMissing) return { path: wanted, values: {} }
    throw new ConfigError(`The settings in ${wanted} cannot be read.`, { cause: error })
  }
  try {
    const values: unknown = JSON.parse(content)
    if (typeof values === 'object' && values !== null && !Array.isArray(values))
      return { path: wanted, values: { ...values } }
  } catch {
    // told below, with the same words
  }
  throw new ConfigError(`${wanted} is not a JSON object.`)
}

const toText = (value: unknown) => (Array.isArray(value) ? value.join(',') : String(value))
