import type { Person } from '../api.ts'
import type { Group, GroupOptions, GroupSettings, MemberOutcome } from '../api-group.ts'
import { decide } from './group-joining.ts'
import { changeMembers, leaveGroup, type MemberAction, type Outcome } from './group-members.ts'
import { announceGroup } from './group-notices.ts'
import { groupFor } from './group-rules.ts'
import { checkSubject, describe, rename, resetInvite, setPicture, setting } from './group-settings.ts'
import type { GroupInfo } from './groups.ts'
import { toJid, toPhone } from './jids.ts'
import type { WaitOptions } from './waiting.ts'
import type { World } from './world.ts'

/** Makes a group of exactly these people: a test that sets the scene asks nobody for permission. */
export function makeGroup(world: World, options: GroupOptions): Group {
  const phones = options.members.map((member) => phoneOf(world, member))
  const [creator] = phones
  if (creator === undefined) throw new TypeError('A group has at least one member.')
  const { subject, description, settings = {}, addressing = 'lid' } = options
  checkSubject(subject)
  const info = world.post.commit(() => {
    const text = description && { id: world.newId(), text: description, by: creator, at: world.clock.seconds() }
    const made = world.groups.create({
      ...settings,
      ...(text && { description: text }),
      subject,
      creator,
      addressing,
    })
    for (const phone of phones) if (phone !== creator) world.groups.setRole(made.id, phone, 'member')
    announceGroup(world, made, creator, [...world.groups.members(made.id).keys()], { type: 'new' })
    return made
  })
  return new VirtualGroup(world, info.id)
}

/** The group that the public `Group` describes. */
export class VirtualGroup implements Group {
  readonly #world: World
  readonly #actor: string | undefined
  readonly id: string

  constructor(world: World, id: string, actor?: string) {
    this.#world = world
    this.id = id
    this.#actor = actor
  }

  get subject(): string {
    return this.#info.subject
  }

  get description(): string {
    return this.#info.description?.text ?? ''
  }

  get members(): string[] {
    return [...this.#world.groups.members(this.id).keys()]
  }

  get admins(): string[] {
    return [...this.#world.groups.members(this.id)].flatMap(([phone, role]) => (role === 'member' ? [] : [phone]))
  }

  get requests(): string[] {
    return this.#world.groups.requests(this.id).map(({ phone }) => phone)
  }

  get settings(): Required<GroupSettings> {
    const { isAnnouncement, isLocked, needsApproval, memberAddMode, memberLinkMode, ephemeral } = this.#info
    return { isAnnouncement, isLocked, needsApproval, memberAddMode, memberLinkMode, ephemeral }
  }

  get inviteCode(): string {
    return this.#info.invite
  }

  by(person: Person | string): Group {
    return new VirtualGroup(this.#world, this.id, phoneOf(this.#world, person))
  }

  adds(...people: (Person | string)[]): MemberOutcome[] {
    return this.#change(people, 'add')
  }

  removes(...people: (Person | string)[]): MemberOutcome[] {
    return this.#change(people, 'remove')
  }

  promotes(...people: (Person | string)[]): MemberOutcome[] {
    return this.#change(people, 'promote')
  }

  demotes(...people: (Person | string)[]): MemberOutcome[] {
    return this.#change(people, 'demote')
  }

  approves(...people: (Person | string)[]): MemberOutcome[] {
    return this.#act((group, by) => decide(this.#world, group, by, this.#names(people), 'approve')).map(toOutcome)
  }

  rejects(...people: (Person | string)[]): MemberOutcome[] {
    return this.#act((group, by) => decide(this.#world, group, by, this.#names(people), 'reject')).map(toOutcome)
  }

  renames(subject: string): void {
    this.#act((group, by) => rename(this.#world, group, by, subject))
  }

  describes(text: string): void {
    this.#act((group, by) => describe(this.#world, group, by, text))
  }

  changesPicture(image?: Uint8Array): void {
    this.#act((group, by) => setPicture(this.#world, group, by, image))
  }

  changes(settings: GroupSettings): void {
    this.#act((group, by) => setting(this.#world, group, by, settings))
  }

  resetsInvite(): string {
    return this.#act((group, by) => resetInvite(this.#world, group, by))
  }

  async invites(person: Person | string): Promise<{ id: string }> {
    const phone = phoneOf(this.#world, person)
    const { by, subject, invite } = this.#act(({ subject }, by) => {
      return { by, subject, invite: this.#world.groups.invitePersonally(this.id, phone, by) }
    })
    const { code, expiresAt } = invite
    return this.#world.handset(by).says(phone, {
      groupInviteMessage: {
        groupJid: this.id,
        groupName: subject,
        inviteCode: code,
        inviteExpiration: expiresAt,
        caption: `Join ${subject}`,
      },
    })
  }

  leaves(): void {
    this.#act((group, by) => leaveGroup(this.#world, group, by))
  }

  until(isSo: (group: Group) => boolean, options?: WaitOptions): Promise<void> {
    const look = () => (isSo(this) ? true : undefined)
    const state = () => {
      const { subject, members, admins, requests } = this
      return JSON.stringify({ subject, members, admins, requests })
    }
    return this.#world.groups
      .until(look, () => `group ${this.id} is not as it was waited for: ${state()}`, options)
      .then(() => undefined)
  }

  #change(people: readonly (Person | string)[], action: MemberAction): MemberOutcome[] {
    const names = this.#names(people)
    return this.#act((group, by) => changeMembers(this.#world, group, by, names, action)).map(toOutcome)
  }

  #names(people: readonly (Person | string)[]): string[] {
    const { accounts } = this.#world
    return people.map((person) => toJid(accounts.require(phoneOf(this.#world, person)), 'pn'))
  }

  /** In one commit, and as the one who acts: by default the creator, or who is admin when the creator has left. */
  #act<T>(work: (group: GroupInfo, by: string) => T): T {
    const [admin = this.#info.creator] = this.admins
    const by = this.#actor ?? (this.admins.includes(this.#info.creator) ? this.#info.creator : admin)
    const group = groupFor(this.#world, this.id, by)
    return this.#world.post.commit(() => work(group, by))
  }

  get #info(): GroupInfo {
    const info = this.#world.groups.get(this.id)
    if (!info) throw new Error(`There is no group ${this.id}.`)
    return info
  }
}

function phoneOf(world: World, person: Person | string): string {
  return world.accounts.require(typeof person === 'string' ? toPhone(person) : person.phone).phone
}

function toOutcome({ jid, account, code }: Outcome): MemberOutcome {
  return { phone: account?.phone ?? jid, code }
}
