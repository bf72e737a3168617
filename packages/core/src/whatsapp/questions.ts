import { DisconnectReason, USyncQuery, USyncUser, type WASocket } from '@whiskeysockets/baileys'
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

/** What Baileys puts into its Boom errors: the code of WhatsApp's answer, or what became of the question. */
function factsOf(error: unknown): { code: number | undefined; status: number | undefined } {
  const { data, output } = (error ?? {}) as { data?: unknown; output?: { statusCode?: number } }
  return { code: typeof data === 'number' ? data : undefined, status: output?.statusCode }
}

const isPassing = (code: number) => code === 408 || code === 429 || code >= 500

/** The number with which WhatsApp answered a question for good: there is no such group, or we are not in it. */
export function refusalOf(error: unknown): number | undefined {
  const { code } = factsOf(error)
  return code !== undefined && code >= 400 && !isPassing(code) ? code : undefined
}

/** Whether WhatsApp gave no answer, or none for now. */
export function isUnanswered(error: unknown): boolean {
  const { code, status } = factsOf(error)
  return code === undefined ? status === DisconnectReason.timedOut : isPassing(code)
}

/** Whether there was no connection any more. */
export function isOfClosed(error: unknown): boolean {
  return factsOf(error).status === DisconnectReason.connectionClosed
}
