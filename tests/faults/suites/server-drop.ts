import { isWamuxClientError } from '@wamux/client'
import type { Contact, KickReason } from '@wamux/emulator'
import { shuffled } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { Trial } from '../runner/trial.ts'

const MAX = '491234567890'
/** After these the account comes back by itself. `drop` is a cut line; the others are words of the server. */
const PASSING: readonly KickReason[] = ['515', '503', '500', '408', '428', 'ack', 'xmlstreamend', 'drop']
/** And these are for good, until somebody does something. */
const FINAL = [
  { reason: '440', state: 'failed', why: 'REPLACED' },
  { reason: 'replaced', state: 'failed', why: 'REPLACED' },
  { reason: '405', state: 'failed', why: 'OUTDATED' },
  { reason: '401', state: 'logged_out', why: null },
  { reason: 'device_removed', state: 'logged_out', why: null },
  { reason: '403', state: 'logged_out', why: null },
] as const
type End = KickReason | 'a dead line' | (typeof FINAL)[number]
/** It takes seconds until silence is noticed. */
const QUICK: readonly End[] = [...PASSING, ...FINAL]
const ALL: readonly End[] = [...QUICK, 'a dead line']
/**
 * Whoever asked something is answered this soon after the connection has ended. It is a hundredth of a second on a machine
 * that has nothing else to do, and a minute where a call waits for its time-out.
 */
const SETTLES_MS = 3_000

/** S1: however a connection ends, nobody waits for what cannot come any more, nothing is lost, and the state is the right one. */
export const serverDrop: Suite = {
  name: 'server-drop',
  about: 'Connections end in every way there is, while something is asked, sent and received.',
  kills: 45,
  short: 3,
  fails: {
    'calls-wait': { kills: 2 },
    'replaced-comes-back': { kills: 14 },
    'queue-forgets': { kills: 4 },
  },
  async run(run) {
    const trial = await Trial.open(run, { server: { sendWaitMs: 50, baileys: { keepAliveIntervalMs: 1_000 } } })
    await trial.link()
    const talk = new Talk(trial)
    const max = trial.emulator.contact(MAX, { name: 'Max Mustermann' })
    await talk.isHeard(await talk.says(MAX, 'vorher'))
    let deck: End[] = []
    for (let end = 0; end < run.kills && !talk.isHopeless; end++) {
      if (deck.length === 0) deck = shuffled(run.random, run.kills < ALL.length ? QUICK : ALL)
      const next = deck.pop()
      if (next === 'a dead line') await deadLine(trial, talk, max)
      else if (typeof next === 'object') await endForGood(trial, `gone-${end}`, `491710000${100 + end}`, next)
      else if (next) await endOnce(trial, talk, max, next, () => trial.emulator.faults.kick(talk.phone.phone, next))
    }
    await talk.ends()
    talk.check(await trial.books(), [max])
  },
}

/** One end, in the middle of everything. */
async function endOnce(trial: Trial, talk: Talk, max: Contact, name: string, end: () => void): Promise<void> {
  const asked = await askInVain(trial, talk)
  const { faults } = trial.emulator
  // A message is on a phone already, and its sender does not know.
  const unacked = faults.on({ phone: talk.phone.phone, direction: 'to-client', tag: 'ack', class: 'message' }).drop(1)
  const sent = await talk.says(MAX, `gesendet vor ${name} ${talk.accepted.length}`)
  await unacked.struck()
  const missed = faults
    .on({ phone: talk.phone.phone, direction: 'to-client', tag: 'message', matches: ({ attrs }) => !attrs.category })
    .drop(1)
  await talk.hears(max, `verloren vor ${name}`)
  await missed.struck()
  end()
  await settles(trial, asked, name)
  const meanwhile = await talk.hears(max, `nach ${name}`)
  if ((await talk.isBack()) && (await talk.isTold(meanwhile))) await talk.isHeard(sent)
  trial.run.report.count('ends')
}

/** Nothing is heard any more, and nobody has said so. */
async function deadLine(trial: Trial, talk: Talk, max: Contact): Promise<void> {
  let hole: { lift(): void } | undefined
  await endOnce(trial, talk, max, 'a dead line', () => {
    hole = trial.emulator.faults.blackhole({ phone: talk.phone.phone })
    // Only new connections get through again.
    void trial.until(async () => (await talk.session.info()).state !== 'ready').then(() => hole?.lift())
  })
}

/** An account of its own, since it does not come back. */
async function endForGood(
  trial: Trial,
  id: string,
  number: string,
  { reason, state, why }: (typeof FINAL)[number],
): Promise<void> {
  const { report } = trial.run
  const talk = await Talk.link(trial, id, number)
  const asked = await askInVain(trial, talk)
  trial.emulator.faults.kick(number, reason)
  await settles(trial, asked, reason)
  await trial.until(async () => (await talk.session.info()).state !== 'ready', 5_000)
  const info = await talk.session.info()
  if (info.state !== state || info.reason !== why)
    report.broke('wrong_states', `after ${reason} it is ${info.state} ${info.reason}, not ${state} ${why}`)
  await trial.admin.sessions.remove(id)
  report.count('ends')
}

/** Asks WhatsApp what it will not answer. Resolves when the question is on its way. */
async function askInVain(trial: Trial, talk: Talk): Promise<{ answer: Promise<string> }> {
  const number = `4930${trial.run.random.below(1e8).toString().padStart(8, '0')}`
  const lost = trial.emulator.faults.on({ phone: talk.phone.phone, direction: 'from-client', child: 'usync' }).drop()
  const answer = talk.session.checkNumber(number).then(
    () => 'an answer',
    (error: unknown) => (isWamuxClientError(error) ? error.code : String(error)),
  )
  await lost.struck()
  lost.lift()
  return { answer }
}

async function settles(trial: Trial, asked: { answer: Promise<string> }, name: string): Promise<void> {
  const { report } = trial.run
  const begun = Date.now()
  // The dead line has to be noticed first.
  const withinMs = name === 'a dead line' ? 12_000 : SETTLES_MS
  const code = await Promise.race([
    asked.answer,
    new Promise<undefined>((over) => setTimeout(() => over(undefined), withinMs)),
  ])
  report.most('slowest_call_ms', name === 'a dead line' ? 0 : Date.now() - begun)
  if (code === undefined) report.broke('calls_that_wait', `${name}: a call still waits after ${withinMs} ms`)
  else if (code !== 'WHATSAPP_DISCONNECTED') report.broke('calls_that_wait', `${name}: a call ends with ${code}`)
}
