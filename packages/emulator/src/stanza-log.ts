import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { toXml } from './stream/xml.ts'
import type { Clock } from './world/clock.ts'

export interface XmlLogOptions {
  file: string
  /** When the file has this size it becomes `FILE.1`, whose place it takes, and a new one begins: 64 MiB by default. */
  maxBytes?: number
}

/** Seen from the network: in, from a client to it, or out. */
export type Direction = 'in' | 'out'

const MAX_BYTES = 64 * 1024 * 1024
/** Lines wait for each other this long as text, then they are written in one go. */
const FLUSH_AT = 64 * 1024

export interface Outlets {
  readonly trace: ((line: string) => void) | undefined
  readonly xmlLog: XmlLogOptions | undefined
  /** Hears why the file cannot be written any more; the network goes on without it. */
  readonly warn: (line: string) => void
}

/** Shows what goes over the wire: as lines to whoever wants to trace, and as XML in a file. */
export class StanzaLog {
  readonly #trace: ((line: string) => void) | undefined
  readonly #warn: (line: string) => void
  readonly #clock: Clock
  readonly #file: string
  readonly #maxBytes: number
  #handle: number | undefined
  #size = 0
  #waiting = ''

  /** Throws when the file cannot be opened. It is continued if it exists. */
  constructor({ trace, xmlLog, warn }: Outlets, clock: Clock) {
    this.#trace = trace
    this.#warn = warn
    this.#clock = clock
    this.#file = xmlLog?.file ?? ''
    this.#maxBytes = xmlLog?.maxBytes ?? MAX_BYTES
    if (xmlLog) this.#open()
  }

  /** Printing stanzas is expensive; whoever has to decode one for it asks first. */
  get isOn(): boolean {
    return this.#trace !== undefined || this.#handle !== undefined
  }

  stanza(direction: Direction, who: string, node: BinaryNode): void {
    if (!this.isOn) return
    this.#trace?.(`${who} ${direction === 'in' ? '->' : '<-'} ${toXml(node)}`)
    this.#write(`<${direction} at='${this.#time()}' device='${who}'>\n${toXml(node, '  ')}\n</${direction}>\n`)
  }

  /** Something that explains what is seen, such as why a message could not be read. */
  remark(line: string): void {
    this.#trace?.(line)
    // Two hyphens would end the comment.
    this.#write(`<!-- ${this.#time()} ${line.replaceAll('--', '- -')} -->\n`)
  }

  close(): void {
    this.#flush()
    if (this.#handle !== undefined) closeSync(this.#handle)
    this.#handle = undefined
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString()
  }

  #write(entry: string): void {
    if (this.#handle === undefined) return
    if (this.#waiting === '') setImmediate(() => this.#flush())
    this.#waiting += entry
    if (this.#waiting.length >= FLUSH_AT) this.#flush()
  }

  #flush(): void {
    const text = this.#waiting
    this.#waiting = ''
    if (this.#handle === undefined || text === '') return
    try {
      this.#size += writeSync(this.#handle, text)
      if (this.#size >= this.#maxBytes) this.#rotate(this.#handle)
    } catch (error) {
      this.#handle = undefined
      this.#warn(`the XML log ends here: ${String(error)}`)
    }
  }

  #rotate(handle: number): void {
    closeSync(handle)
    rmSync(`${this.#file}.1`, { force: true })
    renameSync(this.#file, `${this.#file}.1`)
    this.#open()
  }

  #open(): void {
    this.#handle = openSync(this.#file, 'a')
    this.#size = statSync(this.#file).size
  }
}
