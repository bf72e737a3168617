import { proto } from '@whiskeysockets/baileys'
import type { PastMessage, SharedState, Shown } from '../shared-state.ts'
import { el, SERVER } from '../stream/nodes.ts'
import type { StateAction, StateChange } from './app-state.ts'
import * as actions from './chat-actions.ts'
import { History } from './history.ts'
import { toJid } from './jids.ts'
import type { Past } from './past.ts'
import { VirtualPerson } from './people.ts'
import { historyParts } from './settling.ts'
import type { WaitOptions } from './waiting.ts'

const { RECENT } = proto.HistorySync.HistorySyncType

/** What the public `SharedState` describes, on top of a person. */
export class StatefulPhone extends VirtualPerson implements SharedState {
  pinsChat(chat: string, isPinned = true): void {
    this.changesState([actions.pins(this.#jidOf(chat), isPinned)])
  }

  mutesChat(chat: string, until: number | false = -1): void {
    this.changesState([actions.mutes(this.#jidOf(chat), until === false ? undefined : until)])
  }

  archivesChat(chat: string, isArchived = true): void {
    this.changesState([actions.archives(this.#jidOf(chat), isArchived, this.#rangeOf(chat))])
  }

  marksChatRead(chat: string, isRead = true): void {
    this.changesState([actions.marksRead(this.#jidOf(chat), isRead, this.#rangeOf(chat))])
  }

  clearsChat(chat: string): void {
    this.changesState([actions.clearsChat(this.#jidOf(chat), this.#rangeOf(chat))])
  }

  deletesChat(chat: string): void {
    this.changesState([actions.deletesChat(this.#jidOf(chat), this.#rangeOf(chat))])
  }

  stars(message: Shown, isStarred = true): void {
    this.changesState([actions.stars(this.#nameOf(message), isStarred)])
  }

  deletesForMe(message: Shown): void {
    const past = this.world.past.of(this.phone, { chat: message.chat, id: message.id, limit: 1 })
    this.changesState([actions.deletesForMe(this.#nameOf(message), toSeconds(past[0]?.at ?? this.world.clock.now()))])
  }

  renamesContact(phone: string, name?: string): void {
    const contact = this.world.accounts.require(phone)
    this.changesState([actions.namesContact(toJid(contact, 'pn'), toJid(contact, 'lid'), name)])
  }

  renamesItself(name: string): void {
    this.changesState([actions.namesItself(name)])
  }

  changesState(changes: readonly StateChange[]): void {
    this.world.appState.change(this.phone, changes)
  }

  state(): StateAction[] {
    return this.world.appState.actions(this.phone)
  }

  learns(matches: (action: StateAction) => boolean, options?: WaitOptions): Promise<StateAction> {
    return this.world.appState.learns(this.phone, matches, options)
  }

  remembers(chat: string, messages: readonly PastMessage[]): string[] {
    return this.#keeps(chat, messages).map(({ id }) => id)
  }

  async recalls(chat: string, messages: readonly PastMessage[]): Promise<string[]> {
    const newestFirst = this.#keeps(chat, messages).reverse()
    for (const { device } of this.world.devices.of(this.phone)) {
      await this.world.handset(this.phone).tellCompanion(device, () => {
        const history = new History(this.world, this.account)
        return historyParts(history, RECENT, newestFirst).map((part) => history.notice(part))
      })
    }
    return newestFirst.map(({ id }) => id).reverse()
  }

  #keeps(chat: string, messages: readonly PastMessage[]): Past[] {
    const { accounts, clock, past, post, random } = this.world
    if (!this.world.groups.get(chat)) accounts.require(chat)
    let at = clock.now() - 60_000 - messages.length * 1000
    const rows = messages.map(({ from, content, ...given }) => {
      at = given.at ?? at + 1000
      const id = given.id ?? `AC${random.bytes(15, `past/${this.phone}`).toString('hex').toUpperCase()}`
      const message = typeof content === 'string' ? { conversation: content } : content.message
      return { id, author: accounts.require(from).phone, chat, at, place: 0, message }
    })
    post.commit(() => past.add(this.phone, rows))
    return rows
  }

  marksDirty(what: 'account_sync' | 'groups' | 'syncd_app_state'): void {
    const dirty = el('dirty', { type: what, timestamp: this.world.clock.seconds() })
    for (const login of this.world.loginsOf(this.phone)) login.send(el('ib', { from: SERVER }, [dirty]))
  }

  renewsStateKey(): Promise<void> {
    return this.world.appState.rotate(this.phone)
  }

  #jidOf(chat: string): string {
    return chat.includes('@') ? chat : toJid(this.world.accounts.require(chat), 'pn')
  }

  #nameOf({ chat, id, from }: Shown): actions.MessageName {
    const isGroup = chat.endsWith('@g.us')
    const author = this.world.accounts.require(from)
    const name = { chatJid: this.#jidOf(chat), id, isFromMe: from === this.phone }
    return isGroup ? { ...name, participant: toJid(author, 'pn') } : name
  }

  /** Up to the newest message, which is named: a companion that has not seen it knows that it is behind. */
  #rangeOf(chat: string): actions.Range {
    const [last] = this.world.past.of(this.phone, { chat, limit: 1 })
    if (!last) return {}
    const name = this.#nameOf({ chat, id: last.id, from: last.author })
    const { chatJid: remoteJid, id, isFromMe: fromMe, participant } = name
    const timestamp = toSeconds(last.at)
    return {
      lastMessageTimestamp: timestamp,
      messages: [{ key: { remoteJid, id, fromMe, ...(participant && { participant }) }, timestamp }],
    }
  }
}

const toSeconds = (ms: number) => Math.floor(ms / 1000)
