import { MALFORMED_KINDS, type MalformedKind } from '@wamux/emulator'
import { shuffled } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { Trial } from '../runner/trial.ts'

const MAX = '491234567890'
const EVA = '491234567891'
/** After these nothing more can be read, and nobody notices before the line has been silent for a while. */
const DEAF: ReadonlySet<MalformedKind> = new Set(['length', 'text'])
/** A frame of 16 MiB is there twice before anybody can look at it, and nothing grows beyond 32 MiB. */
const MEMORY_MIB = 150
/** These take memory: a short form begins with them. */
const HEAVY: readonly MalformedKind[] = ['huge', 'gigabyte']
/** The other account is in the same process. It waits as long as one frame takes to be read, and not until something is over. */
const LAG_MS = 5_000

/** S4: what no server should send costs one account its connection, and nobody anything else. */
export const serverFrames: Suite = {
  name: 'server-frames',
  about: 'One of two accounts is sent frames that cannot be read, or hardly.',
  kills: 2 * MALFORMED_KINDS.length,
  short: 3,
  fails: { 'listeners-uncaught': { kills: 16 }, 'unpacked-without-limit': { kills: 3 } },
  async run(run) {
    const { report } = run
    const trial = await Trial.open(run, { server: { baileys: { keepAliveIntervalMs: 1_000 } } })
    const { emulator, receiver } = trial
    await trial.link()
    const [max, eva] = [emulator.contact(MAX, { name: 'Max' }), emulator.contact(EVA, { name: 'Eva' })]
    const victim = new Talk(trial)
    const other = await Talk.link(trial, 'other', '491700000002')
    for (const [talk, to] of [
      [victim, MAX],
      [other, EVA],
    ] as const) {
      await talk.isHeard(await talk.says(to, 'vorher'))
    }
    const before = trial.peakMemory()
    let deck: MalformedKind[] = run.kills < MALFORMED_KINDS.length ? [...HEAVY] : []
    for (let frame = 0; frame < run.kills && !victim.isHopeless; frame++) {
      if (deck.length === 0) deck = shuffled(run.random, MALFORMED_KINDS)
      const kind = deck.pop() ?? 'garbage'
      emulator.faults.malformed(victim.phone.phone, kind)
      const begun = Date.now()
      const theirs = await other.hears(eva, `neben ${kind} ${frame}`)
      if (!(await other.isTold(theirs))) break
      const lag = Date.now() - begun
      report.most('lag_of_others_ms', lag)
      if (lag > LAG_MS) report.broke('lags', `${kind} held up the other account for ${lag} ms`)
      await other.isHeard(await other.says(EVA, `ungestört von ${kind} ${frame}`))
      // In the short form nobody waits for the silence to be noticed.
      if (DEAF.has(kind) && run.kills < MALFORMED_KINDS.length) emulator.faults.kick(victim.phone.phone, 'drop')
      const text = await victim.hears(max, `nach ${kind} ${frame}`)
      if ((await victim.isTold(text)) && (await victim.isBack()))
        await victim.isHeard(await victim.says(MAX, `noch da nach ${kind} ${frame}`))
      report.count('frames')
    }
    for (const talk of [victim, other]) await talk.ends()
    const after = trial.peakMemory()
    if (before !== undefined && after !== undefined) {
      report.most('memory_grew_mib', after - before)
      if (after - before > MEMORY_MIB) report.broke('memory', `${Math.round(after - before)} MiB more than before`)
    }
    const opened = receiver.told.filter(({ event, instanceId }) => event === 'ready' && instanceId === 'other').length
    if (opened !== 1) report.broke('others_closed', `the other account was opened ${opened} times`)
    report.count('connections', receiver.told.filter(({ event }) => event === 'ready').length)
    const books = await trial.books()
    victim.check(books, [max])
    other.check(books, [eva])
  },
}
