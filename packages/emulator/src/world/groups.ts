import type { Store } from '../state/database.ts'
import type { Random } from '../state/random.ts'
import type { Clock } from './clock.ts'
import type { Space } from './jids.ts'
import { Waiters, type WaitOptions } from './waiting.ts'

export type Role = 'member' | 'admin' | 'superadmin'

export interface GroupInfo {
  /** With `@g.us`. */
  readonly id: string
  readonly subject: string
  /** Whether members are named by lid or by phone number in this group. */
  readonly addressing: Space
  /** Phone digits. */
  readonly creator: string
  /** Seconds, as all times here. */
  readonly createdAt: number
  readonly subjectBy: string
  readonly subjectAt: number
  readonly description?: { readonly id: string; readonly text: string; readonly by: string; readonly at: number }
  /** Only admins write. */
  readonly isAnnouncement: boolean
  /** Only admins change subject, description, picture and the disappearing of messages. */
  readonly isLocked: boolean
  /** Whoever comes by link, or is brought by a member, waits for an admin. */
  readonly needsApproval: boolean
  readonly memberAddMode: 'all_member_add' | 'admin_add'
  /** Who may see and reset the invite link. */
  readonly memberLinkMode: 'all_member_link' | 'admin_link'
  /** Seconds after which messages disappear; 0 is never. */
  readonly ephemeral: number
  readonly invite: string
  /** Rarer switches that are on, by the tag that turns them on: the network only keeps them. */
  readonly switches: readonly string[]
  /** Id of the picture; empty when there is none. */
  readonly picture: string
  /** The SHA-256 of its bytes, base64. */
  readonly pictureHash?: string
  /** Whom an admin has put out: they do not come back by link. Phone digits. */
  readonly removed: readonly string[]
  /** Counts changes of members and of who may write: clients see from them that they missed one. */
  readonly versions: { readonly members: number; readonly announcement: number }
}

/** Three days, as WhatsApp tells people. */
const PERSONAL_INVITE_SECONDS = 3 * 24 * 60 * 60

/** What a file written before these existed lacks. */
const LATER = {
  memberLinkMode: 'admin_link',
  switches: [],
  picture: '',
  removed: [],
  versions: { members: 1, announcement: 1 },
} as const

/** Somebody waits to be let in. */
export interface JoinRequest {
  readonly phone: string
  /** Who asked: the person, or a member who wants to bring them. */
  readonly by: string
  readonly method: 'invite_link' | 'non_admin_add'
  readonly at: number
}

/** An invitation that one person can accept: what an admin may send who was not allowed to add them. */
export interface PersonalInvite {
  readonly phone: string
  readonly code: string
  /** Phone digits. */
  readonly admin: string
  readonly expiresAt: number
}

export type NewGroup = { readonly subject: string; readonly creator: string; readonly addressing: Space } & Partial<
  Omit<GroupInfo, 'id' | 'subject' | 'creator' | 'addressing' | 'createdAt' | 'versions'>
>

interface Watcher {
  readonly looks: () => void
}

/** Groups, who is in them, who wants to be. Knows nothing of stanzas and asks nobody whether they may. */
export class Groups {
  readonly #store: Store
  readonly #clock: Clock
  readonly #random: Random
  readonly #waiters: Waiters<Watcher>
  #isRinging = false

  constructor(store: Store, clock: Clock, random: Random, patienceMs: number) {
    this.#store = store
    this.#clock = clock
    this.#random = random
    this.#waiters = new Waiters(patienceMs)
  }

  /** Resolves with what `look` finds, now or after a change of any group. `complaint` says what was waited for. */
  until<T>(look: () => T | undefined, complaint: () => string, options?: WaitOptions): Promise<T> {
    const found = look()
    if (found !== undefined) return Promise.resolve(found)
    const make = (resolve: (value: T) => void) => ({
      looks: () => {
        const value = look()
        if (value !== undefined) resolve(value)
      },
    })
    return this.#waiters.wait<T>(make, complaint, options)
  }

  get(id: string): GroupInfo | undefined {
    const row = this.#store.first<{ data: string }>('SELECT data FROM chat_groups WHERE id = ?', id)
    return row && fromRow(row)
  }

  all(): GroupInfo[] {
    return this.#store
      .all<{ data: string }>("SELECT data FROM chat_groups ORDER BY json_extract(data, '$.createdAt'), id")
      .map(fromRow)
  }

  byInvite(code: string): GroupInfo | undefined {
    const sql = "SELECT data FROM chat_groups WHERE json_extract(data, '$.invite') = ?"
    const row = this.#store.first<{ data: string }>(sql, code)
    return row && fromRow(row)
  }

  /** Phone digits to role, in the order of the numbers. */
  members(id: string): Map<string, Role> {
    const sql = 'SELECT phone, role FROM group_members WHERE id = ? ORDER BY phone'
    return new Map(this.#store.all<{ phone: string; role: Role }>(sql, id).map(({ phone, role }) => [phone, role]))
  }

  of(phone: string): GroupInfo[] {
    const sql = 'SELECT data FROM chat_groups WHERE id IN (SELECT id FROM group_members WHERE phone = ?) ORDER BY id'
    return this.#store.all<{ data: string }>(sql, phone).map(fromRow)
  }

  /** Makes a group in which only its creator is. */
  create(options: NewGroup): GroupInfo {
    const now = this.#clock.seconds()
    const info: GroupInfo = {
      id: `1203630${this.#random.bytes(6, 'group').readUIntBE(0, 6).toString().padStart(15, '0').slice(0, 11)}@g.us`,
      createdAt: now,
      subjectBy: options.creator,
      subjectAt: now,
      isAnnouncement: false,
      isLocked: false,
      needsApproval: false,
      memberAddMode: 'all_member_add',
      ephemeral: 0,
      invite: newInvite(this.#random),
      ...LATER,
      ...options,
    }
    this.#save(info)
    this.setRole(info.id, options.creator, 'superadmin')
    return info
  }

  update(id: string, change: Partial<GroupInfo>): GroupInfo {
    const old = this.get(id)
    if (!old) throw new Error(`There is no group ${id}.`)
    const info = { ...old, ...change }
    this.#save(info)
    return info
  }

  replace(info: GroupInfo): void {
    this.#save(info)
  }

  setRole(id: string, phone: string, role: Role): void {
    this.#ring()
    this.#store.run('INSERT OR REPLACE INTO group_members (id, phone, role) VALUES (?, ?, ?)', id, phone, role)
  }

  remove(id: string, phone: string): void {
    this.#ring()
    this.#store.run('DELETE FROM group_members WHERE id = ? AND phone = ?', id, phone)
    this.renewKeys(id)
  }

  /** Those who live in the emulator begin a new sender key, which whoever has gone never gets. */
  renewKeys(id: string): void {
    this.#store.run('DELETE FROM sender_keys_sent WHERE chat = ?', id)
    this.#store.run(
      `DELETE FROM sender_keys WHERE chat = ? AND author = (SELECT lid FROM accounts WHERE phone = owner) || '_0'`,
      id,
    )
  }

  /** Those who wait to be let in, oldest first. */
  requests(id: string): JoinRequest[] {
    return this.#store.all('SELECT phone, by, method, at FROM group_requests WHERE id = ? ORDER BY at, rowid', id)
  }

  addRequest(id: string, { phone, by, method, at }: JoinRequest): void {
    this.#ring()
    const sql = 'INSERT OR REPLACE INTO group_requests (id, phone, by, method, at) VALUES (?, ?, ?, ?, ?)'
    this.#store.run(sql, id, phone, by, method, at)
  }

  /** False when there was none. */
  removeRequest(id: string, phone: string): boolean {
    this.#ring()
    return this.#store.run('DELETE FROM group_requests WHERE id = ? AND phone = ?', id, phone).changes > 0
  }

  personalInvite(id: string, phone: string): PersonalInvite | undefined {
    const sql = 'SELECT phone, code, admin, expires_at AS expiresAt FROM group_invites WHERE id = ? AND phone = ?'
    return this.#store.first(sql, id, phone)
  }

  invitePersonally(id: string, phone: string, admin: string): PersonalInvite {
    const expiresAt = this.#clock.seconds() + PERSONAL_INVITE_SECONDS
    const invite = { phone, code: newInvite(this.#random), admin, expiresAt }
    const sql = 'INSERT OR REPLACE INTO group_invites (id, phone, code, admin, expires_at) VALUES (?, ?, ?, ?, ?)'
    this.#store.run(sql, id, phone, invite.code, admin, expiresAt)
    return invite
  }

  removePersonalInvite(id: string, phone: string): boolean {
    return this.#store.run('DELETE FROM group_invites WHERE id = ? AND phone = ?', id, phone).changes > 0
  }

  /** A new link; the old one is remembered as dead, which is another answer than one that never was. */
  resetInvite(id: string): GroupInfo {
    const old = this.get(id)
    if (old) this.#store.run('INSERT OR IGNORE INTO dead_invites (code) VALUES (?)', old.invite)
    return this.update(id, { invite: newInvite(this.#random) })
  }

  wasInvite(code: string): boolean {
    return this.#store.first('SELECT 1 FROM dead_invites WHERE code = ?', code) !== undefined
  }

  /** When the commit that changes something is through: those who wait look again. */
  #ring(): void {
    if (this.#isRinging) return
    this.#isRinging = true
    queueMicrotask(() => {
      this.#isRinging = false
      for (const { looks } of this.#waiters.now()) looks()
    })
  }

  #save(info: GroupInfo): void {
    this.#ring()
    this.#store.run(
      'INSERT INTO chat_groups (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data',
      info.id,
      JSON.stringify(info),
    )
  }
}

/** Of links: 22 letters, as WhatsApp's. */
function newInvite(random: Random): string {
  return random.bytes(16, 'invite').toString('base64url')
}

function fromRow({ data }: { data: string }): GroupInfo {
  return { ...LATER, ...(JSON.parse(data) as GroupInfo) } // written by #save only
}
