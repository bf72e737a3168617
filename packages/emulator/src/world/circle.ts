import type { Accounts, Settings } from './accounts.ts'
import type { Mailbox } from './mailbox.ts'

/** What an account decides about: each has a value that says who may see or do it. */
export const PRIVACY_NAMES = [
  'last',
  'online',
  'profile',
  'status',
  'readreceipts',
  'groupadd',
  'calladd',
  'messages',
  'defense',
] as const
export type PrivacyName = (typeof PRIVACY_NAMES)[number]

const DEFAULTS: Record<PrivacyName, string> = {
  last: 'all',
  online: 'all',
  profile: 'all',
  status: 'all',
  readreceipts: 'all',
  groupadd: 'all',
  calladd: 'all',
  messages: 'all',
  defense: 'off',
}

export function isPrivacyName(name: string): name is PrivacyName {
  return PRIVACY_NAMES.some((known) => known === name)
}

/** Who shows what to whom, and who wants to hear nothing of whom. Decided by each account; kept in its settings. */
export class Circle {
  readonly #accounts: Accounts
  readonly #mail: Mailbox

  constructor(accounts: Accounts, mail: Mailbox) {
    this.#accounts = accounts
    this.#mail = mail
  }

  /** Every value that an account has, the defaults included. */
  privacyOf(phone: string): Record<string, string> {
    return { ...DEFAULTS, ...this.#settings(phone).privacy }
  }

  setPrivacy(phone: string, name: string, value: string): void {
    this.#change(phone, { privacy: { ...this.#settings(phone).privacy, [name]: value } })
  }

  /** Phone digits of those whom a category leaves out. */
  exceptionsOf(phone: string, name: string): readonly string[] {
    return this.#settings(phone).exceptions?.[name] ?? []
  }

  setExceptions(phone: string, name: string, others: readonly string[]): void {
    this.#change(phone, { exceptions: { ...this.#settings(phone).exceptions, [name]: [...others] } })
  }

  /**
   * Whether `viewer` may see or do this with `owner`. Blocked people may nothing. Who hides when they were last seen is
   * not shown it of others either.
   */
  allows(owner: string, name: PrivacyName, viewer: string): boolean {
    if (owner === viewer) return true
    if (this.isBlocked(owner, viewer)) return false
    if (name === 'last' && this.#value(viewer, 'last') === 'none') return false
    return this.#admits(owner, name, viewer)
  }

  /** Between two people: no receipts from somebody whom the author has blocked, and blue ticks only if both want them. */
  tells(author: string, reader: string, type: string | undefined): boolean {
    if (author === reader) return true
    if (this.isBlocked(author, reader)) return false
    return type !== 'read' || [author, reader].every((phone) => this.#value(phone, 'readreceipts') !== 'none')
  }

  /** Phone digits. */
  blockedBy(phone: string): readonly string[] {
    return this.#settings(phone).blocked ?? []
  }

  isBlocked(owner: string, other: string): boolean {
    return this.blockedBy(owner).includes(other)
  }

  setBlocked(phone: string, other: string, isBlocked: boolean): void {
    this.#change(phone, { blocked: withOrWithout(this.blockedBy(phone), other, isBlocked) })
  }

  /** Whom somebody has saved; who has saved nobody knows those whom they have written to. */
  knows(owner: string, other: string): boolean {
    const { contacts } = this.#settings(owner)
    return contacts ? contacts.includes(other) : this.#mail.hasWrittenTo(owner, other)
  }

  /**
   * Whether the server tells `owner` what changes about `other`: it does when the number is in the address book it was
   * sent. Of an address book that nobody has described, it is taken to hold everybody: a notice too many does less harm
   * to a test than one that never comes.
   */
  mayHaveSaved(owner: string, other: string): boolean {
    return this.#settings(owner).contacts?.includes(other) ?? true
  }

  setContact(phone: string, other: string, isSaved: boolean): void {
    this.#change(phone, { contacts: withOrWithout(this.#settings(phone).contacts ?? [], other, isSaved) })
  }

  #admits(owner: string, name: PrivacyName, viewer: string): boolean {
    switch (this.#value(owner, name)) {
      case 'none':
        return false
      case 'contacts':
        return this.knows(owner, viewer)
      case 'contact_blacklist':
        return this.knows(owner, viewer) && !this.exceptionsOf(owner, name).includes(viewer)
      case 'match_last_seen':
        return this.#admits(owner, 'last', viewer)
      default:
        return true
    }
  }

  #value(phone: string, name: PrivacyName): string {
    return this.#settings(phone).privacy?.[name] ?? DEFAULTS[name]
  }

  #settings(phone: string): Settings {
    return this.#accounts.require(phone).settings
  }

  #change(phone: string, change: Settings): void {
    this.#accounts.update(phone, { settings: { ...this.#settings(phone), ...change } })
  }
}

function withOrWithout(list: readonly string[], item: string, isIn: boolean): string[] {
  const rest = list.filter((known) => known !== item)
  return isIn ? [...rest, item] : rest
}
