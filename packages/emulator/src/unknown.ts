import type { BinaryNode } from '@whiskeysockets/baileys'
import { toXml } from './stream/xml.ts'

/** A stanza that nobody taught the emulator. */
export interface UnknownStanza {
  /** Phone digits and device of the sender, such as `491234567890:1`. */
  readonly from: string
  readonly xml: string
  /** Where a handler for it would go. */
  readonly file: string
}

const FILES: Record<string, string> = {
  encrypt: 'keys',
  usync: 'usync',
  'w:g2': 'groups',
  'w:sync:app:state': 'app-state',
  'w:m': 'media',
  'w:profile:picture': 'pictures',
  status: 'profile',
  privacy: 'privacy',
  blocklist: 'privacy',
  disappearing_mode: 'profile',
  passive: 'session',
  md: 'pairing',
}

/** The stand-in is loud about what it does not know: silence would be mistaken for support. */
export class UnknownStanzas {
  readonly all: UnknownStanza[] = []
  readonly #complaints: string[] = []
  readonly #isStrict: boolean
  readonly #log: (line: string) => void

  constructor(isStrict: boolean, log: (line: string) => void) {
    this.#isStrict = isStrict
    this.#log = log
  }

  report(from: string, node: BinaryNode): void {
    const unknown = { from, xml: toXml(node), file: `packages/emulator/src/stanzas/${fileFor(node)}.ts` }
    this.all.push(unknown)
    this.#log(`unknown stanza from ${from}; a handler would go to ${unknown.file}:\n${unknown.xml}`)
  }

  /** A client did something that others of its account would notice too late, such as signing with a wrong key. */
  complain(what: string): void {
    this.#complaints.push(what)
    this.#log(what)
  }

  /** Throws when something unknown or wrong was seen, with all of it in the message. */
  assertQuiet(): void {
    const list = this.all.map(({ from, xml, file }) => `from ${from}, for ${file}:\n${xml}`)
    const [unknown, wrong] = [list.length, this.#complaints.length]
    if (unknown > 0)
      throw new Error(`The emulator saw ${unknown} stanzas that it does not know.\n\n${list.join('\n\n')}`)
    if (wrong > 0) throw new Error(`The emulator saw ${wrong} mistakes of clients.\n\n${this.#complaints.join('\n')}`)
  }

  /** On closing: in strict mode what was not understood is an error. */
  settle(): void {
    if (this.#isStrict) this.assertQuiet()
  }
}

function fileFor(node: BinaryNode): string {
  if (node.tag !== 'iq') return node.tag === 'ib' ? 'session' : `${node.tag}s`
  return FILES[node.attrs.xmlns ?? ''] ?? (node.attrs.xmlns ?? 'misc').replace(/[^a-z0-9]+/gi, '-')
}
