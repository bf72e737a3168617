import { sha256 } from '../media/cipher.ts'
import type { MediaLibrary, Placed } from '../media/library.ts'
import type { Store } from '../state/database.ts'
import type { Clock } from './clock.ts'

/** A link is handed out again for so long: links expire, pictures do not. */
const RENEWED_MS = 86_400_000

/** The bytes of profile pictures. They lie on the media hosts, unencrypted, and are known by their hash. */
export class Pictures {
  readonly #media: MediaLibrary
  readonly #clock: Clock
  readonly #links = new Map<string, { placed: Placed; at: number }>()

  constructor(store: Store, media: MediaLibrary, clock: Clock) {
    store.whenUndone(() => this.#links.clear())
    this.#media = media
    this.#clock = clock
  }

  /** Returns the hash by which the picture is found again, base64. */
  keep(image: Uint8Array): string {
    const bytes = Buffer.from(image)
    const hash = sha256(bytes).toString('base64')
    this.#links.set(hash, { placed: this.#media.keep(bytes, 'picture'), at: this.#clock.now() })
    return hash
  }

  /** Where it can be fetched now. Undefined when the media host has lost it. */
  find(hash: string): Placed | undefined {
    const known = this.#links.get(hash)
    if (known && this.#clock.now() < known.at + RENEWED_MS) return known.placed
    const placed = this.#media.placeAgain({ fileEncSha256: Buffer.from(hash, 'base64') }, 'picture')
    if (placed) this.#links.set(hash, { placed, at: this.#clock.now() })
    return placed
  }
}
