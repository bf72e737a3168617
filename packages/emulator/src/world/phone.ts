import { unlink } from '../stanzas/pairing.ts'
import type { Presences } from '../stanzas/presences.ts'
import type { Linked, Linking } from './linking.ts'
import { Person } from './people.ts'
import type { World } from './world.ts'

/** A phone whose owner links companions to it: the other side of what Baileys calls an account. */
export class Phone extends Person {
  readonly #linking: Linking

  constructor(world: World, presences: Presences, linking: Linking, phone: string) {
    super(world, presences, phone)
    this.#linking = linking
  }

  /** Numbers of the linked companions, oldest first. */
  get devices(): number[] {
    return this.world.devices.of(this.phone).map(({ device }) => device)
  }

  /**
   * Scans the text of a QR code. Resolves when the client is linked and has been asked to restart.
   * Rejects when no client shows that code, when it has expired, or when the client goes away.
   */
  async scans(qr: string): Promise<Linked> {
    return this.#linking.scan(this.account, qr)
  }

  /** Types the eight letters that a client shows. Rejects when they are wrong or nobody asked for this number. */
  async entersCode(code: string): Promise<Linked> {
    return this.#linking.enterCode(this.account, code)
  }

  /** Removes a companion: it is logged out with `device_removed`. */
  async unlink(device: number): Promise<void> {
    if (!unlink(this.world, this.phone, device)) throw new Error(`${this.phone} has no device ${device}.`)
  }

  /** Resolves when a companion is logged in and gets its mail. */
  connected(): Promise<void> {
    return this.world.connected(this.phone)
  }
}
