/**
 * The process that is killed: a server whose WhatsApp is an emulator in another process. It loads everything, waits for
 * a line with a plan, and starts. What it says is one JSON object a line.
 */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { listeningLogger, planEffects, watchEffects } from './effects.ts'
import type { Plan } from './plan.ts'
import { fallIll, watchStore } from './sick-store.ts'

const { NETWORK = '', ROOT = '', DATA = '', DATABASE, SERVER = '{}' } = process.env
// Synchronously: what was said before a kill is heard.
const say = (facts: object) => writeSync(1, `${JSON.stringify(facts)}\n`)

watchEffects(NETWORK)
watchStore()
const { trustEmulator } = await import('../../../packages/emulator/src/trust.ts')
const { createServer } = await import('@wamux/server')
const { pino } = await import('pino')
trustEmulator(Buffer.from(ROOT, 'base64'))
flushCompileCache()
say({ isWarm: true })

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const first = await lines.next()
// Whoever started it ended before it was needed.
if (first.done) process.exit()
const begin: Plan & { port: number } = JSON.parse(first.value)
planEffects(begin)
const { baileys, ...settings } = JSON.parse(SERVER)
const server = await createServer({
  data: DATA,
  ...(DATABASE !== undefined && { databaseUrl: DATABASE }),
  port: begin.port,
  pacingMinMs: 1,
  pacingMaxMs: 5,
  // Processes that are killed again and again would have to wait for longer and longer.
  backoff: { firstMs: 50, longestMs: 500 },
  allowLoopback: true,
  logger: pino({ level: 'error' }, { write: (text: string) => void say({ error: JSON.parse(text) }) }),
  baileys: { ...baileys, waWebSocketUrl: NETWORK, logger: listeningLogger },
  ...settings,
})
say({ url: server.url, port: server.port, setupToken: server.setupToken })
process.once('SIGTERM', () => {
  // Baileys leaves timers running.
  void server.close().then(() => process.exit())
})
// Another plan, for what comes from here on; or what ails the store from here on.
for (let line = await lines.next(); !line.done; line = await lines.next()) {
  const said = JSON.parse(line.value)
  if ('store' in said) fallIll(said.store)
  else planEffects(said)
}
