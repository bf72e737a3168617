import type { Phone } from '../api.ts'
import { unlink } from '../stanzas/pairing.ts'
import type { Presences } from '../stanzas/presences.ts'
import type { Linking } from './linking.ts'
import type { Linked } from './linking-error.ts'
import { StatefulPhone } from './stateful-phone.ts'
import type { WaitOptions } from './waiting.ts'
import type { World } from './world.ts'

/** The phone that the public `Phone` describes: the other side of what Baileys calls an account. */
export class VirtualPhone extends StatefulPhone implements Phone {
  readonly #linking: Linking

  constructor(world: World, presences: Presences, linking: Linking, phone: string) {
    super(world, presences, phone)
    this.#linking = linking
  }

  get devices(): number[] {
    return this.world.devices.of(this.phone).map(({ device }) => device)
  }

  async scans(qr: string): Promise<Linked> {
    return this.#linking.scan(this.account, qr)
  }

  async entersCode(code: string): Promise<Linked> {
    return this.#linking.enterCode(this.account, code)
  }

  async unlink(device: number): Promise<void> {
    if (!unlink(this.world, this.phone, device)) throw new Error(`${this.phone} has no device ${device}.`)
  }

  loses(id: string): void {
    this.world.store.run('INSERT OR IGNORE INTO media_lost (owner, id) VALUES (?, ?)', this.phone, id)
  }

  connected(options?: WaitOptions): Promise<void> {
    return this.world.connected(this.phone, options)
  }
}
