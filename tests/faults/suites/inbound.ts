import { checkInbound } from '../runner/oracle.ts'
import type { Suite } from '../runner/suite.ts'
import { PHONE, Trial } from '../runner/trial.ts'
import { InboundWriter } from './inbound-writer.ts'

/** C1: what WhatsApp was told had arrived is there, once, in order. */
export const inbound: Suite = {
  name: 'inbound',
  about:
    'Messages arrive, direct and in groups; people edit, react, delete and vote, change their ids, and share keys.',
  kills: 50,
  fails: {
    'journal-outside': { kills: 8, at: 'before events/message' },
    'ack-before-commit': { kills: 10 },
    'mapping-alone': { kills: 10 },
  },
  async run(run) {
    const trial = await Trial.open(run, { emulator: { pretendPreKeys: 0 } })
    await trial.link()
    const writer = new InboundWriter(trial)
    const writing = writer.writes()
    writing.catch(() => {}) // it is awaited below
    await trial.killAll()
    run.report.count('told_before_the_end', writer.told)
    writer.ends()
    await writing
    let left = 'nobody has looked yet'
    await trial.drain(
      async () => {
        left = writer.waiting.length > 0 ? `not told: ${writer.waiting.join(', ')}` : await unfinished(trial, writer)
        return left === ''
      },
      () => left,
    )
    checkInbound(run.report, writer.written, trial.receiver, await trial.books(), writer)
  },
}

/** What was told, but is not at its end: the past, what Baileys has to do, and what WhatsApp still keeps for the account. */
async function unfinished(trial: Trial, { past }: InboundWriter): Promise<string> {
  const { messages, stanzas } = await trial.peek()
  const kept = new Set(messages.map(({ id }) => id))
  const missing = past.filter(({ id }) => !kept.has(id))
  if (missing.length > 0) return `of the past are missing: ${missing.map(({ id }) => id).join(', ')}`
  if (stanzas.length > 0) return `Baileys has not handled: ${stanzas.map(({ key }) => key).join(', ')}`
  const sql = 'SELECT tag, id, type FROM pending WHERE phone = ? AND device > 0'
  const pending = trial.truth<{ tag: string; id: string; type: string }>(sql, PHONE)
  return pending.length > 0 ? `WhatsApp still keeps: ${JSON.stringify(pending.slice(0, 5))}` : ''
}
