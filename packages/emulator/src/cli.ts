import { parseArgs } from 'node:util'
import type { TlsEndpoint } from './api.ts'
import { createEmulator } from './emulator.ts'

const USAGE = `wamux-emulator: a WhatsApp network on loopback

  --port <number>      one port for clients (ws:// and wss://…/ws/chat) and the control API, HTTP or HTTPS (default 3001)
  --tls-port <number>  one more port for the same, for those who want one for TLS alone; 0: any free port
  --host <address>     address to listen on (default 127.0.0.1; there are no passwords)
  --state <file>       keeps the network in this file across restarts (default: in memory)
  --seed <text>        the same keys, ids and invites in every run with this text
  --trace              prints every stanza
  --log-xml <file>     writes every stanza into this file, which becomes FILE.1 at 64 MiB
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
  const tlsPort = values['tls-port']
  return {
    port: toPort('--port', values.port),
    ...(tlsPort !== undefined && { tlsPort: toPort('--tls-port', tlsPort) }),
    host: values.host,
    ...(values.state !== undefined && { file: values.state }),
    ...(values.seed !== undefined && { seed: values.seed }),
    ...(values['log-xml'] !== undefined && { xmlLog: { file: values['log-xml'] } }),
    ...(values.trace && { trace: (line: string) => console.log(line) }),
  }
}

function toPort(name: string, value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`${name} must be a number from 0 to 65535.`)
  return port
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
        trace: { type: 'boolean', default: false },
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
