import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { TlsEndpoint } from './api.ts'
import { createEmulator } from './emulator.ts'

const USAGE = `wamux-emulator: a WhatsApp network on loopback

  --port <number>      one port for clients (ws:// and wss://…/ws/chat) and the control API, HTTP or HTTPS (default 3001)
  --tls-port <number>  one more port for the same, for those who want one for TLS alone; 0: any free port
  --host <address>     address to listen on (default 127.0.0.1; there are no passwords)
  --state <file>       keeps the network in this file across restarts (default: in memory)
  --seed <text>        the same keys, ids and invites in every run with this text
  --start-at <time>    where the network's clock begins, such as 2026-01-31T12:00Z (default: now)
  --frozen             the clock moves only by POST /admin/clock/advance
  --strict             ends with 1 when a client said something that the emulator does not know
  --chatstate-ttl <s>  how long somebody types who does not stop, in seconds (default 25)
  --pretend-pre-keys <number>  claims to hold so many one-time keys of each companion: linking costs half, for load
  --sync-by-file       histories and snapshots lie on the media hosts, as with WhatsApp (default: in the messages)
  --trace              prints every stanza
  --log-xml <file>     writes every stanza into this file, which becomes FILE.1 at 64 MiB
  --version            prints the version
  --help               prints this
`

/** EX_USAGE of sysexits: the call itself is wrong, trying again does not help. */
const WRONG_USAGE = 64

async function main(): Promise<void> {
  const options = readOptions()
  const emulator = await createEmulator({
    ...options,
    log: (line) => console.error(line),
  })
  const stop = () => {
    emulator.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  // Last: whoever reads these lines may stop us.
  console.log(`WhatsApp for clients:  ${emulator.url}`)
  console.log(`control API:           ${emulator.controlUrl}/admin/health`)
  console.log(withTls(emulator.tls, emulator.controlUrl))
  console.log(`state:                 ${options.file ?? 'in memory, ends with this process'}`)
}

function withTls(tls: TlsEndpoint, controlUrl: string): string {
  return `with TLS:              ${tls.url}
  control API:         ${tls.controlUrl}/admin/health
  to trust it:         curl ${controlUrl}/admin/ca.pem -o emulator-ca.pem
                       NODE_EXTRA_CA_CERTS=emulator-ca.pem node your-client.js`
}

function readOptions() {
  const { values } = readArguments()
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  if (values.version) {
    console.log(version())
    process.exit(0)
  }
  const tlsPort = values['tls-port']
  const { frozen, strict } = values
  const [startAt, ttl, preKeys] = [values['start-at'], values['chatstate-ttl'], values['pretend-pre-keys']]
  return {
    strict,
    clock: { isFrozen: frozen, ...(startAt !== undefined && { startAt: toTime('--start-at', startAt) }) },
    ...(ttl !== undefined && { chatStateTtlMs: toCount('--chatstate-ttl', ttl) * 1000 }),
    ...(preKeys !== undefined && { pretendPreKeys: toCount('--pretend-pre-keys', preKeys) }),
    port: toPort('--port', values.port),
    ...(tlsPort !== undefined && { tlsPort: toPort('--tls-port', tlsPort) }),
    host: values.host,
    ...(values.state !== undefined && { file: values.state }),
    ...(values.seed !== undefined && { seed: values.seed }),
    ...(values['log-xml'] !== undefined && { xmlLog: { file: values['log-xml'] } }),
    syncByFile: values['sync-by-file'],
    ...(values.trace && { trace: (line: string) => console.log(line) }),
  }
}

function toPort(name: string, value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`${name} must be a number from 0 to 65535.`)
  return port
}

function toCount(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) fail(`${name} must be a whole number of 0 or more.`)
  return Number(value)
}

function toTime(name: string, value: string): number {
  const at = Date.parse(value)
  if (Number.isNaN(at)) fail(`${name} must be a time, such as 2026-01-31T12:00Z.`)
  return at
}

/** Beside `src` as beside `dist`. */
function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: '3001' },
        host: { type: 'string', default: '127.0.0.1' },
        state: { type: 'string' },
        seed: { type: 'string' },
        'tls-port': { type: 'string' },
        'log-xml': { type: 'string' },
        'start-at': { type: 'string' },
        frozen: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
        'chatstate-ttl': { type: 'string' },
        'pretend-pre-keys': { type: 'string' },
        'sync-by-file': { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        version: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

function fail(complaint: string): never {
  console.error(`${complaint}\n\n${USAGE}`)
  process.exit(WRONG_USAGE)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
