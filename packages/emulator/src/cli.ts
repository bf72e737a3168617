import { parseArgs } from 'node:util'
import { createEmulator } from './emulator.ts'

const USAGE = `wamux-emulator: a WhatsApp network on loopback

  --port <number>   one port for clients (ws://…/ws/chat) and the control API (default 3001)
  --host <address>  address to listen on (default 127.0.0.1; there are no passwords)
  --state <file>    keeps the network in this file across restarts (default: in memory)
  --trace           prints every stanza
  --help            prints this
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
  console.log(`state:                 ${options.file ?? 'in memory, ends with this process'}`)
}

function readOptions() {
  const { values } = readArguments()
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  if (values['tls-port'] !== undefined) {
    fail('--tls-port is not there yet: this version serves ws:// and http:// only.')
  }
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`--port must be a number from 0 to 65535.`)
  return {
    port,
    host: values.host,
    ...(values.state !== undefined && { file: values.state }),
    ...(values.trace && { trace: (line: string) => console.log(line) }),
  }
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: '3001' },
        host: { type: 'string', default: '127.0.0.1' },
        state: { type: 'string' },
        'tls-port': { type: 'string' },
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
