import { createHmac, timingSafeEqual } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Store } from '../state/database.ts'
import type { Random } from '../state/random.ts'
import { bytesOf, child } from '../stream/nodes.ts'
import type { Account, Accounts } from './accounts.ts'
import type { Clock } from './clock.ts'
import { toJid } from './jids.ts'

/** Tokens are counted in weeks since the epoch; those of this week and of the three before it are good. */
const WEEK_S = 604_800
const WEEKS = 4

/**
 * Trusted-contact tokens: who writes to somebody gives them a token, with which they may write back, see the picture and
 * watch the presence of an account that is guarded. Learnt from Baileys and whatsapp-rust.
 */
export class Tokens {
  readonly #store: Store
  readonly #accounts: Accounts
  readonly #clock: Clock
  readonly #random: Random

  constructor(store: Store, accounts: Accounts, clock: Clock, random: Random) {
    this.#store = store
    this.#accounts = accounts
    this.#clock = clock
    this.#random = random
  }

  /** Inside a commit: a new token with which `holder` can turn to `issuer`. `at` in seconds. */
  issue(issuer: string, holder: string, at: number): Buffer {
    const token = this.#random.bytes(16, `token/${issuer}`)
    const sql = 'INSERT OR REPLACE INTO contact_tokens (issuer, holder, at, token) VALUES (?, ?, ?, ?)'
    this.#store.run(sql, issuer, holder, at, token)
    this.#store.run(
      'DELETE FROM contact_tokens WHERE issuer = ? AND holder = ? AND at < ?',
      issuer,
      holder,
      this.#oldest(),
    )
    return token
  }

  /** Whether a client that writes to `holder` now would issue a token: once a week. */
  isDue(issuer: string, holder: string): boolean {
    const sql = 'SELECT max(at) AS at FROM contact_tokens WHERE issuer = ? AND holder = ?'
    const { at } = this.#store.first<{ at: number | null }>(sql, issuer, holder) ?? { at: null }
    return at === null || weekOf(at) < weekOf(this.#clock.seconds())
  }

  /** Whether `holder` has a good token of `issuer`. */
  isHeld(issuer: string, holder: string): boolean {
    return this.#good(issuer, holder).length > 0
  }

  /** Whether what `sender` shows, a `<tctoken>` or `<cstoken>` in `node`, lets it turn to `receiver`. */
  admits(sender: Account, receiver: Account, node: BinaryNode | undefined): boolean {
    if (!receiver.settings.isGuarded || sender.phone === receiver.phone) return true
    const shown = bytesOf(child(node, 'tctoken'))
    if (shown.length > 0 && this.#good(receiver.phone, sender.phone).some((token) => token.equals(shown))) return true
    const first = bytesOf(child(node, 'cstoken'))
    const right = firstContactToken(sender, receiver)
    return first.length === right.length && timingSafeEqual(first, right)
  }

  setGuarded(phone: string, isGuarded: boolean): void {
    this.#accounts.update(phone, { settings: { ...this.#accounts.require(phone).settings, isGuarded } })
  }

  #good(issuer: string, holder: string): Buffer[] {
    const sql = 'SELECT token FROM contact_tokens WHERE issuer = ? AND holder = ? AND at >= ?'
    return this.#store.all<{ token: Buffer }>(sql, issuer, holder, this.#oldest()).map(({ token }) => token)
  }

  #oldest(): number {
    return (weekOf(this.#clock.seconds()) - (WEEKS - 1)) * WEEK_S
  }
}

/**
 * The salt that a phone gives its companions with their history, for messages to people who never gave them a token: 32
 * bytes, for good.
 */
export function nctSaltOf({ identity }: Account): Buffer {
  return createHmac('sha256', identity.key.private).update('nct salt').digest()
}

function firstContactToken(sender: Account, receiver: Account): Buffer {
  return createHmac('sha256', nctSaltOf(sender)).update(toJid(receiver, 'lid')).digest()
}

function weekOf(seconds: number): number {
  return Math.floor(seconds / WEEK_S)
}
