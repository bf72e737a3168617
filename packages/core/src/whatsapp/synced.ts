import type { Contact, ReachoutTimelockState, WASocket } from '@whiskeysockets/baileys'
import type { Inbox } from '../inbox.ts'
import type { Reachout } from '../restriction.ts'
import type { Work } from '../stores/store.ts'
import { readPast } from './read-past.ts'
import { toParty } from './read-stanza.ts'
import type { StateVersions } from './state-versions.ts'
import type { Vault } from './vault.ts'

/** Messages of the past are many: keep each commit short. */
const PAST_AT_ONCE = 200

export interface SyncedOptions {
  inbox: Inbox
  vault: Vault
  versions: StateVersions
  ev: WASocket['ev']
  /** WhatsApp told whether the account may begin chats. */
  reachout(reachout: Reachout): Promise<void>
  failed(error: unknown): void
}

/**
 * What WhatsApp tells in bulk, and would tell again: the past, the contacts, who is blocked, how the account stands.
 * Written behind, in short commits.
 */
export class Synced {
  readonly #options: SyncedOptions
  /** The last of what Baileys told and is not written yet. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: SyncedOptions) {
    this.#options = options
  }

  /** Settles when all that Baileys has to tell so far is written, or given up. */
  written(): Promise<void> {
    const { ev, vault, versions } = this.#options
    // It tells what it has gathered a tenth of a second later: that may be too late. To begin anew first is what ends
    // a timer of its own that would keep it from telling anything for half a minute.
    ev.buffer()
    ev.flush()
    this.#behind(() => versions.write(vault))
    return this.#writing
  }

  listen(): void {
    const { ev, inbox, reachout } = this.#options
    ev.on('messaging-history.set', ({ chats, contacts, messages }) => {
      const works = [
        ...contacts.map((contact) => () => this.#contact(contact)),
        ...chats.flatMap((chat) => {
          const party = toParty(chat.id, chat.lidJid ?? chat.pnJid)
          return party === undefined ? [] : [() => inbox.namedChat(party, chat.name ?? null)]
        }),
        ...messages.flatMap((message) => {
          const past = readPast(message)
          return past ? [() => inbox.message(past.incoming, past.content, { past: true })] : []
        }),
      ]
      this.#inParts(works)
    })
    ev.on('contacts.upsert', (contacts) => this.#inParts(contacts.map((contact) => () => this.#contact(contact))))
    ev.on('contacts.update', (contacts) => this.#inParts(contacts.map((contact) => () => this.#contact(contact))))
    ev.on('blocklist.set', ({ blocklist }) => {
      const people = blocklist.map((jid) => toParty(jid, undefined)).filter((party) => typeof party === 'object')
      this.#inParts([() => inbox.blocked(people)])
    })
    ev.on('connection.update', ({ reachoutTimeLock }) => {
      if (reachoutTimeLock) this.#behind(() => reachout(reachoutOf(reachoutTimeLock)))
    })
  }

  *#contact(contact: Partial<Contact>): Work<void> {
    const party = toParty(contact.id, contact.lid ?? contact.phoneNumber)
    if (typeof party !== 'object') return
    yield* this.#options.inbox.person(party, { name: contact.name, pushname: contact.notify })
  }

  #inParts(works: (() => Work<unknown>)[]): void {
    this.#behind(async () => {
      for (let from = 0; from < works.length; from += PAST_AT_ONCE) {
        await this.#options.vault.commit({}, works.slice(from, from + PAST_AT_ONCE))
      }
    })
  }

  #behind(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch(this.#options.failed)
  }
}

export function reachoutOf({
  isActive = false,
  timeEnforcementEnds,
  enforcementType,
}: ReachoutTimelockState): Reachout {
  const reason = isActive && enforcementType !== undefined && enforcementType !== 'DEFAULT' ? enforcementType : null
  return { isRestricted: isActive, until: timeEnforcementEnds?.getTime() ?? null, reason }
}
