import type { Contact } from '@wamux/emulator'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { Trial } from '../runner/trial.ts'

/** How many accounts the process has, and from how many kills on it has 200. In the shortest form a few must do. */
const ACCOUNTS = 12
const FEW_ACCOUNTS = 6
const MOST_ACCOUNTS = 200
const MANY_KILLS = 20
/** All lines are cut again after so long, at random. */
const PERIOD_MS = [500, 5_000] as const
/** Connections that may be begun in a second. */
const PER_SECOND = 5
/** Seen from the other side those of two seconds may come in one, on a busy machine. */
const TOLERANCE = 3

/** S3: a network that comes and goes is not answered with all accounts at once, and nothing is lost. */
export const serverFlap: Suite = {
  name: 'server-flap',
  about: 'The lines of a dozen accounts are cut at the same moment, again and again, while they hear and send.',
  kills: 15,
  short: 1,
  fails: { 'all-at-once': { kills: 2 } },
  async run(run) {
    const { report, random } = run
    const trial = await Trial.open(run, { server: { sendWaitMs: 50 } })
    const { emulator } = trial
    await trial.link()
    const accounts = [new Talk(trial)]
    const contacts: Contact[] = []
    while (accounts.length < howMany(run.kills)) {
      const number = accounts.length
      accounts.push(await Talk.link(trial, `account-${number}`, `4917000001${String(number).padStart(3, '0')}`))
    }
    for (const [index, talk] of accounts.entries()) {
      const contact = emulator.contact(`49123456${String(index).padStart(4, '0')}`, { name: `Kontakt ${index}` })
      contacts.push(contact)
      await talk.isHeard(await talk.says(contact.phone, 'vorher'))
    }
    const logins: number[] = []
    emulator.events.on(({ type }) => {
      if (type === 'connected') logins.push(performance.now())
    })
    for (let flap = 0; flap < run.kills && !accounts.some((talk) => talk.isHopeless); flap++) {
      const before = logins.length
      emulator.faults.kickAll('drop')
      for (const [index, talk] of accounts.entries()) {
        const contact = contacts[index]
        if (contact && random.chance(0.3)) await talk.hears(contact, `gehört ${flap}`)
        if (contact && random.chance(0.3)) await talk.says(contact.phone, `gesendet ${flap}`).catch(() => {})
      }
      const ms = PERIOD_MS[0] + random.below(PERIOD_MS[1] - PERIOD_MS[0])
      // In the short form, and now and then in the long one, all come back in between.
      const isAll = () => logins.length - before >= accounts.length
      if (run.kills < 10 || random.chance(0.2)) await trial.until(async () => isAll(), 60_000)
      else await new Promise((again) => setTimeout(again, ms))
      report.count('flaps')
    }
    for (const talk of accounts) await talk.ends()
    const most = Math.max(...logins.map((at) => logins.filter((other) => other >= at && other < at + 1_000).length))
    report.most('connections_in_a_second', most)
    report.count('connections', logins.length)
    if (most > PER_SECOND + TOLERANCE) report.broke('storms', `${most} connections were begun within a second`)
    const books = await trial.books()
    for (const [index, talk] of accounts.entries()) {
      const contact = contacts[index]
      if (contact)
        talk.check({ ...books, events: books.events.filter(({ session }) => session === talk.id) }, [contact])
    }
    report.count('accounts', accounts.length)
  },
}

const howMany = (kills: number) => (kills < 2 ? FEW_ACCOUNTS : kills < MANY_KILLS ? ACCOUNTS : MOST_ACCOUNTS)
