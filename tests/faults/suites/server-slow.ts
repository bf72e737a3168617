import { isWamuxClientError } from '@wamux/client'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const MAX = '491234567890'
/** Calls that wait at the same time. */
const CALLS = 100
/** What a query may take, so that nobody has to wait a minute for it here. */
const QUERY_MS = 1_000
/** A hundred calls that wait are no reason to grow by more. */
const MEMORY_MIB = 100
/** Acks that come this late; nearly as long as an ack is waited for, in the long form. */
const [LATE_MS, VERY_LATE_MS] = [400, 28_000]
/** To one chat, so that each waits for the ack of the one before it. */
const [MESSAGES, MESSAGES_VERY_LATE] = [12, 3]
const PATIENCE_MS = 30_000

/** S9: a server that takes its time costs time, and whoever asked is told so. */
export const serverSlow: Suite = {
  name: 'server-slow',
  about: 'Acks come late, questions are never answered; messages go on in both directions.',
  kills: 4,
  short: 1,
  fails: { 'silence-is-no': { kills: 1 } },
  async run(run) {
    const { report } = run
    const server = { sendWaitMs: 50, baileys: { defaultQueryTimeoutMs: QUERY_MS, keepAliveIntervalMs: 60_000 } }
    const trial = await Trial.open(run, { server })
    const { faults } = trial.emulator
    await trial.link()
    const talk = new Talk(trial)
    const max = trial.emulator.contact(MAX, { name: 'Max' })
    await talk.isHeard(await talk.says(MAX, 'vorher'))
    await talk.isTold(await talk.hears(max, 'vorher'))
    // One after the other, so that the last one tells.
    const isSent = async () => (await talk.session.message(talk.accepted.at(-1)?.id ?? '')).status === 'sent'
    const before = trial.peakMemory()
    for (let round = 0; round < run.kills && !talk.isHopeless; round++) {
      const isLong = round === 1
      // What waits from the round before would wait so long, too.
      if (isLong) await trial.until(isSent, PATIENCE_MS)
      faults.ackDelayMs = isLong ? VERY_LATE_MS : LATE_MS
      const unanswered = faults.on({ phone: PHONE, direction: 'from-client', child: 'usync' }).drop()
      const asked = Array.from({ length: CALLS }, (_, index) =>
        question(talk, `4930${10_000_000 + round * CALLS + index}`),
      )
      for (let index = 0; index < (isLong ? MESSAGES_VERY_LATE : MESSAGES); index++) {
        await talk.says(MAX, `gesendet ${round}.${index}`)
        await talk.hears(max, `gehört ${round}.${index}`)
      }
      if (!(await talk.isTold(talk.written.at(-1)?.id ?? ''))) break
      let slowest = 0
      for (const { code, ms } of await Promise.all(asked)) {
        slowest = Math.max(slowest, ms)
        if (code !== 'WHATSAPP_TIMEOUT') report.broke('untyped', `a call that nobody answered ended with ${code}`)
      }
      report.most('slowest_call_ms', slowest)
      report.count('calls', CALLS)
      unanswered.lift()
      if (isLong) await trial.until(isSent, 2 * MESSAGES_VERY_LATE * VERY_LATE_MS)
      faults.ackDelayMs = 0
    }
    await talk.ends()
    const after = trial.peakMemory()
    if (before !== undefined && after !== undefined) {
      report.most('memory_grew_mib', after - before)
      if (after - before > MEMORY_MIB) report.broke('memory', `${Math.round(after - before)} MiB more than before`)
    }
    talk.check(await trial.books(), [max])
  },
}

async function question(talk: Talk, number: string): Promise<{ code: string; ms: number }> {
  const begun = Date.now()
  const code = await talk.session.checkNumber(number).then(
    (answer) => `the answer ${JSON.stringify(answer)}`,
    (error: unknown) => (isWamuxClientError(error) ? error.code : String(error)),
  )
  return { code, ms: Date.now() - begun }
}
