import { AsyncLocalStorage } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { bounded, Frames, unbounded } from './frames.ts'
import { answering } from './refusals.ts'

type Listener = (...args: unknown[]) => unknown

/** Baileys' websocket, as far as it is taken over. */
export interface SocketClient extends EventEmitter {
  socket: RawSocket | null
}
/** The `ws` socket below it. */
export interface RawSocket {
  send(data: Uint8Array, done?: (error?: Error) => void): void
  terminate(): void
}

export interface HardenOptions {
  /** Ends this connection at once: something is wrong with it, or with us. */
  fatal(error: unknown): void
  /** The same, when it is Baileys that failed over a stanza of a lane. */
  broke(error: unknown): void
  /** Runs each listener, e.g. with certificate checks on. */
  around<T>(work: () => T): T
  /**
   * Makes durable what must be before Baileys sees the stanza, and so before it can acknowledge it. False when Baileys
   * is not to see it at all, because it was handled before and is answered.
   */
  durableFirst(kind: Lane, node: BinaryNode): Promise<boolean>
  /** Called after Baileys has done what it does with a stanza. */
  handled(kind: Lane, node: BinaryNode): Promise<void>
  /** Why nothing may leave, if so. */
  closed(): unknown
  /** Settles when what frames may speak of is on disk; undefined when it is. */
  saving(): Promise<void> | undefined
}

export interface Hardened {
  /** Does `work` when all that came in this lane before is done. */
  after(kind: Lane, work: () => Promise<void>): void
}

/** Stanzas of these kinds are handled one after the other, each kind by itself: one may wait for another's answer. */
const LANES = ['message', 'receipt', 'notification', 'call'] as const
export type Lane = (typeof LANES)[number]

/**
 * Takes over all listeners of a socket before its first byte. Baileys leaves them uncaught (one bad frame ends the
 * process, with every account in it), unordered (a compressed frame is overtaken by the next) and acknowledges before
 * its caller has seen anything.
 */
export function harden(ws: SocketClient, options: HardenOptions): Hardened {
  const queues = new Map<string, Serial>()
  const frames = new Frames()
  for (const name of ws.eventNames()) {
    if (typeof name !== 'string' || name === 'error' || name === 'close') continue
    const listeners = ws.listeners(name) as Listener[]
    ws.removeAllListeners(name)
    const lane = LANES.find((kind) => name === `CB:${kind}`)
    const queue = lane || name === 'message' ? new Serial() : undefined
    if (lane && queue) queues.set(lane, queue)
    for (const listener of listeners) {
      const guarded = async (...args: unknown[]) => {
        try {
          if (name === 'message') {
            const whole = frames.take(args[0] as Uint8Array) // as `ws` emits it
            return void (whole && (await options.around(() => bounded(() => listener(whole)))))
          }
          if (!lane) return void (await options.around(() => listener(...args)))
          const node = args[0] as BinaryNode // what Baileys emits under CB: names
          if (!(await options.durableFirst(lane, node))) return
          await options.around(() => unbounded(() => answering(node, () => listener(asLive(node)))))
          await options.handled(lane, node)
        } catch (error) {
          if (lane) options.broke(error)
          else options.fatal(error)
        }
      }
      ws.on(name, (...args) => {
        if (queue) queue.run(() => guarded(...args))
        else void guarded(...args) // it catches everything itself
      })
    }
  }
  if (!ws.socket) throw new Error('Baileys has not dialled yet: its frames cannot be held back.')
  guardSends(ws.socket, options)
  return {
    after: (lane, work) => queues.get(lane)?.run(() => work().catch(options.fatal)),
  }
}

/** Baileys' own emitter, as far as it shows itself. */
interface Events {
  on(event: never, listener: never): unknown
}

/**
 * The same for Baileys' own events: some of its listeners are async and uncaught, and its buffer tells them from a timer.
 */
export function hardenEvents(ev: Events, fatal: (error: unknown) => void): void {
  // The emitter behind it is only to be had as what `on` returns.
  const emitter = ev.on('error' as never, fatal as never) as EventEmitter
  for (const name of emitter.eventNames()) {
    if (name === 'error') continue
    const listeners = emitter.listeners(name) as Listener[]
    emitter.removeAllListeners(name)
    for (const listener of listeners) {
      emitter.on(name, (...args) => {
        try {
          Promise.resolve(listener(...args)).catch(fatal)
        } catch (error) {
          fatal(error)
        }
      })
    }
  }
}

/**
 * With the mark of an offline stanza Baileys only queues it and returns: the lane would no longer be in order, and live
 * messages would overtake the backlog.
 */
function asLive(node: BinaryNode): BinaryNode {
  const { offline: _, ...attrs } = node.attrs
  return { ...node, attrs }
}

/** Nothing leaves after the store failed; and while credentials are being written frames wait, in order. */
function guardSends(socket: RawSocket, options: HardenOptions): void {
  const send = socket.send.bind(socket)
  const waiting: [Uint8Array, ((error?: Error) => void) | undefined][] = []

  const refuse = (done?: (error?: Error) => void) => done?.(new Error('Connection Closed', { cause: options.closed() }))
  const flush = () => {
    const saving = options.saving()
    if (saving) {
      void saving.then(flush)
      return
    }
    for (const [data, done] of waiting.splice(0)) {
      if (options.closed() === undefined) send(data, done)
      else refuse(done)
    }
  }
  socket.send = (data, done) => {
    if (options.closed() !== undefined) return refuse(done)
    if (waiting.length === 0 && !options.saving()) return send(data, done)
    waiting.push([data, done])
    if (waiting.length === 1) flush()
  }
}

/** Runs what it is given one after the other, in the context of whoever gave it. */
class Serial {
  #tail: Promise<void> = Promise.resolve()

  run(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(AsyncLocalStorage.bind(work))
  }
}
