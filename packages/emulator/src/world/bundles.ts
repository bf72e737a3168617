import { createHash } from 'node:crypto'
import { Curve } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'
import type { Random } from '../state/random.ts'
import type { Accounts, Identity } from './accounts.ts'
import type { Devices } from './devices.ts'

export interface PublicKey {
  readonly id: number
  readonly value: Buffer
}

/** What a stranger needs to open a Signal session with a device. Keys are raw, 32 bytes. */
export interface Bundle {
  readonly registrationId: number
  readonly identityKey: Buffer
  readonly signedPreKey: PublicKey & { readonly signature: Buffer }
  /** Used once; absent when the device has none left, sessions are then built on the signed key alone. */
  readonly oneTimeKey: PublicKey | undefined
  /** Only companions have one. */
  readonly signedIdentity: Buffer | undefined
}

/** The server's stock of public keys. Device 0 lives in the emulator and makes a one-time key whenever one is asked for. */
export class Bundles {
  readonly #store: Store
  readonly #accounts: Accounts
  readonly #devices: Devices
  readonly #random: Random
  /** Of the signed pre-keys of device 0, by the public key. */
  readonly #signatures = new Map<string, Buffer>()

  constructor(store: Store, accounts: Accounts, devices: Devices, random: Random) {
    this.#store = store
    this.#accounts = accounts
    this.#devices = devices
    this.#random = random
  }

  /** Takes a bundle; the one-time key in it is gone when this returns. */
  take(phone: string, device: number): Bundle | undefined {
    return this.#store.transaction(() => (device === 0 ? this.#ofHandset(phone) : this.#ofCompanion(phone, device)))
  }

  count(phone: string, device: number): number {
    const sql = 'SELECT count(*) AS count FROM one_time_keys WHERE phone = ? AND device = ?'
    return this.#store.first<{ count: number }>(sql, phone, device)?.count ?? 0
  }

  /** Adds to the stock; the same id again replaces the key. */
  upload(phone: string, device: number, keys: readonly PublicKey[]): void {
    const sql = 'INSERT OR REPLACE INTO one_time_keys (phone, device, id, value) VALUES (?, ?, ?, ?)'
    this.#store.transaction(() => {
      for (const { id, value } of keys) this.#store.run(sql, phone, device, id, value)
    })
  }

  /** Throws keys away until so many are left. */
  drain(phone: string, device: number, left: number): void {
    this.#store.run(
      `DELETE FROM one_time_keys WHERE phone = ? AND device = ? AND id NOT IN
       (SELECT id FROM one_time_keys WHERE phone = ? AND device = ? ORDER BY id LIMIT ?)`,
      phone,
      device,
      phone,
      device,
      left,
    )
  }

  /** The ids still in stock, and a hash over all public keys by which a client sees whether we hold what it uploaded. */
  digest(phone: string, device: number): { ids: number[]; hash: Buffer } | undefined {
    const registered = this.#devices.get(phone, device)
    if (!registered) return undefined
    const keys = this.#store.all<PublicKey>(
      'SELECT id, value FROM one_time_keys WHERE phone = ? AND device = ? ORDER BY id',
      phone,
      device,
    )
    const hash = createHash('sha1').update(registered.identityKey)
    hash.update(registered.signedPreKey.value).update(registered.signedPreKey.signature)
    for (const { value } of keys) hash.update(value)
    return { ids: keys.map(({ id }) => id), hash: hash.digest() }
  }

  #ofCompanion(phone: string, device: number): Bundle | undefined {
    const registered = this.#devices.get(phone, device)
    if (!registered) return undefined
    const oneTimeKey = this.#store.first<PublicKey>(
      'SELECT id, value FROM one_time_keys WHERE phone = ? AND device = ? ORDER BY id LIMIT 1',
      phone,
      device,
    )
    const sql = 'DELETE FROM one_time_keys WHERE phone = ? AND device = ? AND id = ?'
    if (oneTimeKey) this.#store.run(sql, phone, device, oneTimeKey.id)
    const { registrationId, identityKey, signedPreKey, signedIdentity } = registered
    return { registrationId, identityKey, signedPreKey, oneTimeKey, signedIdentity }
  }

  #ofHandset(phone: string): Bundle | undefined {
    const account = this.#accounts.get(phone)
    if (!account) return undefined
    const { key, registrationId, signedPreKey } = account.identity
    const pair = this.#random.pair(`pre-key/${phone}`)
    const id = this.#accounts.takeNumber(phone, 'next_pre_key')
    const sql = 'INSERT INTO pre_keys (phone, id, public, private) VALUES (?, ?, ?, ?)'
    this.#store.run(sql, phone, id, pair.public, pair.private)
    return {
      registrationId,
      identityKey: key.public,
      signedPreKey: {
        id: signedPreKey.id,
        value: signedPreKey.pair.public,
        signature: this.#signatureOf(account.identity),
      },
      oneTimeKey: { id, value: pair.public },
      signedIdentity: undefined,
    }
  }

  /** Signing takes ten times as long as all else about a new account, and most are never asked for their keys. */
  #signatureOf({ key, signedPreKey }: Identity): Buffer {
    const { public: value } = signedPreKey.pair
    const name = value.toString('base64')
    let signature = this.#signatures.get(name)
    if (!signature) {
      signature = Buffer.from(Curve.sign(key.private, Buffer.concat([Buffer.from([5]), value])))
      this.#signatures.set(name, signature)
    }
    return signature
  }
}
