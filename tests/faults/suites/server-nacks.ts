import { randomUUID } from 'node:crypto'
import type { Contact, NackTreatment } from '@wamux/emulator'
import { shuffled } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const MAX = '491234567890'
/** What a server may do with a message that was refused: count it as received, or not. */
const ALL: readonly (NackTreatment | 'consume')[] = ['stall', 'keep', 'close', 'consume']
/** Of so many messages one can never be read, neither the first time nor when it is resent. */
const BAD_ONE_IN = 10
const AT_ONCE = 20

/** S2: a message that nobody can ever read is told as that, and holds up nothing, whatever the server makes of a refusal. */
export const serverNacks: Suite = {
  name: 'server-nacks',
  about: 'A tenth of the messages cannot be read, and refused ones are delivered first, again and again.',
  kills: 12,
  short: 1,
  fails: { 'unreadable-refused': { kills: 2 } },
  async run(run) {
    const { report } = run
    const trial = await Trial.open(run)
    const { faults } = trial.emulator
    await trial.link()
    const talk = new Talk(trial)
    const max = trial.emulator.contact(MAX, { name: 'Max' })
    await talk.isTold(await talk.hears(max, 'vorher'))
    const bad = new Set<string>()
    faults
      .on({ phone: PHONE, direction: 'to-client', tag: 'message', matches: ({ attrs }) => bad.has(attrs.id ?? '') })
      .corrupt()
    let deck: (typeof ALL)[number][] = []
    for (let round = 0; round < run.kills && !talk.isHopeless; round++) {
      if (deck.length === 0) deck = run.kills < ALL.length ? ['keep', 'stall'] : shuffled(run.random, ALL)
      const treatment = deck.pop() ?? 'stall'
      const fault = treatment === 'consume' ? undefined : faults.treatNacks(treatment)
      const live = await some(talk, max, bad, `${treatment} ${round}, live`)
      if (!(await talk.isTold(live))) break
      await talk.session.stop()
      await trial.must('stop', async () => (await talk.session.info()).state === 'stopped')
      const kept = await some(talk, max, bad, `${treatment} ${round}, kept`)
      await talk.session.start()
      if (!(await talk.isTold(kept))) break
      // The next login finds nothing in its way either.
      faults.kick(PHONE, 'drop')
      await talk.isTold(await talk.hears(max, `${treatment} ${round}, after`))
      fault?.lift()
      report.count('rounds')
    }
    await talk.ends()
    const books = await trial.books()
    const isGood = (id: string | undefined) => !bad.has(id ?? '')
    for (const id of bad) {
      const told = books.events.filter(({ event, data }) => event === 'message_undecryptable' && data.id === id).length
      if (told !== 1) report.broke('undecryptable', `${id} was told ${told} times as not to be read`)
    }
    report.count('unreadable', bad.size)
    talk.check({ ...books, messages: books.messages.filter(({ id }) => isGood(id)) }, [max], ({ data }) =>
      isGood(data.id),
    )
  },
}

/** Resolves with the id of the last one, which can be read. */
async function some(talk: Talk, who: Contact, bad: Set<string>, about: string): Promise<string> {
  let last = ''
  for (let index = 1; index <= AT_ONCE; index++) {
    if (index % BAD_ONE_IN === BAD_ONE_IN >> 1) {
      const id = `3EB0${randomUUID().replaceAll('-', '').slice(0, 18).toUpperCase()}`
      bad.add(id)
      await who.says(talk.phone.phone, `nicht zu lesen ${about} ${index}`, { id })
    } else last = await talk.hears(who, `${about} ${index}`)
  }
  return last
}
