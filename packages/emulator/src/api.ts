import type { Group, GroupOptions } from './api-group.ts'
import type { Media } from './api-media.ts'
import type { Answer, Content } from './content/content.ts'
import type { Faults } from './faults.ts'
import type { SharedState } from './shared-state.ts'
import type { UnknownStanza } from './unknown.ts'
import type { Behaviour, Reply } from './world/accounts.ts'
import type { PrivacyName } from './world/circle.ts'
import type { Clock } from './world/clock.ts'
import type { Events } from './world/events.ts'
import type { Space } from './world/jids.ts'
import type { Linked } from './world/linking-error.ts'
import type { Heard, Matcher } from './world/mailbox.ts'
import type { Script } from './world/manners.ts'
import type { ChatState } from './world/sightings.ts'
import type { WaitOptions } from './world/waiting.ts'

/** A WhatsApp network on loopback. */
export interface Emulator {
  /** For `waWebSocketUrl`. */
  readonly url: string
  /** Where the control API listens, without a path. */
  readonly controlUrl: string
  /** The same network with TLS: on the same port, or on the `tlsPort` when it was given one. */
  readonly tls: TlsEndpoint
  /** The root of its certificates, 32 raw bytes, for `trustEmulator` and for strict clients. */
  readonly rootPublicKey: Buffer
  /** Spread it into the configuration of a Baileys socket. */
  readonly socketConfig: { waWebSocketUrl: string }
  /** The phone with this number; made when there is none. Its state lasts in the file. */
  phone(phone: string, options?: { name?: string }): Phone
  /** The virtual person with this number; made when there is none. A number is a phone or a contact, never both. */
  contact(phone: string, options?: ContactOptions): Contact
  /** Makes a group. */
  group(options: GroupOptions): Group
  /** All groups, those that clients made included; the oldest first. */
  readonly groups: readonly Group[]
  /** Waits for a group like this, made by whomever. Resolves at once if there is one; rejects when `patienceMs` is over. */
  findsGroup(isIt: (group: Group) => boolean, options?: WaitOptions): Promise<Group>
  /** The network's time. Time-outs and expiries are reached by advancing it, never by waiting. */
  readonly clock: Clock
  readonly faults: Faults
  /** What happens, for tests and dashboards that want to see all of it. */
  readonly events: Events
  /** The hosts on which images, documents and other files lie. */
  readonly media: Media
  readonly unknownStanzas: readonly UnknownStanza[]
  /** Throws when a stanza arrived that the emulator does not know. */
  assertQuiet(): void
  /** Cuts all connections and lets go of the file. Rejects in strict mode when something unknown was seen. */
  close(): Promise<void>
}

export interface ContactOptions {
  name?: string
  behaviour?: Behaviour
  /** Reads every message so long after it arrived. By default nothing is read unless a test says so. */
  readsAfterMs?: number
  /** The answers of a contact whose behaviour is `scripted`: the first pattern that matches a text. */
  replies?: readonly Reply[]
  /** Called with everything the contact hears; what it returns is sent to the chat. Ends with the process. */
  script?: Script
  /** False: nobody has learnt the lid of this contact, before it `migrates`. */
  lidMigrated?: boolean
}

/** Who may see something of a person: everybody, whom the person has saved, those but a few, or nobody. */
export const PRIVACY_VALUES = ['all', 'contacts', 'contact_blacklist', 'none', 'match_last_seen'] as const
export type PrivacyValue = (typeof PRIVACY_VALUES)[number]

export interface TlsEndpoint {
  /** For `waWebSocketUrl`: `wss://…/ws/chat`. */
  readonly url: string
  /** Where the control API listens with TLS, without a path. */
  readonly controlUrl: string
  /** The certificate, as PEM, of the authority that clients must trust. It stays the same as long as the file does. */
  readonly ca: string
}

export interface SayOptions {
  /** The name under which the chat is held: phone number, the default, or lid. */
  space?: Space
  /** Instead of a new one: the same id again is a copy of the same message. */
  id?: string
  /**
   * Sends the text to phones alone: companions of others get an `<unavailable/>` with this type, such as
   * `view_once`, or without one when it is empty. They may ask their phone for the message then.
   */
  unavailable?: string
}

export interface AboutOptions {
  /** Phone digits of the author: ids are unique per author only. Without it, an own message goes first. */
  from?: string
}

/** What phones and contacts have in common: a person with an account, who writes and reads. */
export interface Person {
  /** Digits. */
  readonly phone: string
  /** Digits of the linked id. */
  readonly lid: string
  readonly name: string
  /** Writes a text to a number or a group. Resolves when the network has it for good. */
  says(to: string, text: string, options?: SayOptions): Promise<{ id: string }>
  /**
   * Writes many texts at once, for a backlog: much cheaper than one after the other. Resolves when the network has all of
   * them, with their ids in order.
   */
  saysAll(to: string, texts: readonly string[], options?: { space?: Space }): Promise<{ ids: string[] }>
  /** Sends anything. Rejects when what it quotes is unknown to this person. Of an album the id is that of its frame. */
  sends(to: string, content: Content, options?: SayOptions): Promise<{ id: string }>
  /** Changes an own message. The id is that of the edit. */
  edits(id: string, content: Content): Promise<{ id: string }>
  /** Takes a message back for everybody: an own one, or somebody else's as an admin of the group. */
  deletes(id: string, options?: AboutOptions): Promise<{ id: string }>
  /** An empty emoji takes the reaction back. */
  reacts(id: string, emoji: string, options?: AboutOptions): Promise<{ id: string }>
  /** Votes on a poll; without options the vote is taken back. Rejects when the poll has no such option. */
  votes(id: string, options: readonly string[], about?: AboutOptions): Promise<{ id: string }>
  /** Answers an event. */
  answers(id: string, answer: Answer, options?: AboutOptions): Promise<{ id: string }>
  /** Passes a message on, marked as forwarded. */
  forwards(id: string, to: string, options?: AboutOptions & SayOptions): Promise<{ id: string }>
  /** Pins a message for all in the chat: for a week, or so many seconds; 0 unpins it. */
  pins(id: string, seconds?: number, options?: AboutOptions): Promise<{ id: string }>
  /** Keeps a disappearing message in the chat, or, with `false`, lets it go. */
  keeps(id: string, isKept?: boolean, options?: AboutOptions): Promise<{ id: string }>
  /**
   * Waits for a message: with this text, with a text that matches, one that the function accepts, or any. Resolves at
   * once if it is there. Each message is given out once, the oldest first. Rejects with
   * a `PatienceError` when the time is over.
   */
  hears(matcher?: Matcher, options?: WaitOptions): Promise<Heard>
  /** Everything that arrived, once per sender and id, in order of arrival. */
  messages(): Heard[]
  /**
   * Resolves when somebody has confirmed message `id`: a companion of the account, or a contact. The phone that owns
   * the companions does not count, it would hide that they have not got it.
   */
  received(id: string, type?: 'delivery' | 'read' | 'played', options?: WaitOptions): Promise<void>
  /**
   * Fetches the file of a message that the person got or wrote, and decrypts it. Checks hashes and HMAC as a strict
   * client does. Rejects with the reason when it cannot be had, with `status` when the server said so.
   */
  downloads(id: string): Promise<Buffer>
  /** Follows the invite link of a group. `requested`: an admin has to approve first. Throws when the link is dead. */
  joins(code: string): 'joined' | 'requested'
  /** Accepts the invitation in a message that was heard. Throws when it holds none, or when it has expired. */
  accepts(invitation: Heard): void
  /** Reads messages: their authors get read receipts, if both sides want that. Rejects when one of them never arrived. */
  reads(ids: readonly string[]): Promise<void>
  /** Listens to voice messages. */
  plays(ids: readonly string[]): Promise<void>
  /** Shows `typing…` in a chat of the other side: until `paused`, or for 25 s. */
  types(to: string, state?: ChatState): void
  /** Rings at the companions of somebody, who hear of it later when they are away. Nobody can answer. Returns the call's id. */
  calls(phone: string): string
  /** Opens or closes the app: those who watch are told. */
  appears(state: 'available' | 'unavailable'): void
  /**
   * Resolves when this person sees the other one come, go, type, record or stop. Each typing is given out once; who is
   * online is looked up. Rejects when `patienceMs` is over.
   */
  sees(phone: string, state: ChatState | 'available' | 'unavailable', options?: WaitOptions): Promise<void>
  /** What messages from now on are signed with. */
  changesName(name: string): void
  /**
   * Phones that have saved this person, or nobody at all, and may see it are told, as of the about text. Without an image it
   * is taken away.
   */
  changesPicture(image?: Uint8Array): void
  changesAbout(text: string): void
  /** Decides who may see something; `except` are the phone digits that `contact_blacklist` leaves out. */
  restricts(name: PrivacyName, value: PrivacyValue, except?: readonly string[]): void
  /** Puts a number into the address book. Who has saved nobody knows those whom they have written to. */
  saves(phone: string): void
  forgets(phone: string): void
  /** Hears nothing of somebody any more: messages are swallowed, and nothing is shown to them. */
  blocks(phone: string): void
  unblocks(phone: string): void
  /** Only those with a token of this person may write (others get error 463), see the picture and watch. */
  guards(isGuarded?: boolean): void
  /** Gives somebody a token. Writing to them does it too, once a week. */
  trusts(phone: string): void
  /** How long chats that others begin with this person last, in seconds; 0 is for ever. */
  beginsChatsThatLast(seconds: number): void
  /** The device in the person's hand loses its network: what is sent to it waits, and nothing is confirmed. */
  goesOffline(): void
  comesOnline(): void
  /**
   * A new phone, the same number: new identity keys, no old sessions, and companions have to be linked again. Those who
   * know the account are told.
   */
  reinstall(): Promise<void>
}

/** A phone whose owner links companions to it. */
export interface Phone extends Person, SharedState {
  /** Numbers of the linked companions, oldest first. */
  readonly devices: number[]
  /**
   * Scans the text of a QR code. Resolves when the client is linked and has been asked to restart.
   * Rejects with a `LinkingError` when no client shows that code, when it has expired, or when the client goes away.
   */
  scans(qr: string): Promise<Linked>
  /** Types the eight letters that a client shows. Rejects with a `LinkingError` when they are wrong. */
  entersCode(code: string): Promise<Linked>
  /** Removes a companion: it is logged out with `device_removed`. Rejects when there is no such device. */
  unlink(device: number): Promise<void>
  /** The file of a message is gone from the phone: when a companion asks for it again, there is none. */
  loses(id: string): void
  /** Resolves when a companion is logged in and has its mail. Rejects with a `PatienceError` otherwise. */
  connected(options?: WaitOptions): Promise<void>
}

/** A virtual person with a Signal identity of their own. */
export interface Contact extends Person {
  readonly behaviour: Behaviour
  /**
   * The chats move from the number to the lid: the contact writes under it from now on, and the phones that chat with
   * it hand the mapping to their companions.
   */
  migrates(): Promise<void>
}
