import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Trial } from '../runner/trial.ts'
import type { Trouble } from './disk-troubles.ts'

/** What the accounts answer to WhatsApp for what it delivers. */
export class Answers {
  readonly #trial: Trial
  /** Delivered, or answered, before the trouble. */
  readonly #before = new Set<string>()
  readonly #delivered = new Set<string>()
  readonly #confirmed = new Set<string>()
  readonly logins = new Set<string>()
  #given: { id: string; what: string }[] | undefined

  constructor(trial: Trial, phones: readonly string[]) {
    this.#trial = trial
    const { faults, events } = trial.emulator
    for (const phone of phones) {
      faults.on({ phone, direction: 'to-client', matches: (node) => this.#comes(node) }).drop()
      faults.on({ phone, direction: 'from-client', matches: (node) => this.#goes(phone, node) }).drop()
    }
    events.on((event) => {
      if (event.type === 'connected') this.logins.add(event.phone)
      if (event.type === 'confirmed') this.#confirmed.add(event.id)
    })
  }

  /** Resolves when WhatsApp knows of all of these that they have arrived. */
  async settle(written: readonly { id: string }[]): Promise<void> {
    const isDone = async () => written.every(({ id }) => this.#confirmed.has(id))
    if (!(await this.#trial.until(isDone))) {
      const missing = written.filter(({ id }) => !this.#confirmed.has(id))
      this.#trial.run.report.broke('stuck', `WhatsApp does not know that ${missing.map(({ id }) => id)} arrived`)
    }
  }

  begin(): void {
    for (const id of this.#delivered) this.#before.add(id)
    this.logins.clear()
    this.#given = []
  }

  /** While nothing has been mended yet. */
  async check({ name, isTotal }: Pick<Trouble, 'name' | 'isTotal'>): Promise<void> {
    const given = [...(this.#given ?? [])].filter(({ id }) => !this.#before.has(id) && this.#delivered.has(id))
    const kept = new Set(isTotal ? [] : (await this.#trial.peek()).messages.map(({ id }) => id))
    for (const { id, what } of given) {
      if (isTotal || (what.startsWith('receipt') && !kept.has(id)))
        this.#trial.run.report.broke('answered', `${name}: ${what} for ${id}, which is not on disk`)
    }
  }

  end(): void {
    this.#given = undefined
  }

  #comes({ tag, attrs }: BinaryNode): boolean {
    if ((tag === 'message' || tag === 'notification') && attrs.id) this.#delivered.add(attrs.id)
    return false // only looks
  }

  /** All that is sent here can be read: whoever asks for it again, or refuses it, takes his store's failure for WhatsApp's. */
  #goes(phone: string, { tag, attrs }: BinaryNode): boolean {
    const { id, type, error } = attrs
    if (!id || (tag !== 'receipt' && tag !== 'ack')) return false
    const what = [tag, attrs.class, type, error].filter((word) => word !== undefined).join(' ')
    if (type === 'retry' || error !== undefined)
      this.#trial.run.report.broke('refused', `${phone} sent ${what} for ${id}`)
    this.#given?.push({ id, what })
    return false
  }
}
