import type { BinaryNode } from '@whiskeysockets/baileys'
import type { CertificateFlaw } from './faults/certificates.ts'
import type { KickReason, LoginRefusal } from './faults/goodbyes.ts'
import type { MalformedKind } from './faults/malformed.ts'
import type { Direction, Where } from './faults/rules.ts'
import type { Fault } from './faults/trouble.ts'
import type { Timelock } from './world/timelock.ts'

export { CERTIFICATE_FLAWS, type CertificateFlaw } from './faults/certificates.ts'
export { KICK_REASONS, type KickReason, type LoginRefusal } from './faults/goodbyes.ts'
export { MALFORMED_KINDS, type MalformedKind } from './faults/malformed.ts'
export { DIRECTIONS, type Direction, type Where } from './faults/rules.ts'
export type { Fault } from './faults/trouble.ts'
export type { Timelock } from './world/timelock.ts'

/**
 * What shall go wrong. All is well by default; every fault works from the next stanza on, until it is lifted or has
 * struck as often as it was told to. Times are those of the network's clock. Faults end with the process.
 */
export interface Faults {
  /** Holds the server's acks of messages back this long. Acks keep their order. */
  ackDelayMs: number
  /** Messages are delivered, but never acknowledged to their sender. */
  dropAcks: boolean
  /** Sockets stay open and say nothing any more, in both directions, as when a network dies silently. */
  dropFrames: boolean
  /**
   * The phones that own the companions confirm what reaches them, too. Off, the default: a message to an account none
   * of whose companions is online stays unconfirmed, and nobody has to ask which of the two has got it.
   */
  phoneReceipts: boolean

  /** Lies in wait for stanzas, such as `on({ phone, direction: 'to-client', tag: 'ack' }).drop()`. */
  on(where?: Where): StanzaFaults
  /** Spoils the keys that are handed out for a device, or for any. */
  onKeys(of?: { phone?: string; device?: number }): KeyFaults

  /** Ends the connections of an account, or of one of its companions. {@link KICK_REASONS} says how. */
  kick(phone: string, reason?: KickReason, options?: { device?: number }): void
  /** Ends all connections. */
  kickAll(reason?: KickReason): void
  /** Pulls the plug of all: sockets are cut and new ones are refused until it is up again. */
  network(up: boolean): void
  /**
   * The line is dead and nobody is told: what one side says is lost, or what both say. When it is lifted the sockets are
   * found to be cut. New connections of the same client fall into it as soon as they are known to be its.
   */
  blackhole(line?: Line): Fault
  /** Nothing gets through until it is lifted; then everything arrives, in order. */
  stall(line?: Line): Fault
  /** What those find who connect. */
  connecting(answer: ConnectAnswer, times?: number): Fault
  /**
   * What is wrong with the certificates in the handshake. It is for all: nobody has said yet who he is. Those who would
   * resume are led to the whole handshake, where they have to look.
   */
  certificates(flaw: CertificateFlaw, times?: number): Fault

  /** The next login is answered with this failure code, such as 401, 403, 405, 409 or 503. */
  rejectNext(code: number): void
  /** Logins are answered with `<failure>`: of one account, or all. */
  refuseLogins(refusal: LoginRefusal & { phone?: string }, times?: number): Fault

  /** The next messages to this person cannot be read and are asked for again. */
  failNextDecrypt(phone: string, times?: number): void
  /** The next message of this person is refused with this code in the ack, such as 463 or 479; nobody receives it. */
  refuseNextMessage(phone: string, code: number): void
  /** Throws one-time keys of the companions away, until `left` (0) are left, and tells them, as a server does when it runs short. */
  drainPreKeys(phone: string, options?: { device?: number; left?: number }): void
  /**
   * The account may not begin chats any more: messages to people who have not written to it get error 463, a query tells
   * why, and its companions are told at once. Lasts in the file until it is lifted, with `undefined`, or over.
   */
  timelock(phone: string, lock: Timelock | undefined): void
  /** What the server does when a client refuses a message with an error in its ack. */
  treatNacks(treatment: NackTreatment, options?: { phone?: string }, times?: number): Fault

  /** Sends something to the clients of an account that no server should: their robustness is the test. */
  malformed(phone: string, kind: MalformedKind): void

  /** Those that nobody has lifted, spent ones too: they may hold something back. The switches at the top are not among them. */
  readonly all: readonly Fault[]
  /** Lifts all of them, and puts the switches back. */
  lift(): void
}

/** What shall happen to the stanzas that were named: until it is lifted, or `times`. If several faults wait for the same stanza, the oldest gets it. */
export interface StanzaFaults {
  /** Is lost. What the server keeps for the client comes again with its next login, as after any loss. */
  drop(times?: number): Fault
  /** Comes this much later; what is behind it overtakes it. */
  delay(ms: number, times?: number): Fault
  /** Takes this long, and what is behind it waits: latency. Other faults may strike as well. Jitter comes from the seed. */
  slow(ms: number, options?: { jitterMs?: number }, times?: number): Fault
  /** Waits until the fault is lifted; what is behind it overtakes it. */
  hold(times?: number): Fault
  /** Comes twice. */
  duplicate(times?: number): Fault
  /** Lets the next one of its kind go first. */
  swap(times?: number): Fault
  /** Of a client: is answered with an error instead of being carried out; messages by an ack, queries by an error. */
  refuse(code: number, options?: { text?: string }, times?: number): Fault
  /** Its ciphertexts cannot be opened. */
  corrupt(times?: number): Fault
  /** Ends the connection instead. */
  kick(reason: KickReason, times?: number): Fault
  /** To a client: stops in the middle of its frame, for good. */
  tear(times?: number): Fault
  /** Becomes what the function makes of it, or nothing. In process only. */
  rewrite(change: (node: BinaryNode) => BinaryNode | undefined, times?: number): Fault
}

/** What shall be wrong with the keys of a device when a client asks for them. */
export interface KeyFaults {
  /** The device's entry is an error, 404 by default, which makes Baileys give up the whole message. */
  refuse(code?: number, times?: number): Fault
  /** No one-time key: the session is built on the signed one alone. */
  withoutOneTimeKey(times?: number): Fault
  /** The signature of the signed key is not the identity's. */
  forge(times?: number): Fault
}

/** Whose line: all by default, and both directions. */
export interface Line {
  readonly phone?: string
  readonly device?: number
  readonly direction?: Direction
}

/**
 * `unanswered`: TCP is accepted, the WebSocket never is; `refused`: a reset; `mute`: the WebSocket opens, and the
 * handshake of Noise gets no answer; a number: that HTTP status.
 */
export type ConnectAnswer = 'unanswered' | 'refused' | 'mute' | number

/**
 * `keep`: the message stays in the queue and comes again with each login. `stall`: what is behind it in the queue does
 * not come before it is accepted, which Baileys' PR #2779 has seen with WhatsApp. `close`: the stream ends with an error.
 * Without a fault the message counts as received.
 */
export const NACK_TREATMENTS = ['keep', 'stall', 'close'] as const
export type NackTreatment = (typeof NACK_TREATMENTS)[number]
