/**
 * The process that is killed: a server whose WhatsApp is an emulator in another process. It loads everything, waits for
 * a line with a plan, and starts. What it says is one JSON object a line.
 */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { listeningLogger, planEffects, watchEffects } from './effects.ts'
import type { Plan } from './plan.ts'

const { NETWORK = '', ROOT = '', DATA = '', DATABASE, SERVER = '{}' } = process.env
// Synchronously: what was said before a kill is heard.
const say = (facts: object) => writeSync(1, `${JSON.stringify(facts)}\n`)

watchEffects(NETWORK)
const { trustEmulator } = await import('../../../packages/emulator/src/trust.ts')
const { createServer } = await import('@wamux/server')
const { pino } = await import('pino')
trustEmulator(Buffer.from(ROOT, 'base64'))
flushCompileCache()
say({ isWarm: true })

let plan: (Plan & { port: number }) | undefined
for await (const line of createInterface({ input: process.stdin })) {
  plan = JSON.parse(line)
  break
}
// Whoever started it ended before it was needed.
if (!plan) process.exit()
planEffects(plan)
const server = await createServer({
  data: DATA,
  ...(DATABASE !== undefined && { databaseUrl: DATABASE }),
  port: plan.port,
  pacingMinMs: 1,
  pacingMaxMs: 5,
  allowLoopback: true,
  logger: pino({ level: 'error' }, { write: (text: string) => void say({ error: JSON.parse(text) }) }),
  baileys: { waWebSocketUrl: NETWORK, logger: listeningLogger },
  ...JSON.parse(SERVER),
})
say({ url: server.url, port: server.port, setupToken: server.setupToken })
process.once('SIGTERM', () => {
  // Baileys leaves timers running.
  void server.close().then(() => process.exit())
})
