import { USyncQuery, USyncUser, type WASocket } from '@whiskeysockets/baileys'
import { WamuxError } from '../errors.ts'

/** Questions to WhatsApp that are not answered yet, of one connection. */
export class Questions {
  /** Who waits for an answer. */
  readonly #asking = new Set<(error: Error) => void>()

  /**
   * A question whose answer cannot come any more must not keep its asker for a minute: Baileys takes its own listener
   * off before it ends a socket.
   */
  async ask<T>(question: Promise<T>): Promise<T> {
    let give: (error: Error) => void = () => {}
    const ended = new Promise<never>((_, reject) => {
      give = reject
    })
    this.#asking.add(give)
    try {
      return await Promise.race([question, ended])
    } finally {
      this.#asking.delete(give)
    }
  }

  /** The connection has ended: nobody is answered any more. */
  end(): void {
    for (const give of this.#asking) {
      give(new WamuxError('WHATSAPP_DISCONNECTED', 'WhatsApp not connected', { state: 'waiting' }))
    }
  }
}

/** The hidden id of a number, if WhatsApp tells it. */
export async function askForHiddenId(
  { executeUSyncQuery, signalRepository }: Pick<WASocket, 'executeUSyncQuery' | 'signalRepository'>,
  pn: string,
): Promise<string | undefined> {
  const { lidMapping } = signalRepository
  const known = await lidMapping.getLIDForPN(pn)
  if (known) return known
  const query = new USyncQuery().withLIDProtocol().withContext('background').withUser(new USyncUser().withId(pn))
  const found = (await executeUSyncQuery(query))?.list.find(({ lid }) => lid)?.lid
  if (typeof found !== 'string') return undefined
  await lidMapping.storeLIDPNMappings([{ lid: found, pn }])
  return found
}

/** The number with which WhatsApp answered a question for good: there is no such group, or we are not in it. */
export function refusalOf(error: unknown): number | undefined {
  const { data } = (error ?? {}) as { data?: unknown } // Baileys puts it into its Boom errors
  return typeof data === 'number' && data >= 400 && data < 500 && data !== 408 && data !== 429 ? data : undefined
}
