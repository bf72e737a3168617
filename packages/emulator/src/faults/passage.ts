import { type BinaryNode, decodeBinaryNode } from '@whiskeysockets/baileys'
import type { Random } from '../state/random.ts'
import { bytesOf } from '../stream/nodes.ts'
import type { Alarm, Clock } from '../world/clock.ts'
import type { KickReason } from './goodbyes.ts'
import { type Direction, isFor, type Passing, type Rule, type Rules } from './rules.ts'

/** What is at the end of a passage, and beside it. */
export interface Surroundings {
  readonly who: { readonly phone: string; readonly device: number } | undefined
  /** Where the stanza was going. */
  deliver(node: BinaryNode): void | Promise<void>
  /** The same for one that comes late: in its turn. */
  deliverLate(node: BinaryNode): void
  /** Answers the client in the server's place. */
  refuse(node: BinaryNode, code: number, text: string | undefined): void
  kick(reason: KickReason, node: BinaryNode): void
  /** Sends a part of it and nothing ever more. */
  tear(node: BinaryNode): void
}

/** The way of stanzas of one connection in one direction, on which faults lie in wait. */
export class Passage {
  readonly #direction: Direction
  readonly #rules: Rules
  readonly #clock: Clock
  readonly #random: Random
  readonly #around: Surroundings
  /** Stanzas that wait for others before them: those of a slow line. */
  #line: Promise<void> | undefined
  #swapped: { node: BinaryNode; rule: Rule } | undefined
  readonly #alarms = new Set<{ alarm: Alarm; give: () => void }>()
  #isClosed = false

  constructor(direction: Direction, rules: Rules, clock: Clock, random: Random, around: Surroundings) {
    this.#direction = direction
    this.#rules = rules
    this.#clock = clock
    this.#random = random
    this.#around = around
  }

  /** Whether a stanza may go by unseen. */
  get isClear(): boolean {
    return this.#line === undefined && this.#swapped === undefined && !this.#rules.concerns(this.#direction)
  }

  /** Resolves when the next stanza may come. */
  pass(node: BinaryNode): void | Promise<void> {
    if (this.isClear) return this.#around.deliver(node)
    const slow = this.#rules.takeSlow(this.#passing(node))
    if (!slow && !this.#line) return this.#judge(node)
    const jitter = slow ? Math.floor(this.#random.fraction('latency') * slow.jitterMs) : 0
    return this.#inLine(async () => {
      if (slow) await this.#wait(slow.ms + jitter)
      if (!this.#isClosed) await this.#judge(node)
    })
  }

  /** The same for a stanza in its encoded form. */
  passEncoded(body: Buffer): Promise<void> {
    return this.#inLine(async () => {
      const node = await decodeBinaryNode(body)
      const slow = this.#rules.takeSlow(this.#passing(node))
      if (slow) await this.#wait(slow.ms + Math.floor(this.#random.fraction('latency') * slow.jitterMs))
      if (!this.#isClosed) await this.#judge(node)
    })
  }

  /** The connection is gone, and what was on its way with it. */
  close(): void {
    this.#isClosed = true
    for (const { alarm, give } of this.#alarms) {
      alarm.cancel()
      give()
    }
    this.#alarms.clear()
  }

  async #judge(node: BinaryNode): Promise<void> {
    const first = this.#swapped
    if (first && isFor(first.rule.where, this.#passing(node))) {
      this.#swapped = undefined
      await this.#around.deliver(node)
      return this.#around.deliver(first.node)
    }
    const rule = this.#rules.take(this.#passing(node))
    if (!rule) return this.#around.deliver(node)
    const { act, trouble } = rule
    switch (act.kind) {
      case 'drop':
      case 'slow': // is over by now
        return
      case 'delay':
        return this.#later(act.ms, () => this.#around.deliverLate(node))
      case 'hold':
        trouble.onLifted(() => {
          if (!this.#isClosed) this.#around.deliverLate(node)
        })
        return
      case 'duplicate':
        await this.#around.deliver(node)
        return this.#around.deliver(node)
      case 'swap':
        return this.#holdBack(node, rule)
      case 'corrupt':
        return this.#around.deliver(corrupted(node))
      case 'refuse':
        return this.#around.refuse(node, act.code, act.text)
      case 'kick':
        return this.#around.kick(act.reason, node)
      case 'tear':
        return this.#around.tear(node)
      case 'rewrite': {
        const changed = act.change(node)
        return changed && this.#around.deliver(changed)
      }
    }
  }

  /** Until the next one that it could have been has gone first. */
  #holdBack(node: BinaryNode, rule: Rule): void {
    this.#swapped = { node, rule }
    rule.trouble.onLifted(() => {
      if (this.#swapped?.node !== node) return
      this.#swapped = undefined
      if (!this.#isClosed) this.#around.deliverLate(node)
    })
  }

  #passing(node: BinaryNode): Passing {
    return { direction: this.#direction, node, who: this.#around.who }
  }

  #inLine(job: () => Promise<void>): Promise<void> {
    const turn = (this.#line ?? Promise.resolve()).then(job)
    const line = turn
      .catch(() => undefined) // the caller has the error; what comes behind must not
      .then(() => {
        if (this.#line === line) this.#line = undefined
      })
    this.#line = line
    return turn
  }

  #later(ms: number, job: () => void): void {
    const entry = { alarm: this.#clock.after(ms, () => this.#ring(entry, job)), give: () => undefined }
    this.#alarms.add(entry)
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const entry = { alarm: this.#clock.after(ms, () => this.#ring(entry, resolve)), give: resolve }
      this.#alarms.add(entry)
    })
  }

  #ring(entry: { alarm: Alarm; give: () => void }, job: () => void): void {
    this.#alarms.delete(entry)
    job()
  }
}

/** Every ciphertext in it with a wrong byte, behind the keys and before what nobody checks at the end of a `pkmsg`. */
export function corrupted(node: BinaryNode): BinaryNode {
  if (node.tag === 'enc') {
    const body = Buffer.from(bytesOf(node))
    const place = Math.floor((body.length * 3) / 4)
    if (body.length > 0) body[place] = (body[place] ?? 0) ^ 1
    return { ...node, content: body }
  }
  return Array.isArray(node.content) ? { ...node, content: node.content.map(corrupted) } : node
}
