import type { LinkingQr } from './shared.ts'

/** WhatsApp hands out six QRs; with Baileys' times they last a little over two and a half minutes. */
const ALL_QRS_MS = 160_000

/** What can be scanned or typed right now. */
export class Linking {
  #qr: LinkingQr = { qr: null, expiresAt: null }
  #since = 0
  #waiting: (() => void)[] = []

  shown(qr: string, expiresAt: number): void {
    if (this.#qr.qr === null) this.#since = Date.now()
    this.#qr = { qr, expiresAt }
    for (const begun of this.#waiting.splice(0)) begun()
  }

  now(): LinkingQr {
    return this.#qr
  }

  /** Resolves once WhatsApp has begun the linking, or when it ended. */
  async begun(): Promise<void> {
    if (this.#qr.qr === null) await new Promise<void>((begun) => this.#waiting.push(begun))
  }

  endsAt(): number {
    return this.#since + ALL_QRS_MS
  }

  end(): void {
    this.#qr = { qr: null, expiresAt: null }
    for (const ended of this.#waiting.splice(0)) ended()
  }
}
