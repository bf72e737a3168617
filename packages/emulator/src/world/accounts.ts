import { createHash } from 'node:crypto'
import { definedOnly } from '../defined-only.ts'
import type { Store } from '../state/database.ts'
import type { Random } from '../state/random.ts'
import type { RawKeyPair } from '../state/server-keys.ts'
import { syncKeyId } from '../syncd/keys.ts'
import { other, parseJid, type Space, toJid } from './jids.ts'
import type { Timelock } from './timelock.ts'

/**
 * What a contact does: `silent` only confirms what it gets, `echo` answers a text with the same text, `polite` does too, but
 * falls silent when its answers are answered at once several times: two bots would talk for ever. `scripted` answers as it
 * was told. `absent` never comes online. `blind` confirms what arrives without decrypting it: for load. It hears nothing,
 * and the phone of who writes to it does not read that either.
 */
export const BEHAVIOURS = ['silent', 'echo', 'polite', 'scripted', 'absent', 'blind'] as const
export type Behaviour = (typeof BEHAVIOURS)[number]

/** Everything the device 0 of an account, which lives in the emulator, needs to take part in Signal. */
export interface Identity {
  readonly key: RawKeyPair
  readonly registrationId: number
  readonly signedPreKey: { readonly id: number; readonly pair: RawKeyPair }
  /** Names the account in every device list it signs; constant for ever. */
  readonly rawId: number
  /** The first key the phone shares with its companions to encrypt app state. */
  readonly appStateKey: { readonly id: Buffer; readonly data: Buffer }
}

export interface Account {
  readonly phone: string
  readonly lid: string
  /** A phone has an owner who links companions to it; a contact has a behaviour. */
  readonly kind: 'phone' | 'contact'
  readonly name: string | null
  readonly about: string
  readonly behaviour: Behaviour
  readonly identity: Identity
  readonly settings: Settings
}

export interface Settings {
  readonly privacy?: Record<string, string>
  /** Those whom a privacy category leaves out: phone digits, as all lists here. */
  readonly exceptions?: Record<string, string[]>
  readonly blocked?: string[]
  /** Whom the owner has saved. Without it, those whom they have written to. */
  readonly contacts?: string[]
  /** Only those who hold a token of this account may write to it, see its picture and watch it. */
  readonly isGuarded?: boolean
  /** The account may not begin chats. */
  readonly timelock?: Timelock
  /** How long new chats last, in seconds, and since when. */
  readonly disappearing?: number
  readonly disappearingAt?: number
  /** Seconds. */
  readonly aboutAt?: number
  readonly lastSeen?: number
  /** The id of the profile picture, and the SHA-256 of its bytes in base64. */
  readonly picture?: string
  readonly pictureHash?: string
  /** `hidden`: nobody has learnt the lid yet. `first`: chats are held by lid. Without it both are known, chats keep to the number. */
  readonly lid?: 'hidden' | 'first'
  /** The device in the owner's hand has no network. */
  readonly isOffline?: boolean
  /** A virtual person has the app open, and is online to those who may see that. */
  readonly isAppOpen?: boolean
  /** How long after they arrived messages are read, in ms. Without it they are not. */
  readonly readsAfterMs?: number
  /** What a contact whose behaviour is `scripted` answers. */
  readonly replies?: Reply[]
}

/** The answer to a text that the pattern, a regular expression, matches; `$1` and the like stand for its groups. */
export interface Reply {
  readonly pattern: string
  readonly reply: string
}

interface Row {
  phone: string
  lid: string
  kind: Account['kind']
  name: string | null
  about: string
  behaviour: Behaviour
  identity: string
  settings: string
}

/** Who is on this WhatsApp. One process owns the file, so what was read once is kept. */
export class Accounts {
  readonly #store: Store
  readonly #random: Random
  readonly #byPhone = new Map<string, Account>()
  readonly #phoneByLid = new Map<string, string>()

  constructor(store: Store, random: Random) {
    this.#store = store
    this.#random = random
    store.whenUndone(() => this.#byPhone.clear())
    for (const { phone, lid } of store.all<{ phone: string; lid: string }>('SELECT phone, lid FROM accounts')) {
      this.#phoneByLid.set(lid, phone)
    }
  }

  get(phone: string): Account | undefined {
    const known = this.#byPhone.get(phone)
    if (known) return known
    const row = this.#store.first<Row>('SELECT * FROM accounts WHERE phone = ?', phone)
    return row && this.#remember(fromRow(row))
  }

  /** The account behind a phone or lid JID, of any device. */
  byJid(jid: string | undefined): Account | undefined {
    const address = parseJid(jid)
    if (address?.kind === 'pn') return this.get(address.user)
    if (address?.kind !== 'lid') return undefined
    const phone = this.#phoneByLid.get(address.user)
    return phone === undefined ? undefined : this.get(phone)
  }

  require(phone: string): Account {
    const account = this.get(phone)
    if (!account) throw new Error(`${phone} is neither a phone nor a contact of this emulator.`)
    return account
  }

  all(kind: Account['kind']): Account[] {
    const rows = this.#store.all<Row>('SELECT * FROM accounts WHERE kind = ? ORDER BY phone', kind)
    return rows.map((row) => this.#byPhone.get(row.phone) ?? this.#remember(fromRow(row)))
  }

  /** Gets the account, or makes it; a name or behaviour that is given replaces the old one. */
  ensure(phone: string, kind: Account['kind'], wanted: { name?: string; behaviour?: Behaviour } = {}): Account {
    const known = this.get(phone)
    if (known && known.kind !== kind)
      throw new Error(`${phone} is a ${known.kind} already, it cannot be a ${kind} too.`)
    if (known) return Object.keys(wanted).length === 0 ? known : this.update(phone, wanted)
    const lid = this.#freeLid(phone)
    this.#store.run(
      'INSERT INTO accounts (phone, lid, kind, name, behaviour, identity) VALUES (?, ?, ?, ?, ?, ?)',
      phone,
      lid,
      kind,
      wanted.name ?? null,
      wanted.behaviour ?? 'silent',
      JSON.stringify(newIdentity(this.#random, phone), bytesAsBase64),
    )
    this.#phoneByLid.set(lid, phone)
    return this.require(phone)
  }

  update(
    phone: string,
    change: { name?: string; about?: string; behaviour?: Behaviour; settings?: Settings; identity?: Identity },
  ): Account {
    const old = this.require(phone)
    const account: Account = { ...old, ...definedOnly(change) }
    if (JSON.stringify(account) === JSON.stringify(old)) return old
    this.#store.run(
      'UPDATE accounts SET name = ?, about = ?, behaviour = ?, settings = ?, identity = ? WHERE phone = ?',
      account.name,
      account.about,
      account.behaviour,
      JSON.stringify(account.settings),
      JSON.stringify(account.identity, bytesAsBase64),
      phone,
    )
    return this.#remember(account)
  }

  /** Numbers that are used up once taken, such as device ids: never given out twice. */
  takeNumber(phone: string, counter: 'next_device' | 'next_pre_key'): number {
    const row = this.#store.first<{ taken: number }>(
      `UPDATE accounts SET ${counter} = ${counter} + 1 WHERE phone = ? RETURNING ${counter} - 1 AS taken`,
      phone,
    )
    if (!row) throw new Error(`${phone} has no account.`)
    return row.taken
  }

  #remember(account: Account): Account {
    this.#byPhone.set(account.phone, account)
    return account
  }

  /** Lids are derived from the number, so that a test sees the same one every time. */
  #freeLid(phone: string): string {
    for (let attempt = 0; ; attempt++) {
      const digest = createHash('sha256').update(`${phone}/${attempt}`).digest()
      const lid = String(100_000_000_000_000n + (digest.readBigUInt64BE(0) % 899_999_999_999_999n))
      if (!this.#store.first('SELECT 1 FROM accounts WHERE lid = ?', lid)) return lid
    }
  }
}

export function newIdentity(random: Random, phone: string): Identity {
  const stream = `identity/${phone}`
  const key = random.pair(stream)
  const pair = random.pair(stream)
  const numbers = random.bytes(6, stream)
  return {
    key,
    registrationId: (numbers.readUInt16BE(0) & 0x3fff) + 1,
    signedPreKey: { id: 1, pair },
    rawId: numbers.readUInt32BE(2) >>> 1,
    appStateKey: { id: syncKeyId(1), data: random.bytes(32, stream) },
  }
}

/** The name that an account has beside the one in `space`; none when that is a lid which nobody has learnt yet. */
export function aliasOf(account: Account, space: Space): string | undefined {
  return space === 'pn' && account.settings.lid === 'hidden' ? undefined : toJid(account, other(space))
}

/** The name under which a chat between these people is held when nobody says otherwise. */
export function spaceBetween(...people: (Account | undefined)[]): Space {
  return people.some((person) => person?.settings.lid === 'first') ? 'lid' : 'pn'
}

function fromRow(row: Row): Account {
  return {
    phone: row.phone,
    lid: row.lid,
    kind: row.kind,
    name: row.name,
    about: row.about,
    behaviour: row.behaviour,
    // Written by this class only.
    settings: JSON.parse(row.settings) as Settings,
    identity: JSON.parse(row.identity, base64AsBytes) as Identity,
  }
}

/** `JSON.stringify` has called `Buffer.toJSON` before it asks a replacer. */
function bytesAsBase64(_key: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value) {
    return { base64: Buffer.from(value.data as number[]).toString('base64') }
  }
  return value
}

function base64AsBytes(_key: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string') {
    return Buffer.from(value.base64, 'base64')
  }
  return value
}
