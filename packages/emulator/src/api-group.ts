import type { Person } from './api.ts'
import type { Space } from './world/jids.ts'
import type { WaitOptions } from './world/waiting.ts'

/** What admins decide about a group. */
export interface GroupSettings {
  /** Only admins write. Off by default, as the others. */
  isAnnouncement?: boolean
  /** Only admins change subject, description, picture and the disappearing of messages. */
  isLocked?: boolean
  /** Whoever comes by link, or is named by a member who is no admin, waits for an admin. */
  needsApproval?: boolean
  /** Who takes people in: all by default. */
  memberAddMode?: 'all_member_add' | 'admin_add'
  /** Who sees and resets the invite link: admins by default. */
  memberLinkMode?: 'all_member_link' | 'admin_link'
  /** Seconds after which messages disappear; 0, the default, is never. */
  ephemeral?: number
}

export interface GroupOptions {
  readonly subject: string
  /** The first one makes the group. Numbers must be phones or contacts. They are in it whatever their privacy says. */
  readonly members: readonly (Person | string)[]
  /** How members are named in it: by lid, as WhatsApp does now, or by phone number. */
  readonly addressing?: Space
  readonly description?: string
  readonly settings?: GroupSettings
}

/** What became of one person whom somebody wanted to add, remove, promote, demote, approve or reject. */
export interface MemberOutcome {
  /** Digits. */
  readonly phone: string
  /**
   * 200; 401: has blocked the one who adds; 404: not in the group, or not waiting; 409: in it already; 403: wants to be asked, and can be invited;
   * 202: waits for an admin now; 406: the creator, whom nobody removes or demotes; 419: the group is full.
   */
  readonly code: number
}

/**
 * A group, and what its members do to it. The creator acts, or another admin when the creator has left; `by` says who
 * else. Who may not do it gets an exception, with the `code` and `text` that a client would get.
 */
export interface Group {
  /** With `@g.us`. */
  readonly id: string
  readonly subject: string
  /** Empty when there is none. */
  readonly description: string
  /** Phone digits. */
  readonly members: string[]
  /** Phone digits, the creator's included. */
  readonly admins: string[]
  /** Those who wait to be let in, oldest first: phone digits. */
  readonly requests: string[]
  readonly settings: Required<GroupSettings>
  /** What `https://chat.whatsapp.com/` links end with. */
  readonly inviteCode: string
  /** The same group, with this member acting: `group.by(max).promotes(eva)`. */
  by(person: Person | string): Group
  /** Takes people in: they get the group, the others are told. */
  adds(...people: (Person | string)[]): MemberOutcome[]
  removes(...people: (Person | string)[]): MemberOutcome[]
  promotes(...people: (Person | string)[]): MemberOutcome[]
  demotes(...people: (Person | string)[]): MemberOutcome[]
  /** Lets people in who have asked to be. */
  approves(...people: (Person | string)[]): MemberOutcome[]
  rejects(...people: (Person | string)[]): MemberOutcome[]
  renames(subject: string): void
  /** An empty text removes the description. */
  describes(text: string): void
  /** A JPEG; without one the picture is taken away. */
  changesPicture(image?: Uint8Array): void
  changes(settings: GroupSettings): void
  /** The old invite link is dead from now on; returns the code of the new one. */
  resetsInvite(): string
  /** Sends a person an invitation that only they can accept, for three days. */
  invites(person: Person | string): Promise<{ id: string }>
  leaves(): void
  /**
   * Resolves when it is so, at once if it is already: `group.until(({ members }) => members.includes(eva.phone))`.
   * Rejects when `patienceMs` is over.
   */
  until(isSo: (group: Group) => boolean, options?: WaitOptions): Promise<void>
}
