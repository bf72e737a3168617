import type { BinaryNode } from '@whiskeysockets/baileys'
import type { KickReason } from './goodbyes.ts'
import type { Trouble } from './trouble.ts'

/** As the client sees it: what it sends is `from-client`. */
export const DIRECTIONS = ['from-client', 'to-client'] as const
export type Direction = (typeof DIRECTIONS)[number]

/** Which stanzas a fault lies in wait for. What is left out may be anything. */
export interface Where {
  /** The account whose client sends or gets it; also while there are clients that are not linked yet, these are nobody's. */
  readonly phone?: string
  /** With `phone`: one of its companions. */
  readonly device?: number
  readonly direction?: Direction
  /** `message`, `receipt`, `ack`, `notification`, `iq`, `presence`, `chatstate`, `ib`, `success`, … */
  readonly tag?: string
  /** The attribute: `set` and `get` of queries, `retry` and `read` of receipts, … */
  readonly type?: string
  /** The attribute of acks: what they are for. */
  readonly class?: string
  /** The attribute of queries; results do not have it. */
  readonly xmlns?: string
  readonly id?: string
  /** The name of a child, such as `usync`, `key` or `offline`. */
  readonly child?: string
  /** In process only: anything else. */
  readonly matches?: (node: BinaryNode) => boolean
}

/** What happens to a stanza. */
export type Act =
  | { readonly kind: 'drop' | 'hold' | 'duplicate' | 'swap' | 'corrupt' | 'tear' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'slow'; readonly ms: number; readonly jitterMs: number }
  | { readonly kind: 'refuse'; readonly code: number; readonly text: string | undefined }
  | { readonly kind: 'kick'; readonly reason: KickReason }
  | { readonly kind: 'rewrite'; readonly change: (node: BinaryNode) => BinaryNode | undefined }

export interface Rule {
  readonly where: Where
  readonly act: Act
  readonly trouble: Trouble
}

/** A stanza on its way. */
export interface Passing {
  readonly direction: Direction
  readonly node: BinaryNode
  /** Undefined before the login. */
  readonly who: { readonly phone: string; readonly device: number } | undefined
}

/** Which faults lie in wait for stanzas, the oldest first. */
export class Rules {
  #rules: Rule[] = []

  add(rule: Rule): void {
    // Those that are spent would be gone through for every stanza.
    this.#rules = [...this.#rules.filter(({ trouble }) => !trouble.isOver), rule]
    rule.trouble.onLifted(() => {
      this.#rules = this.#rules.filter((other) => other !== rule)
    })
  }

  /** Asked before each stanza; nothing else costs anything while all is well. */
  concerns(direction: Direction): boolean {
    return this.#rules.some(({ where, trouble }) => !trouble.isOver && (where.direction ?? direction) === direction)
  }

  /** How long the stanza takes on a slow line; whatever else happens to it comes after that. */
  takeSlow(passing: Passing): { ms: number; jitterMs: number } | undefined {
    const act = this.#take(passing, ({ kind }) => kind === 'slow')?.act
    return act?.kind === 'slow' ? act : undefined
  }

  /** The first fault that is for this stanza. It has struck when this returns. */
  take(passing: Passing): Rule | undefined {
    return this.#take(passing, ({ kind }) => kind !== 'slow')
  }

  #take(passing: Passing, isMeant: (act: Act) => boolean): Rule | undefined {
    return this.#rules.find(
      ({ act, where, trouble }) => isMeant(act) && !trouble.isOver && isFor(where, passing) && trouble.strikes(),
    )
  }
}

export function isFor(where: Where, { direction, node, who }: Passing): boolean {
  if (where.direction !== undefined && where.direction !== direction) return false
  if (where.phone !== undefined && where.phone !== who?.phone) return false
  if (where.device !== undefined && where.device !== who?.device) return false
  if (where.tag !== undefined && where.tag !== node.tag) return false
  for (const name of ['type', 'class', 'xmlns', 'id'] as const) {
    if (where[name] !== undefined && where[name] !== node.attrs[name]) return false
  }
  if (where.child !== undefined) {
    if (!Array.isArray(node.content) || !node.content.some(({ tag }) => tag === where.child)) return false
  }
  return where.matches?.(node) ?? true
}

export function describe(act: Act, where: Where): string {
  const { matches, ...plain } = where
  const facts = Object.entries(plain).map(([name, value]) => `${name} ${value}`)
  return `${act.kind} ${[...facts, ...(matches ? ['a certain one'] : [])].join(', ') || 'every stanza'}`
}
