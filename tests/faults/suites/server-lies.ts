import type { Contact, Where } from '@wamux/emulator'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const MAX = '491234567890'
const EVA = '491234567891'
const LIAR = '491234567892'
const TO_US = { phone: PHONE, direction: 'to-client' } as const
/** Not what the phone tells its companions. */
const MESSAGE: Where = { ...TO_US, tag: 'message', matches: ({ attrs }) => !attrs.category }
const ACK: Where = { ...TO_US, tag: 'ack', class: 'message' }
/**
 * Ids that somebody could have chosen. What every object has, such as `constructor`, cannot be among them: Baileys, with
 * which the network writes, makes nothing of it.
 */
const NAMES = ["' OR '1'='1", '%', '../../../etc', 'ÄÖÜ 🙂', 'x'.repeat(200)]

/** S10: what a server or a stranger says of messages that are not theirs changes nothing. */
export const serverLies: Suite = {
  name: 'server-lies',
  about:
    'Acks and receipts for messages that are none, twice, too early, of others; ids that others have chosen before.',
  kills: 5,
  short: 1,
  fails: { 'known-by-chat': { kills: 1 }, 'any-receipt-counts': { kills: 1 } },
  async run(run) {
    const { report } = run
    const trial = await Trial.open(run, { server: { sendWaitMs: 50 } })
    const { faults } = trial.emulator
    await trial.link()
    const [max, eva, liar] = [MAX, EVA, LIAR].map((phone) => trial.emulator.contact(phone, { name: phone })) as [
      Contact,
      Contact,
      Contact,
    ]
    const talk = new Talk(trial)
    const collisions: { id: string; chat: string; sender: string; body: string }[] = []
    for (let round = 0; round < run.kills && !talk.isHopeless; round++) {
      const told = await talk.says(MAX, `schon gesendet ${round}`)
      await talk.isHeard(told)
      const early = await onTheWire(trial, talk, `noch unterwegs ${round}`)
      const t = String(Math.floor(Date.now() / 1000))
      const ofEva = { from: `${EVA}@s.whatsapp.net`, type: 'read', t }
      const ofMax = { class: 'message', from: `${MAX}@s.whatsapp.net`, t }
      const lies = [
        ...['3EB0NOBODYHASTHISID', ...NAMES].flatMap((id) => [
          { tag: 'ack', attrs: { ...ofMax, id } },
          { tag: 'ack', attrs: { ...ofMax, id, error: '463' } },
          { tag: 'receipt', attrs: { ...ofEva, id } },
        ]),
        { tag: 'ack', attrs: { class: 'message' } },
        // It was settled before: that it is refused now is not to be believed.
        { tag: 'ack', attrs: { ...ofMax, id: told, error: '479' } },
        // She was sent neither.
        { tag: 'receipt', attrs: { ...ofEva, id: told } },
        { tag: 'receipt', attrs: { ...ofEva, id: early.id } },
      ]
      // Each takes the place of a message, which comes with the next login.
      for (const lie of lies) {
        const replaced = faults.on(MESSAGE).rewrite(() => lie, 1)
        const line = `${report.figures.lies ?? 0}`
        await talk.hears(liar, `statt einer Lüge ${line}`, { line })
        await replaced.struck()
        report.count('lies')
      }
      const forged = faults
        .on(MESSAGE)
        .rewrite((node) => ({ ...node, attrs: { ...node.attrs, from: `${PHONE}@s.whatsapp.net` } }), 1)
      // Nobody can read it: it is sealed by somebody else than it says.
      await eva.says(PHONE, `als wäre ich du ${round}`)
      await forged.struck()
      early.lift()
      const twice = faults.on(ACK).duplicate(1)
      await talk.isHeard(await talk.says(MAX, `zweimal bestätigt ${round}`))
      await twice.struck()

      if (round === 0) {
        for (const id of NAMES) await talk.hears(max, `mit der id ${id}`, { id })
        await talk.hears(max, 'mit einer fremden id', { id: told })
        liar.changesName('x'.repeat(100_000))
        await talk.hears(liar, 'mit einem langen Namen')
        const group = trial.emulator.group({ subject: 'Familie', members: [PHONE, EVA, LIAR] })
        for (const [who, chat] of [
          [eva, PHONE],
          [liar, PHONE],
          [eva, group.id],
          [liar, group.id],
        ] as const) {
          const { id } = await who.says(chat, `von ${who.phone}`, { id: '3EB0THESAMEFORALL' })
          const sender = `${who.phone}@c.us`
          collisions.push({ id, chat: chat === PHONE ? sender : chat, sender, body: `von ${who.phone}` })
        }
      }
      faults.kick(PHONE, 'drop')
      await talk.isTold(talk.written.at(-1)?.id ?? '')
      const { ack } = (await trial.peek()).outbox.find(({ id }) => id === early.id) ?? { ack: -1 }
      if (ack > 2) report.broke('believed', `what Max was sent counts as read because Eva says so (${ack})`)
    }
    await talk.ends()
    await talk.eventually('keep all that have one id', async () => {
      const { messages } = await trial.peek()
      return messages.filter(({ id }) => id === '3EB0THESAMEFORALL').length >= collisions.length
    })
    const books = await trial.books()
    const isOther = (id: string | undefined) => id !== '3EB0THESAMEFORALL'
    for (const one of collisions) {
      const kept = books.messages.filter(
        ({ id, chat, sender, body }) =>
          id === one.id && chat === one.chat && sender === one.sender && body === one.body,
      )
      if (kept.length !== 1) report.broke('lost', `${one.body} in ${one.chat} is there ${kept.length} times`)
    }
    for (const { event, data } of books.events) {
      if (event === 'message_ack' && 'ackCode' in data && Number(data.ackCode) > 2)
        report.broke('believed', `message_ack of ${data.id}: nobody has read anything`)
    }
    talk.check({ ...books, messages: books.messages.filter(({ id }) => isOther(id)) }, [max], ({ data }) =>
      isOther(data.id),
    )
  },
}

/** Sends something whose ack does not come before it is let go. */
async function onTheWire(trial: Trial, talk: Talk, text: string): Promise<{ id: string; lift(): void }> {
  const held = trial.emulator.faults.on(ACK).hold()
  const id = await talk.says(MAX, text)
  await held.struck()
  return { id, lift: () => held.lift() }
}
