import type { EventEnvelope } from '@wamux/core'
import pino, { type Logger } from 'pino'
import { toString as drawQr } from 'qrcode'
import type { Config } from '../config.ts'
import { surviveRejections } from '../rejections.ts'
import { startSandbox } from '../sandbox.ts'
import { createServer } from '../server.ts'
import { setupHint, started } from './words.ts'

/** `wamux serve`: runs until it is told to stop. */
const PATIENCE_MS = 25_000

interface Running {
  close(): Promise<void>
}

export async function serve(config: Config): Promise<void> {
  // To stderr: stdout is for what people are to read and copy.
  const logger = pino(
    { level: config.logLevel, redact: ['*.secret', '*.password', '*.apiKey', '*.token'] },
    pino.destination(2),
  )
  surviveRejections(logger)
  process.on('uncaughtException', (error) => die(logger, error))
  const stopped = Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(signal)))
  const running = await start(config, logger)
  const signal = await stopped
  logger.info({ signal }, 'stopping')
  // A second signal, or a stop that hangs, ends it the hard way: nothing that was accepted is lost by that.
  const hard = setTimeout(() => process.exit(1), PATIENCE_MS)
  void Promise.race([once('SIGTERM'), once('SIGINT')]).then(() => process.exit(130))
  await running.close()
  clearTimeout(hard)
  process.exit(0)
}

const once = (signal: string) => new Promise<string>((resolve) => process.once(signal, () => resolve(signal)))

function die(logger: Logger, error: unknown): void {
  logger.fatal({ err: error }, 'an error was thrown and nobody caught it')
  process.exit(70)
}

async function start(config: Config, logger: Logger): Promise<Running> {
  const { sandbox, emulatorPort, logLevel: _, ...options } = config
  if (sandbox) {
    const running = await startSandbox({ ...withoutUndefined(options), data: config.data, emulatorPort, logger })
    console.log(started(running, config.adminUsername))
    return running
  }
  const server = await createServer({ ...withoutUndefined(options), logger })
  console.log(`wamux listens on ${server.url}`)
  if (server.setupToken !== undefined) console.log(setupHint(server.url, server.setupToken, config.adminUsername))
  server.manager.on('qr', (event) => showQr(event, server.url))
  return server
}

/** In a terminal only: whoever can read a log must not be able to link the account. */
async function showQr({ sessionId, data }: EventEnvelope<'qr'>, url: string): Promise<void> {
  if (!process.stdout.isTTY) {
    console.log(`Instance ${sessionId} waits to be linked: GET ${url}/api/instances/${sessionId}/qr`)
    return
  }
  console.log(`Scan to link ${sessionId} (WhatsApp › Linked devices):`)
  console.log(await drawQr(data.qr, { type: 'terminal', small: true }))
}

/** What was not set is left out, as exactOptionalPropertyTypes wants it. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
