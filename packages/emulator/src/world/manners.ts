import type { Content } from '../content/content.ts'
import { textIn, typeOf } from '../content/reading.ts'
import type { Reply } from './accounts.ts'
import { readLate } from './late-reading.ts'
import type { Arrival, Heard } from './mailbox.ts'
import { Patience } from './patience.ts'
import type { World } from './world.ts'
import { Writing } from './writing.ts'

/** What a contact in the same process does with everything it hears; what it returns is sent to the chat. */
export type Script = (heard: Heard) => Content | undefined | Promise<Content | undefined>

/** How a person behaves when something arrives: what they answer, and when they read it. */
export class Manners {
  readonly #world: World
  readonly #phone: string
  readonly #patience: Patience
  #script: Script | undefined

  constructor(world: World, phone: string) {
    this.#world = world
    this.#phone = phone
    this.#patience = new Patience(() => world.clock.now())
  }

  /** Ends with the process: a function cannot be kept in a file. */
  follow(script: Script | undefined): void {
    this.#script = script
  }

  /** What is answered at once, in the commit that takes the message: a kill in between repeats both or neither. */
  answer(arrival: Arrival): string | undefined {
    const { behaviour, settings } = this.#world.accounts.require(this.#phone)
    const text = textIn(arrival.message)
    if (arrival.from === this.#phone || typeOf(arrival.message) !== 'text') return undefined
    if (behaviour === 'scripted') return replyTo(text, settings.replies ?? [])
    // Two echoes would talk for ever, and a group with one in it too.
    const isForUs = arrival.chat === arrival.from && this.#world.accounts.get(arrival.from)?.kind === 'phone'
    if (!isForUs) return undefined
    if (behaviour === 'echo') return text
    return behaviour === 'polite' && this.#patience.allows(arrival.from) ? text : undefined
  }

  /** In the commit that takes the message: it will be read when it is time. */
  arrives({ id, from }: Arrival): void {
    const { readsAfterMs } = this.#world.accounts.require(this.#phone).settings
    if (from !== this.#phone && readsAfterMs !== undefined) readLate(this.#world, this.#phone, id, readsAfterMs)
  }

  /** After the commit: does what the script says. */
  heard({ id, from }: Arrival): void {
    if (this.#script && from !== this.#phone) void this.#perform(this.#script, id, from)
  }

  async #perform(script: Script, id: string, from: string): Promise<void> {
    try {
      const heard = this.#world.mail.heard(this.#phone, id).find((one) => one.from === from)
      const content = heard && (await script(heard))
      if (!heard || content === undefined || this.#world.isClosed) return
      const { space = 'pn' } = this.#world.mail.find(this.#phone, id, from) ?? {}
      await new Writing(this.#world, this.#phone).send(heard.chat, content, { space })
    } catch (error) {
      if (!this.#world.isClosed) this.#world.warn(`the script of ${this.#phone} failed: ${String(error)}`)
    }
  }
}

/** The first one that matches answers. */
function replyTo(text: string, replies: readonly Reply[]): string | undefined {
  for (const { pattern, reply } of replies) {
    const found = new RegExp(pattern, 'i').exec(text)
    if (found) return reply.replace(/\$(\d)/g, (_whole, group: string) => found[Number(group)] ?? '')
  }
  return undefined
}
