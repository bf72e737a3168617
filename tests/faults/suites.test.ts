import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { broken } from './runner/broken.ts'
import { brokenInStories } from './runner/broken-in-stories.ts'
import { editsOf, removeVictim } from './runner/build.ts'
import { execute } from './runner/execute.ts'
import { EACH_POINT } from './runner/plan.ts'
import type { Report } from './runner/report.ts'
import { inbound } from './suites/inbound.ts'
import { suites } from './suites/index.ts'
import { outbound } from './suites/outbound.ts'

const isLong = process.env.WAMUX_LONG !== undefined
const SEED = 4
const KILLS = isLong ? 20 : 3
/** What comes to most points is killed first: in this time most of them. */
const EACH_POINT_MS = 120_000
const TIMEOUT_MS = isLong ? 300_000 : 120_000

const brokenIn = ({ findings }: Report) => Object.keys(findings).filter((name) => findings[name]?.length)

afterAll(removeVictim)

/** What `npm run test:faults` does with hundreds of kills, in its short form; in the long form on PostgreSQL too. */
describe.each(suites)('$name', (suite) => {
  const hasPostgres = process.env.WAMUX_TEST_POSTGRES !== undefined
  const all = isLong && hasPostgres ? (['sqlite', 'postgres'] as const) : (['sqlite'] as const)
  const stores = suite.store ? [suite.store] : all
  test.skipIf(suite.store === 'postgres' && !hasPostgres).each(stores)(
    'holds on %s',
    async (store) => {
      const report = await execute(suite, {
        kills: isLong ? Math.min(suite.kills, KILLS) : (suite.short ?? KILLS),
        seed: SEED,
        store,
      })
      expect(brokenIn(report), report.print()).toEqual([])
    },
    TIMEOUT_MS,
  )

  // A suite that cannot fail says nothing.
  test.runIf(isLong && (suite.store !== 'postgres' || hasPostgres)).each(Object.entries(suite.fails))(
    'sees the broken build %s',
    async (name, { kills, at }) => {
      const report = await execute(suite, {
        kills,
        seed: SEED,
        broken: name,
        ...(at !== undefined && { at }),
        ...(suite.store && { store: suite.store }),
      })
      expect(brokenIn(report), report.print()).not.toEqual([])
      expect(brokenIn(report), report.print()).not.toContain('failed')
    },
    TIMEOUT_MS,
  )
})

// C2: once at each place here, as often as is wanted by `npm run test:faults -- inbound --at each-point --kills 20`.
test.runIf(isLong).each([inbound, outbound])(
  '$name holds wherever it is killed',
  async (suite) => {
    const report = await execute(suite, { kills: 1, seed: SEED, at: EACH_POINT, withinMs: EACH_POINT_MS })
    expect(brokenIn(report), report.print()).toEqual([])
    expect(report.figures.points, report.print()).toBeGreaterThan(20)
  },
  2 * TIMEOUT_MS,
)

test.each(Object.keys(broken))('the broken build %s still differs from the good one', (name) => {
  for (const [file, edit] of Object.entries(editsOf(name))) {
    const text = readFileSync(file, 'utf8')
    expect(edit(text)).not.toBe(text)
  }
})

test('every broken build is seen by a suite or a story', () => {
  const seen = [...suites.flatMap(({ fails }) => Object.keys(fails)), ...Object.keys(brokenInStories)]
  expect(seen).toEqual(expect.arrayContaining(Object.keys(broken)))
})
