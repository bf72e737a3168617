/** `npm run test:faults -- <suite> [--kills N] [--seed S] [--store sqlite|postgres] [--broken NAME] [--at EFFECT]` */
import { parseArgs } from 'node:util'
import { removeVictim } from './runner/build.ts'
import { execute } from './runner/execute.ts'
import { suites } from './suites/index.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string' },
    seed: { type: 'string' },
    store: { type: 'string' },
    broken: { type: 'string' },
    at: { type: 'string' },
    minutes: { type: 'string' },
    rate: { type: 'string' },
    report: { type: 'string', default: 'report.json' },
    help: { type: 'boolean' },
  },
})

const USAGE = `npm run test:faults -- <suite> [options]

suites:
${suites.map(({ name, about, kills, fails }) => `  ${name.padEnd(18)}${about} Default: ${kills}.\n${''.padEnd(20)}Must fail with --broken ${Object.keys(fails).join(', ') || '(none yet)'}`).join('\n')}

options:
  --kills N       how often a process is killed
  --seed S        the same seed draws the same kills and the same messages
  --store NAME    sqlite or postgres; the latter is started for the run
  --broken NAME   a build that is broken on purpose: the run has to fail, and exits with 0 when it does
  --at EFFECT     kills only at commits, frames and webhooks whose name holds this: 'frame receipt',
                  'before keys/session', 'after 2. events/message'; each-point: N kills before and after each
                  kind of effect that the suite comes to
  --minutes N     a run at each-point kills no more after so long
  --rate N        inbound: so many messages a second, however far behind the server is
  --report FILE   where the findings are written; report.json by default`

/** Exits with a message about how the command was called. */
function refuse(message: string): never {
  console.error(message)
  process.exit(2)
}

const whole = (name: string, text: string | undefined) => {
  if (text !== undefined && !/^\d{1,10}$/.test(text)) refuse(`--${name} must be a whole number.`)
  return text === undefined ? undefined : Number(text)
}

if (values.help || positionals.length !== 1) {
  console.log(USAGE)
  process.exit(values.help ? 0 : 2)
}
const suite = suites.find(({ name }) => name === positionals[0])
if (!suite) refuse(`There is no suite ${positionals[0]}.\n\n${USAGE}`)
const { store = suite.store ?? 'sqlite', broken } = values
if (store !== 'sqlite' && store !== 'postgres') refuse('--store must be sqlite or postgres.')
if (suite.store !== undefined && store !== suite.store)
  refuse(`${suite.name} is about ${suite.store} only; nothing was tested on ${store}.`)
if (broken !== undefined && !(broken in suite.fails)) refuse(`${suite.name} has no broken build ${broken}.`)
const failing = broken === undefined ? undefined : suite.fails[broken]
const kills = whole('kills', values.kills) ?? failing?.kills
const at = values.at ?? failing?.at
const seed = whole('seed', values.seed)
const minutes = whole('minutes', values.minutes)
const rate = whole('rate', values.rate)
if (rate === 0) refuse('--rate must be at least 1.')

let stopPostgres: (() => Promise<void>) | undefined
if (store === 'postgres') {
  // A plain script, which has no types.
  const script: string = '../../scripts/postgres-for-tests.mjs'
  const { default: start } = (await import(script)) as { default: () => Promise<() => Promise<void>> }
  stopPostgres = await start()
}
const report = await execute(suite, {
  ...(kills !== undefined && { kills }),
  ...(seed !== undefined && { seed }),
  ...(broken !== undefined && { broken }),
  ...(at !== undefined && { at }),
  ...(minutes !== undefined && { withinMs: 60_000 * minutes }),
  ...(rate !== undefined && { rate }),
  store,
  log: (line) => console.log(line),
})
await stopPostgres?.()
removeVictim()
report.write(values.report)
console.log(report.print())
if (broken !== undefined) console.log(report.isGood ? `  ${broken} was NOT seen` : `  ${broken} was seen`)
process.exit(report.isGood === (broken === undefined) ? 0 : 1)
