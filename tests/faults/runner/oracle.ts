import type { Contact } from '@wamux/emulator'
import type { Books } from './books.ts'
import type { Receiver, Told } from './receiver.ts'
import type { Report } from './report.ts'

/** A message that the network has for good, or something that was done to one. */
export interface Written {
  id: string
  /** What it has to become in the journal. */
  event: 'message' | 'message_edited' | 'message_deleted' | 'message_reaction' | 'poll_vote'
  /** Messages of one line have an order: a chat. */
  line: string
  /** Phone digits. */
  author: string
  /** The words, the emoji, what was voted for; empty for what was taken back. */
  text: string
  kind: string
}

const EVENTS: ReadonlySet<string> = new Set([
  'message',
  'message_edited',
  'message_deleted',
  'message_reaction',
  'poll_vote',
] satisfies Written['event'][])

interface Found {
  event: string
  data: Told['data']
}

const saysWhat = ({ body, emoji, options }: Told['data']) => body ?? emoji ?? options?.join() ?? ''

/** What happens to messages besides. */
export interface Besides {
  /** Ids of messages that could not be read at first. */
  spoiled?: ReadonlySet<string>
  /** What the own phone tells of the time before, which is kept and not told. */
  past?: readonly { id: string; text: string }[]
}

/** Compares what was written with what the server has and told. Pure, but for the findings that it adds. */
export function checkInbound(
  report: Report,
  written: readonly Written[],
  receiver: Pick<Receiver, 'told' | 'changed' | 'repeats'>,
  books: Books,
  { spoiled = new Set(), past = [] }: Besides = {},
): void {
  compare(report, 'journal', written, books.events)
  compare(report, 'webhook', written, receiver.told)
  const kept = new Map(books.messages.map(({ id, body }) => [id, body]))
  for (const { id, event, text, line } of written) {
    if (event === 'message' && kept.get(id) !== text)
      report.broke('lost', `${id} of ${line} is not in the history as ${text}`)
  }
  for (const { id, text } of past) {
    if (kept.get(id) !== text) report.broke('lost', `${id} of the past is not in the history as ${text}`)
  }
  const known = new Set([...written, ...past].map(({ id }) => id))
  for (const { id, chat } of books.messages) {
    if (!known.has(id)) report.broke('dup_in_log', `${id} of ${chat} is in the history and nobody wrote it`)
  }
  checkUndecryptable(report, books.events, spoiled)
  for (const { key } of books.stanzas) report.broke('stuck', `Baileys did not handle: ${key}`)
  books.events.forEach(({ seq }, index) => {
    if (seq !== index + 1) report.broke('order_violations', `the journal has ${seq} in place ${index + 1}`)
  })
  for (const id of receiver.changed) report.broke('dup_in_log', `webhook ${id} came again with another body`)
  report.count('written', written.length)
  report.count('repeated_webhooks', receiver.repeats)
}

/** Only what was spoiled may not be readable, is told once, and says that it was when it has come after all. */
function checkUndecryptable(report: Report, events: Books['events'], spoiled: ReadonlySet<string>): void {
  const unread = new Set<string>()
  for (const { event, data } of events) {
    const { id = '', chatId, recovered } = data
    if (event === 'message_undecryptable') {
      if (!spoiled.has(id)) report.broke('undecryptable', `${id} of ${chatId}`)
      if (unread.has(id)) report.broke('dup_in_log', `${id} of ${chatId} was not readable twice`)
      unread.add(id)
      report.count('spoiled')
    }
    if (event === 'message' && unread.has(id) !== (recovered === true)) {
      report.broke('undecryptable', `${id} of ${chatId} ${recovered ? 'was readable' : 'does not say that it was not'}`)
    }
  }
}

function compare(report: Report, where: string, written: readonly Written[], all: readonly Found[]): void {
  const found = all.filter(({ event }) => EVENTS.has(event))
  const places = new Map<string, number>()
  for (const [index, { data }] of found.entries()) {
    const id = data.id ?? ''
    if (places.has(id)) report.broke('dup_in_log', `${where}: ${id} of ${data.chatId} twice`)
    else places.set(id, index)
  }
  const last = new Map<string, Written & { place: number }>()
  for (const one of written) {
    const place = places.get(one.id)
    if (place === undefined) {
      report.broke('lost', `${where}: ${one.id} of ${one.line} (${one.kind}): ${one.text}`)
      continue
    }
    const { event, data } = found[place] ?? { event: '', data: {} }
    if (event !== one.event || saysWhat(data) !== one.text) {
      report.broke('lost', `${where}: ${one.id} is ${event} ${saysWhat(data)} instead of ${one.event} ${one.text}`)
    }
    const before = last.get(one.line)
    if (before && before.place > place) report.broke('order_violations', `${where}: ${one.id} before ${before.id}`)
    last.set(one.line, { ...one, place })
  }
}

/** A message that the API has accepted. */
export interface Accepted {
  id: string
  /** Those of one line were accepted one after the other, in this order. */
  line: string
  /** Phone digits, or the id of a group. */
  chat: string
  text: string
}

/** Compares what was accepted with what the recipients' phones show and what the outbox says. */
export function checkOutbound(
  report: Report,
  accepted: readonly Accepted[],
  people: readonly Contact[],
  members: ReadonlyMap<string, readonly string[]>,
  books: Books,
): void {
  const shown = new Map(people.map((person) => [person.phone, person.messages()]))
  const states = new Map(books.outbox.map(({ id, state }) => [id, state]))
  const known = new Map(accepted.map((one) => [one.id, one]))
  for (const { id, chat, text } of accepted) {
    if (states.get(id) !== 'sent') report.broke('lost', `${id} to ${chat} is ${states.get(id)} in the outbox`)
    for (const phone of members.get(chat) ?? [chat]) {
      const there = shown.get(phone)?.find((heard) => heard.id === id)
      if (!there) report.broke('lost', `${id} to ${chat} is not on the phone of ${phone}`)
      else if (there.text !== text)
        report.broke('lost', `${id} says ${there.text} on the phone of ${phone}, not ${text}`)
    }
  }
  for (const [phone, heard] of shown) {
    const texts = new Set<string>()
    const last = new Map<string, number>()
    for (const { id, text, copies } of heard) {
      report.count('repeated_ids', copies - 1)
      if (texts.has(text)) report.broke('dup_ids_on_phone', `${phone} has "${text}" twice, the second time as ${id}`)
      texts.add(text)
      const one = known.get(id)
      if (!one) {
        report.broke('dup_ids_on_phone', `${phone} has ${id}, which nobody was told of`)
        continue
      }
      const place = accepted.indexOf(one)
      if (place < (last.get(one.line) ?? 0)) report.broke('order_violations', `${phone}: ${id} came too late`)
      last.set(one.line, place)
    }
  }
  const sent = books.events.filter(({ event }) => event === 'message_sent').map(({ data }) => data.id ?? '')
  if (new Set(sent).size !== sent.length) report.broke('dup_in_log', 'a message was told as sent twice')
  for (const { id, chat } of accepted) if (!sent.includes(id)) report.broke('lost', `message_sent of ${id} to ${chat}`)
  for (const { event, data } of books.events) if (event === 'message_failed') report.broke('lost', `${data.id} failed`)
  report.count('accepted', accepted.length)
}
