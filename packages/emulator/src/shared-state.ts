import type { proto } from '@whiskeysockets/baileys'
import type { StateAction, StateChange } from './world/app-state.ts'
import type { WaitOptions } from './world/waiting.ts'

/** A message on the screen of a phone, as `messages()` and `hears()` give it. */
export interface Shown {
  readonly id: string
  /** Phone digits of the person who wrote it. */
  readonly from: string
  /** Phone digits of the other person, or the id of the group. */
  readonly chat: string
}

/** A message that nobody sends any more: it was there before the network was. */
export interface PastMessage {
  /** Phone digits of the author. */
  readonly from: string
  readonly content: string | { readonly message: proto.IMessage }
  /** Milliseconds. Without it, a second after the one before it; the last one was a minute ago. */
  readonly at?: number
  readonly id?: string
}

/**
 * What a phone and its companions agree on (WhatsApp calls it app state), written by the phone. Everything here is
 * committed when it returns, and the companions are told to fetch it. Chats are named by phone digits, group id or JID.
 */
export interface SharedState {
  pinsChat(chat: string, isPinned?: boolean): void
  /** Until a time in ms, for good when there is none; `false`: no longer. */
  mutesChat(chat: string, until?: number | false): void
  archivesChat(chat: string, isArchived?: boolean): void
  /** Marks a chat as read, or as unread. No receipts are sent. */
  marksChatRead(chat: string, isRead?: boolean): void
  clearsChat(chat: string): void
  deletesChat(chat: string): void
  stars(message: Shown, isStarred?: boolean): void
  deletesForMe(message: Shown): void
  /** Writes a name into the phone's address book; without one the entry is deleted. */
  renamesContact(phone: string, name?: string): void
  /** How the account calls itself: the push name. */
  renamesItself(name: string): void
  /** Anything else, as it is: one patch for each collection. */
  changesState(changes: readonly StateChange[]): void
  /** All facts that are true now, whoever of the account's devices wrote them. */
  state(): StateAction[]
  /** Waits until a fact is true that matches; resolves at once if it is. Rejects when `patienceMs` is over. */
  learns(matches: (action: StateAction) => boolean, options?: WaitOptions): Promise<StateAction>
  /**
   * Gives the phone a past in a chat, the oldest message first: companions that are linked later get it as history, and
   * those that ask for older messages. Nobody is sent anything. Returns the ids.
   */
  remembers(chat: string, messages: readonly PastMessage[]): string[]
  /**
   * The same, and its companions are told at once: a phone that has much to tell goes on with its history for a while.
   * Resolves with the ids when the network has it for good.
   */
  recalls(chat: string, messages: readonly PastMessage[]): Promise<string[]>
  /**
   * Tells the companions that are connected that they have missed a change: of the account, of its groups, or of this
   * state. They fetch it, and say that it is clean.
   */
  marksDirty(what: 'account_sync' | 'groups' | 'syncd_app_state'): void
  /** Makes a new key for the state and hands it to the companions, as happens by itself when one is unlinked. */
  renewsStateKey(): Promise<void>
}
