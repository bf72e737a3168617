import { describe, expect, test } from 'vitest'
import { execute } from './runner/execute.ts'
import { suites } from './suites/index.ts'

/** Each suite in its shortest form: what `npm run test:faults` does with hundreds of kills. */
describe.each(suites)('$name', (suite) => {
  test(`holds with ${Math.min(suite.kills, 3)} kills: ${suite.about}`, async () => {
    const report = await execute(suite, { kills: Math.min(suite.kills, 3), seed: 4 })
    expect(report.findings, report.print()).toEqual(
      Object.fromEntries(Object.keys(report.findings).map((name) => [name, []])),
    )
  }, 120_000)
})
