import { brokenAgainstServers } from './broken-against-servers.ts'
import { brokenInStories } from './broken-in-stories.ts'
import { brokenOnBadDisks } from './broken-on-bad-disks.ts'

/** A build that is broken on purpose: what is replaced in which file. Each text must be there exactly once. */
export interface Broken {
  about: string
  edits: readonly { file: string; from: string; to: string }[]
}

const SIGNAL = 'packages/core/src/whatsapp/signal.ts'
const VAULT = 'packages/core/src/whatsapp/vault.ts'
const HARDEN = 'packages/core/src/whatsapp/harden.ts'
const CONNECTION = 'packages/core/src/whatsapp/connection.ts'
const DISPATCH = 'packages/core/src/whatsapp/dispatch.ts'
const ARRIVALS = 'packages/core/src/whatsapp/arrivals.ts'
const DEPARTURES = 'packages/core/src/departures.ts'
const DISPATCHER = 'packages/server/src/webhooks/dispatcher.ts'
const COURIER = 'packages/server/src/webhooks/courier.ts'
const DELIVERIES = 'packages/core/src/stores/sql/deliveries.ts'
const SENDER = 'packages/core/src/sender.ts'

/** Faults that a rewrite could bring back. Each suite says which of them it has to see. */
export const broken: Readonly<Record<string, Broken>> = {
  'journal-outside': {
    about: "A message is recorded in a commit of its own, after the ratchet's.",
    edits: [
      {
        file: SIGNAL,
        from: 'await this.#keys.set({ [WORKS]: { [String(this.#works++)]: work } } as unknown as SignalDataSet)',
        to: 'setTimeout(() => void this.#vault.commit({}, [work]).catch(() => {}), 3)',
      },
    ],
  },
  'ack-before-commit': {
    about: 'Baileys, and so WhatsApp, is told before the commit is on disk.',
    edits: [
      {
        file: VAULT,
        from: 'await this.#guard(\n      () =>\n        this.#store.write(',
        to: 'const later = this.#guard(\n      () =>\n        this.#store.write(',
      },
      {
        file: VAULT,
        from: 'if (works.length > 0) this.#onCommitted()',
        to: 'if (works.length > 0) void later.then(() => this.#onCommitted(), () => {})',
      },
    ],
  },
  'stanza-forgotten': {
    about: 'What the own phone tells is not kept until Baileys has handled it.',
    edits: [{ file: ARRIVALS, from: "yield* unhandled.keep(session, 'unhandled', node)\n      for", to: 'for' }],
  },
  'answered-before-handled': {
    about: 'What could be read before is answered, whether or not Baileys got to handle it.',
    edits: [
      {
        file: ARRIVALS,
        from: 'if (!(await this.#vault.read(() => unhandled.isKept(this.#session, node)))) {',
        to: 'if (node) {',
      },
    ],
  },
  'mapping-alone': {
    about: 'When a phone and a hidden id are found to be one person, the sessions stay where they are.',
    edits: [{ file: SIGNAL, from: 'await this.#moveSessions(known.phone, known.lid)\n', to: '\n' }],
  },
  'new-id-on-retry': {
    about: 'A message that is sent again by the next process has another id.',
    edits: [
      {
        file: DISPATCH,
        from: '...relayOptions(entry.relay), messageId: entry.id }',
        to: '...relayOptions(entry.relay), messageId: entry.id + process.pid.toString(16) }',
      },
      { file: CONNECTION, from: 'if (id) events.acked(id, error', to: 'if (id) events.acked(id.slice(0, 22), error' },
    ],
  },
  'settled-when-written': {
    about: 'A message counts as sent when its frame was given to the socket.',
    edits: [
      {
        file: DEPARTURES,
        from: 'await this.#ended.or(asked.send())\n',
        to: 'await this.#ended.or(asked.send())\n      this.acked(entry.id, undefined, Date.now())\n',
      },
    ],
  },
  'row-after-answer': {
    about: 'A single send is answered before its row is written.',
    edits: [
      {
        file: SENDER,
        from: 'await outbox.accept(entries, claim)',
        to: 'if (items[0]?.batch) await outbox.accept(entries, claim)\n    else setTimeout(() => void outbox.accept(entries, claim).catch(() => {}), 500)',
      },
    ],
  },
  'shared-domain': {
    about:
      "Signal's keys are in the transactions of the socket: a frame leaves before the ratchet that made it is kept.",
    edits: [
      {
        file: SIGNAL,
        from: '{ creds: auth.creds, keys: this.#keys },',
        to: '{ creds: auth.creds, keys: auth.keys as never },',
      },
    ],
  },
  'creds-late': {
    about: 'Frames do not wait for changed credentials.',
    edits: [
      {
        file: HARDEN,
        from: 'const saving = options.saving()\n',
        to: 'const saving = undefined as Promise<void> | undefined\n',
      },
      { file: HARDEN, from: 'waiting.length === 0 && !options.saving()', to: 'waiting.length === 0' },
    ],
  },
  'cursor-alone': {
    about: "A webhook's place in the journal moves before the deliveries up to it are written.",
    edits: [
      {
        file: DISPATCHER,
        from: 'yield* deliveries.add(queue, entry, now)',
        to: 'setTimeout(() => void store.write(() => deliveries.add(queue, entry, now)).catch(() => {}), 50)',
      },
    ],
  },
  'done-before-posted': {
    about: 'A delivery is done when its attempt begins.',
    edits: [
      {
        file: COURIER,
        from: 'const { outcome, attempt } = event ?',
        to: 'if (event) await this.#delivered(queue, owed, { at: 0, durationMs: 0, status: 200, error: null })\n      const { outcome, attempt } = event ?',
      },
    ],
  },
  'webhook-id-per-attempt': {
    about: 'Each attempt has a webhook-id of its own.',
    edits: [
      { file: COURIER, from: '{ ...webhook, id: event.id, at }', to: "{ ...webhook, id: event.id + '-' + at, at }" },
    ],
  },
  'nothing-held': {
    about: 'What fails holds nothing: the next of its chat goes at once.',
    edits: [{ file: DELIVERIES, from: 'now - holdMs + 1,', to: 'now + 1,' }],
  },
  ...brokenAgainstServers,
  ...brokenOnBadDisks,
  ...brokenInStories,
}
