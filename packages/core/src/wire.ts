import type { Reachout } from './restriction.ts'
import type { OutboxEntry } from './stores/sql/outbox.ts'
import type { Work } from './stores/store.ts'

/** What the outbox needs of a connection. */
export interface Wire {
  /**
   * Asks WhatsApp what has to be known before a message can be encrypted. What it gives sends the message, and resolves
   * when the frame was given to the socket.
   */
  prepare(entry: OutboxEntry): Promise<() => Promise<void>>
  settle(id: string, work: () => Work<void>): Promise<void>
  /** The message did not arrive: what only its ack would make true is not. */
  unsent(id: string): void
  /** Shows the account typing in a chat. */
  typing(chat: string): Promise<void>
  /** Whether a chat can be written to at all. */
  exists(chat: string): Promise<boolean>
  /** Asks whether the account may begin chats. */
  reachout(): Promise<Reachout>
  lost(cause: string): void
}

/** As many messages may be on the wire unacknowledged: the bound of what a crash makes the server see twice. */
const WINDOW = 4
/** A server that acknowledges nothing for so long is not there any more. */
const ACK_TIMEOUT_MS = 30_000

export interface Flight {
  readonly entry: OutboxEntry
  /** Since when; undefined while it is being encrypted. */
  readonly at: number | undefined
}

/**
 * The messages that one connection has on the wire, and the server has not answered for yet. In memory only: after a
 * crash nobody knows whether a frame has left, and the message is sent again.
 */
export class OnWire {
  readonly #flights = new Map<string, Flight & { timer: NodeJS.Timeout | undefined }>()
  /** What was given to this connection or one before it, and nobody answered for. */
  readonly #given = new Set<string>()
  #slots: (() => void)[] = []

  put(entry: OutboxEntry): void {
    this.#given.add(entry.id)
    this.#flights.set(entry.id, { entry, at: undefined, timer: undefined })
  }

  get(id: string): Flight | undefined {
    return this.#flights.get(id)
  }

  /** Whether the server may have it, through an earlier connection of this process too. */
  has(id: string): boolean {
    return this.#given.has(id)
  }

  /** It is settled, or the server does not have it. */
  forget(id: string): void {
    this.#given.delete(id)
  }

  /** The frame was given to the socket: from now on the server owes an answer. */
  written(id: string, wire: Wire): void {
    const flight = this.#flights.get(id)
    if (!flight) return
    const timer = setTimeout(() => wire.lost(`no ack for ${ACK_TIMEOUT_MS} ms`), ACK_TIMEOUT_MS)
    this.#flights.set(id, { ...flight, at: Date.now(), timer })
  }

  /** The server has answered for it, or it could not be written. */
  off(id: string): void {
    clearTimeout(this.#flights.get(id)?.timer)
    this.#flights.delete(id)
    this.#slots.shift()?.()
  }

  get chats(): string[] {
    return [...this.#flights.values()].map(({ entry }) => entry.chat)
  }

  /** Resolves when one more may go, or `isOver`. */
  async room(isOver: () => boolean): Promise<void> {
    while (!isOver() && this.#flights.size >= WINDOW) {
      await new Promise<void>((free) => this.#slots.push(free))
    }
  }

  clear(): void {
    for (const { timer } of this.#flights.values()) clearTimeout(timer)
    this.#flights.clear()
    for (const free of this.#slots.splice(0)) free()
  }
}
