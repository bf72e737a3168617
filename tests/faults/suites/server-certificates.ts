import { CERTIFICATE_FLAWS, type CertificateFlaw } from '@wamux/emulator'
import { shuffled } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { Trial } from '../runner/trial.ts'

const MAX = '491234567890'
const ALL: readonly (CertificateFlaw | 'valid')[] = [...CERTIFICATE_FLAWS, 'valid']
/** So often a server with a flaw is dialled before it counts as refused. */
const TRIES = 2

/** S6: whoever cannot prove to be WhatsApp is told nothing, and nothing is lost until somebody can. */
export const serverCertificates: Suite = {
  name: 'server-certificates',
  about: 'A connection is lost, and who answers the next has certificates with a flaw.',
  kills: 2 * ALL.length,
  short: 2,
  fails: { 'certificates-unchecked': { kills: 5 }, 'certificates-for-ever': { kills: ALL.length } },
  async run(run) {
    const { report } = run
    const trial = await Trial.open(run)
    const { emulator } = trial
    await trial.link()
    const talk = new Talk(trial)
    const max = emulator.contact(MAX, { name: 'Max' })
    await talk.isTold(await talk.hears(max, 'vorher'))
    let logins = 0
    emulator.events.on(({ type, ...of }) => {
      if (type === 'connected' && 'phone' in of && of.phone === talk.phone.phone) logins++
    })
    let deck: (typeof ALL)[number][] = []
    for (let round = 0; round < run.kills && !talk.isHopeless; round++) {
      if (deck.length === 0) deck = shuffled(run.random, ALL)
      const flaw = deck.pop() ?? 'valid'
      const before = logins
      const impostor = flaw === 'valid' ? undefined : emulator.faults.certificates(flaw)
      emulator.faults.kick(talk.phone.phone, 'drop')
      const text = await talk.hears(max, `hinter ${flaw} ${round}`)
      if (impostor) {
        await talk.eventually(`look at ${flaw}`, async () => impostor.count >= TRIES || logins > before)
        if (logins > before) report.broke('believed', `a server with the flaw ${flaw}`)
        impostor.lift()
      }
      if ((await talk.isTold(text)) && (await talk.isBack()))
        await talk.isHeard(await talk.says(MAX, `nach ${flaw} ${round}`))
      report.count('servers')
    }
    await talk.ends()
    talk.check(await trial.books(), [max])
  },
}
