import { AsyncLocalStorage } from 'node:async_hooks'
import { type BinaryNode, NACK_REASONS } from '@whiskeysockets/baileys'

const handled = new AsyncLocalStorage<BinaryNode>()
const kept = new WeakSet<BinaryNode>()

/** Runs what handles this stanza, and answers it. */
export const answering = <T>(node: BinaryNode, work: () => T): T => handled.run(node, work)

/** What this stanza brought, readable or not, is on disk. */
export function keep(node: BinaryNode): void {
  kept.add(node)
}

/** With which Baileys refuses a message that it cannot read. */
const REASONS = ['ParsingError', 'MissingMessageSecret', 'UnhandledError'] as const
let patched = false

/**
 * Baileys asks for a message again that it cannot read, and refuses the one that it has. WhatsApp then may keep it,
 * deliver it first with each login, and everything else only behind it. But what could not be read is in the journal and
 * asked for: it has arrived, and is acknowledged as that. Once per process; other sockets refuse as ever.
 */
export function patchRefusals(): void {
  if (patched) return
  patched = true
  for (const reason of REASONS) {
    const code = NACK_REASONS[reason]
    Object.defineProperty(NACK_REASONS, reason, {
      configurable: true,
      enumerable: true,
      get: () => {
        const node = handled.getStore()
        // No error at all, for whoever writes the ack.
        return node && kept.has(node) ? 0 : code
      },
    })
  }
}
