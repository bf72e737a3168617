import { proto } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'

/** A companion linked to a phone, as the server knows it. */
export interface Device {
  readonly phone: string
  readonly device: number
  readonly keyIndex: number
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly registrationId: number
  readonly signedPreKey: { readonly id: number; readonly value: Buffer; readonly signature: Buffer }
  /** ADVSignedDeviceIdentity with the account's key: goes with key bundles, so that peers can check the link. */
  readonly signedIdentity: Buffer
  readonly platform: string
  readonly linkedAt: number
  /** Whether the phone has sent it keys and history already. */
  readonly isSettled: boolean
}

interface Row {
  phone: string
  device: number
  key_index: number
  noise_key: Buffer
  identity_key: Buffer
  registration_id: number
  skey_id: number
  skey_value: Buffer
  skey_signature: Buffer
  signed_identity: Buffer
  platform: string
  linked_at: number
  settled: number
}

export class Devices {
  readonly #store: Store
  readonly #cache = new Map<string, Device[]>()

  constructor(store: Store) {
    this.#store = store
    store.whenUndone(() => this.#cache.clear())
  }

  /** The companions of an account, oldest first; the phone itself (device 0) is not among them. */
  of(phone: string): readonly Device[] {
    let devices = this.#cache.get(phone)
    if (!devices) {
      devices = this.#store.all<Row>('SELECT * FROM devices WHERE phone = ? ORDER BY device', phone).map(fromRow)
      this.#cache.set(phone, devices)
    }
    return devices
  }

  get(phone: string, device: number): Device | undefined {
    return this.of(phone).find((candidate) => candidate.device === device)
  }

  /** 0 and every companion. */
  numbersOf(phone: string): number[] {
    return [0, ...this.of(phone).map(({ device }) => device)]
  }

  add(device: Device): void {
    this.#store.run(
      `INSERT INTO devices (phone, device, key_index, noise_key, identity_key, registration_id, skey_id, skey_value,
       skey_signature, signed_identity, platform, linked_at, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      device.phone,
      device.device,
      device.keyIndex,
      device.noiseKey,
      device.identityKey,
      device.registrationId,
      device.signedPreKey.id,
      device.signedPreKey.value,
      device.signedPreKey.signature,
      device.signedIdentity,
      device.platform,
      device.linkedAt,
      Number(device.isSettled),
    )
    this.#cache.delete(device.phone)
  }

  setSignedPreKey(phone: string, device: number, key: Device['signedPreKey'], registrationId?: number): void {
    this.#store.run(
      `UPDATE devices SET skey_id = ?, skey_value = ?, skey_signature = ?,
       registration_id = coalesce(?, registration_id) WHERE phone = ? AND device = ?`,
      key.id,
      key.value,
      key.signature,
      registrationId ?? null,
      phone,
      device,
    )
    this.#cache.delete(phone)
  }

  settle(phone: string, device: number): void {
    this.#store.run('UPDATE devices SET settled = 1 WHERE phone = ? AND device = ?', phone, device)
    this.#cache.delete(phone)
  }

  /** What the companion said of itself when it was linked: an encoded `DeviceProps`. */
  setProps(phone: string, device: number, props: Uint8Array): void {
    this.#store.run('INSERT OR REPLACE INTO device_props (phone, device, props) VALUES (?, ?, ?)', phone, device, props)
  }

  /** Whether the companion asked for the whole history. */
  wantsEverything(phone: string, device: number): boolean {
    const sql = 'SELECT props FROM device_props WHERE phone = ? AND device = ?'
    const row = this.#store.first<{ props: Buffer }>(sql, phone, device)
    return row !== undefined && (proto.DeviceProps.decode(row.props).requireFullSync ?? false)
  }

  /** Forgets a companion with all that was kept for it. */
  remove(phone: string, device: number): void {
    for (const table of ['devices', 'device_props', 'one_time_keys', 'pending', 'watchers', 'sent_to_companions']) {
      this.#store.run(`DELETE FROM ${table} WHERE phone = ? AND device = ?`, phone, device)
    }
    this.#cache.delete(phone)
  }

  /** Somebody asked for this account's device list and may keep it: changes must be told to them, and only to them. */
  watch(watched: string, phone: string, device: number): void {
    this.#store.run('INSERT OR IGNORE INTO watchers (watched, phone, device) VALUES (?, ?, ?)', watched, phone, device)
  }

  watchersOf(phone: string): { phone: string; device: number }[] {
    return this.#store.all('SELECT phone, device FROM watchers WHERE watched = ?', phone)
  }
}

function fromRow(row: Row): Device {
  return {
    phone: row.phone,
    device: row.device,
    keyIndex: row.key_index,
    noiseKey: row.noise_key,
    identityKey: row.identity_key,
    registrationId: row.registration_id,
    signedPreKey: { id: row.skey_id, value: row.skey_value, signature: row.skey_signature },
    signedIdentity: row.signed_identity,
    platform: row.platform,
    linkedAt: row.linked_at,
    isSettled: row.settled === 1,
  }
}
