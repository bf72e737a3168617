import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Contact, Where } from '@wamux/emulator'
import type { BinaryNode } from '@whiskeysockets/baileys'
import Database from 'better-sqlite3'
import { shuffled } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const MAX = '491234567890'
const MESSAGE: Where = { phone: PHONE, direction: 'to-client', tag: 'message', matches: ({ attrs }) => !attrs.category }
/** What can happen to a message on its way, so that it cannot be read at first, or comes otherwise than it was written. */
const QUICK = ['bad mac', 'missing pre-key', 'migration', 'replay', 'reorder'] as const
/** Takes a ratchet of two thousand steps. */
const ALL = [...QUICK, 'gap'] as const
type Kind = (typeof ALL)[number]
/** Signal looks no more than 2,000 keys ahead. */
const GAP = 2_100
/** So often a message is asked for, in all lives together. */
const MOST_WISHES = 5

/** S8: what cannot be read is told, asked for and told again when it can; not for ever, and a restart does not begin anew. */
export const serverDecrypt: Suite = {
  name: 'server-decrypt',
  about:
    'Messages are spoiled, repeated, lost by the thousand and of other names; every third time the server is killed.',
  kills: 2 * ALL.length,
  short: 3,
  fails: { 'unreadable-untold': { kills: 3 }, 'wishes-forgotten': { kills: 3 } },
  async run(run) {
    const { report } = run
    const trial = await Trial.open(run)
    const { emulator } = trial
    await trial.link()
    const talk = new Talk(trial)
    const max = emulator.contact(MAX, { name: 'Max' })
    await talk.isTold(await talk.hears(max, 'vorher'))
    const people: Contact[] = [max]
    const newcomer = () => {
      const contact = emulator.contact(`4915${String(people.length).padStart(8, '0')}`, { lidMigrated: false })
      people.push(contact)
      return contact
    }
    const hopeless = await neverReadable(trial, max)
    await talk.eventually('ask for what cannot be read', async () => hopeless.wishes() >= MOST_WISHES)
    const unreadable = new Map<string, string>()

    const next = () => `3EB0${randomUUID().replaceAll('-', '').slice(0, 18).toUpperCase()}`
    const that = (id: string): Where => ({ ...MESSAGE, matches: ({ attrs }) => attrs.id === id })
    /** Somebody says something that cannot be read the first time. Nothing waits for it. */
    const spoiled = (who: Contact, text: string, id = next()) => {
      unreadable.set(id, text)
      return talk.hears(who, text, { line: text, id })
    }
    const corrupted = (who: Contact, text: string, id = next()) => {
      emulator.faults.on(that(id)).corrupt(1)
      return spoiled(who, text, id)
    }
    const happens: Record<Kind, (text: string) => Promise<string>> = {
      'bad mac': (text) => corrupted(max, text),
      'missing pre-key': (text) => {
        const id = next()
        emulator.faults.on(that(id)).rewrite(withPreKeyOf(0x7fff), 1)
        return spoiled(newcomer(), text, id)
      },
      migration: async (text) => {
        const who = newcomer()
        await talk.isTold(await talk.hears(who, `${text} mit Nummer`))
        const id = await corrupted(who, text)
        await who.migrates()
        await talk.hears(who, `${text} ohne Nummer`)
        return id
      },
      replay: (text) => {
        const id = next()
        emulator.faults.on(that(id)).duplicate(1)
        return talk.hears(max, text, { id })
      },
      reorder: async (text) => {
        const ids = [next(), next()] as const
        emulator.faults.on({ ...MESSAGE, matches: ({ attrs }) => ids.some((id) => id === attrs.id) }).swap(1)
        await talk.hears(max, `${text}, überholt`, { line: text, id: ids[0] })
        return talk.hears(max, text, { line: `${text}, überholend`, id: ids[1] })
      },
      gap: async (text) => {
        await talk.session.stop()
        await trial.must('stop', async () => (await talk.session.info()).state === 'stopped')
        const { ids } = await max.saysAll(
          PHONE,
          Array.from({ length: GAP }, (_, index) => `verloren ${index}`),
        )
        await trial.must('lose them', async () => loses(join(run.folder, 'network.db'), ids))
        const id = await spoiled(max, text)
        await talk.session.start()
        return id
      },
    }
    let deck: Kind[] = []
    for (let round = 0; round < run.kills && !talk.isHopeless; round++) {
      if (deck.length === 0) deck = shuffled(run.random, run.kills < ALL.length ? QUICK : ALL)
      const kind = deck.pop() ?? 'bad mac'
      const id = await happens[kind](`${kind} ${round}`)
      if (!(await talk.isTold(id))) break
      // Every third time what is remembered of it has to be on disk.
      if (round % 3 === 1) await trial.start()
      if (!(await talk.isTold(await talk.hears(max, `nach ${kind} ${round}`)))) break
      report.count(kind.replaceAll(' ', '_'))
    }
    await talk.ends()
    report.most('wishes', hopeless.wishes())
    if (hopeless.wishes() > MOST_WISHES) report.broke('unbounded', `a message was asked for ${hopeless.wishes()} times`)
    const books = await trial.books()
    for (const [id, about] of [...unreadable, [hopeless.id, 'nie zu lesen'] as const]) {
      const told = books.events.filter(({ event, data }) => event === 'message_undecryptable' && data.id === id).length
      if (told !== 1) report.broke('undecryptable', `${about} (${id}) was told ${told} times as not to be read`)
    }
    for (const [id, about] of unreadable) {
      const message = books.events.find(({ event, data }) => event === 'message' && data.id === id)
      if (message && !message.data.recovered)
        report.broke('undecryptable', `${about} (${id}) was not told as recovered`)
    }
    talk.check(books, people, ({ data }) => data.id !== hopeless.id)
  },
}

/** One that nobody can ever read, and that WhatsApp delivers with every login. */
async function neverReadable(trial: Trial, who: Contact): Promise<{ id: string; wishes(): number }> {
  const { faults } = trial.emulator
  const id = '3EB0FFFFFFFFFFFFFFFFFF'
  const ofIt = ({ attrs }: BinaryNode) => attrs.id === id
  const from = { phone: PHONE, direction: 'from-client' } as const
  let wishes = 0
  faults.on({ ...MESSAGE, matches: ofIt }).corrupt()
  faults.on({ ...from, tag: 'ack', class: 'message', matches: ofIt }).drop()
  // The account's own phone could read it, and is not asked.
  faults.on({ ...from, tag: 'message', matches: ({ attrs }) => attrs.category === 'peer' }).drop()
  const counts = (node: BinaryNode) => {
    if (ofIt(node)) wishes++
    return false // only looks
  }
  faults.on({ ...from, tag: 'receipt', type: 'retry', matches: counts }).drop()
  await who.says(PHONE, 'nie zu lesen', { id })
  return { id, wishes: () => wishes }
}

/** Such a ciphertext names its pre-key in its first field, if any, behind the version; nothing seals that. */
const withPreKeyOf = (id: number) => (node: BinaryNode) => {
  if (!Array.isArray(node.content)) return node
  const parts = node.content.map((part) => {
    const { content } = part
    if (part.attrs.type !== 'pkmsg' || !(content instanceof Uint8Array)) return part
    const isNamed = content[1] === PRE_KEY_ID
    const rest = isNamed ? content.findIndex((byte, index) => index > 1 && byte < 0x80) + 1 : 1
    const name = [PRE_KEY_ID, 0x80 | (id & 0x7f), 0x80 | ((id >> 7) & 0x7f), id >> 14]
    return { ...part, content: Buffer.concat([content.subarray(0, 1), Buffer.from(name), content.subarray(rest)]) }
  })
  return { ...node, content: parts }
}
const PRE_KEY_ID = 0x08

/** The network forgets these, past its API. Rejects while it is at its file. */
function loses(file: string, ids: readonly string[]): boolean {
  const db = new Database(file, { timeout: 0 })
  try {
    const forget = db.prepare("DELETE FROM pending WHERE phone = ? AND device > 0 AND tag = 'message' AND id = ?")
    db.transaction(() => {
      for (const id of ids) forget.run(PHONE, id)
    })()
    return true
  } finally {
    db.close()
  }
}
