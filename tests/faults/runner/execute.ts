import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Random } from './random.ts'
import { Report } from './report.ts'
import type { Run, Suite } from './suite.ts'

export interface ExecuteOptions {
  kills?: number
  seed?: number
  store?: 'sqlite' | 'postgres'
  broken?: string
  at?: string
  withinMs?: number
  rate?: number
  log?: (line: string) => void
}

/** Runs a suite. Never rejects: what it throws is a finding, `failed`. */
export async function execute(suite: Suite, options: ExecuteOptions = {}): Promise<Report> {
  const { kills = suite.kills, seed = Math.floor(Math.random() * 2 ** 31), store = 'sqlite', broken, at } = options
  const { withinMs = Number.POSITIVE_INFINITY, rate } = options
  const report = new Report({ suite: suite.name, seed, kills, store, broken: broken ?? null, at: at ?? null })
  const folder = mkdtempSync(join(tmpdir(), `wamux-${suite.name}-`))
  const open: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })]
  const log = options.log ?? (() => {})
  const defer = (close: () => Promise<void>) => void open.push(close)
  const run: Run = { kills, random: new Random(seed), store, broken, at, withinMs, rate, folder, report, log, defer }
  try {
    await suite.run(run)
  } catch (error) {
    report.broke('failed', inspect(error))
  }
  for (const close of open.reverse()) {
    await close().catch((error: unknown) => report.broke('failed', `in the end: ${error}`))
  }
  return report
}
