import type { Store } from '../state/database.ts'
import type { Random } from '../state/random.ts'
import type { Clock } from './clock.ts'
import type { Space } from './jids.ts'

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
  readonly isAnnouncement: boolean
  readonly isLocked: boolean
  readonly needsApproval: boolean
  readonly memberAddMode: 'all_member_add' | 'admin_add'
  readonly ephemeral: number
  readonly invite: string
}

/** Groups and who is in them. Knows nothing of stanzas. */
export class Groups {
  readonly #store: Store
  readonly #clock: Clock
  readonly #random: Random

  constructor(store: Store, clock: Clock, random: Random) {
    this.#store = store
    this.#clock = clock
    this.#random = random
  }

  get(id: string): GroupInfo | undefined {
    const row = this.#store.first<{ data: string }>('SELECT data FROM chat_groups WHERE id = ?', id)
    return row && (JSON.parse(row.data) as GroupInfo) // written by #save only
  }

  byInvite(code: string): GroupInfo | undefined {
    const sql = "SELECT data FROM chat_groups WHERE json_extract(data, '$.invite') = ?"
    const row = this.#store.first<{ data: string }>(sql, code)
    return row && (JSON.parse(row.data) as GroupInfo) // written by #save only
  }

  /** Phone digits to role, in the order of joining's key. */
  members(id: string): Map<string, Role> {
    const sql = 'SELECT phone, role FROM group_members WHERE id = ? ORDER BY phone'
    return new Map(this.#store.all<{ phone: string; role: Role }>(sql, id).map(({ phone, role }) => [phone, role]))
  }

  of(phone: string): GroupInfo[] {
    const sql = 'SELECT data FROM chat_groups WHERE id IN (SELECT id FROM group_members WHERE phone = ?) ORDER BY id'
    return this.#store.all<{ data: string }>(sql, phone).map(({ data }) => JSON.parse(data) as GroupInfo)
  }

  create(options: { subject: string; creator: string; members: readonly string[]; addressing: Space }): GroupInfo {
    const now = this.#clock.seconds()
    const info: GroupInfo = {
      id: `1203630${this.#random.bytes(6, 'group').readUIntBE(0, 6).toString().padStart(15, '0').slice(0, 11)}@g.us`,
      subject: options.subject,
      addressing: options.addressing,
      creator: options.creator,
      createdAt: now,
      subjectBy: options.creator,
      subjectAt: now,
      isAnnouncement: false,
      isLocked: false,
      needsApproval: false,
      memberAddMode: 'all_member_add',
      ephemeral: 0,
      invite: newInvite(this.#random),
    }
    this.#save(info)
    this.setRole(info.id, options.creator, 'superadmin')
    for (const phone of options.members) if (phone !== options.creator) this.setRole(info.id, phone, 'member')
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
    this.#store.run('INSERT OR REPLACE INTO group_members (id, phone, role) VALUES (?, ?, ?)', id, phone, role)
  }

  /** Takes a member out. Those who live in the emulator begin a new sender key, which the leaver never gets. */
  remove(id: string, phone: string): void {
    this.#store.run('DELETE FROM group_members WHERE id = ? AND phone = ?', id, phone)
    this.#store.run('DELETE FROM sender_keys_sent WHERE chat = ?', id)
    this.#store.run(
      `DELETE FROM sender_keys WHERE chat = ? AND author = (SELECT lid FROM accounts WHERE phone = owner) || '_0'`,
      id,
    )
  }

  #save(info: GroupInfo): void {
    this.#store.run('INSERT OR REPLACE INTO chat_groups (id, data) VALUES (?, ?)', info.id, JSON.stringify(info))
  }
}

export function newInvite(random: Random): string {
  return random.bytes(16, 'invite').toString('base64url')
}
