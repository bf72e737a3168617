import { participantNode, versionId } from '../stanzas/group-nodes.ts'
import { IqError } from '../stanzas/iq-error.ts'
import { el } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import { announceGroup, tell, tellAdmins, tellMembers } from './group-notices.ts'
import { isAdmin, letsAdd, MOST_MEMBERS, requireAdmin } from './group-rules.ts'
import type { GroupInfo, NewGroup, PersonalInvite, Role } from './groups.ts'
import type { World } from './world.ts'

export const MEMBER_ACTIONS = ['add', 'remove', 'promote', 'demote'] as const
export type MemberAction = (typeof MEMBER_ACTIONS)[number]

/** What became of one person whom somebody wanted to add, remove, promote or demote. */
export interface Outcome {
  /** The name that was asked for. */
  readonly jid: string
  readonly account: Account | undefined
  /**
   * 200; 401 for who has blocked the one who adds; 404 for who is not on WhatsApp, or not in the group; 409 for who is in it already; 403 for who wants to be
   * asked, with an invitation that can be sent to them; 202 for who waits for an admin now; 406 for the creator, whom
   * nobody removes or demotes; 419 when the group is full.
   */
  readonly code: number
  readonly invite?: PersonalInvite
}

/** Inside a commit: a new group, which everybody in it is told of. Who could not be added is in the outcomes. */
export function createGroup(
  world: World,
  wish: NewGroup,
  asked: readonly string[],
  key?: string,
): { group: GroupInfo; outcomes: Outcome[] } {
  const group = world.groups.create(wish)
  const others = asked.filter((jid) => world.accounts.byJid(jid)?.phone !== wish.creator)
  const outcomes = others.map((jid) => added(world, group, wish.creator, jid))
  const members = [...world.groups.members(group.id).keys()]
  announceGroup(world, group, wish.creator, members, { type: 'new', key })
  return { group, outcomes }
}

/** Inside a commit. Throws when `by` may not do that at all; what concerns single people is in the outcomes. */
export function changeMembers(
  world: World,
  group: GroupInfo,
  by: string,
  asked: readonly string[],
  action: MemberAction,
): Outcome[] {
  if (action !== 'add' || group.memberAddMode === 'admin_add') requireAdmin(world, group, by)
  if (action === 'add' && group.needsApproval && !isAdmin(world, group, by)) return propose(world, group, by, asked)
  const before = [...world.groups.members(group.id).keys()]
  const act = { add: added, remove: removed, promote: promoted, demote: demoted }[action]
  const outcomes = asked.map((jid) => act(world, group, by, jid))
  const done = outcomes.flatMap(({ code, account }) => (code === 200 && account ? [account] : []))
  if (action === 'remove') {
    const out = new Set([...group.removed, ...done.map(({ phone }) => phone)])
    world.groups.update(group.id, { removed: [...out] })
  }
  tellOfMembers(world, group, by, done, action, before)
  return outcomes
}

/** Inside a commit: somebody comes in by their own doing, or is let in by `by`. */
export function letIn(world: World, group: GroupInfo, account: Account, by: string, reason?: string): void {
  const before = [...world.groups.members(group.id).keys()]
  if (before.length >= MOST_MEMBERS) throw new IqError(419, 'resource-limit', `${group.id} is full.`)
  admit(world, group, account.phone)
  tellOfMembers(world, group, by, [account], 'add', before, reason)
}

/** Inside a commit: the last admin who leaves makes another member one, so that the group is not left to itself. */
export function leaveGroup(world: World, group: GroupInfo, phone: string): void {
  const account = world.accounts.require(phone)
  const before = [...world.groups.members(group.id).keys()]
  world.groups.remove(group.id, phone)
  tellOfMembers(world, group, phone, [account], 'remove', before)
  const [heir] = world.groups.members(group.id).keys()
  const isOrphaned = [...world.groups.members(group.id).values()].every((role) => role === 'member')
  if (heir === undefined || !isOrphaned) return
  world.groups.setRole(group.id, heir, 'admin')
  const rest = [...world.groups.members(group.id).keys()]
  tellOfMembers(world, group, phone, [world.accounts.require(heir)], 'promote', rest)
}

function added(world: World, group: GroupInfo, by: string, jid: string): Outcome {
  const account = world.accounts.byJid(jid)
  if (!account) return { jid, account, code: 404 }
  const members = world.groups.members(group.id)
  if (members.has(account.phone)) return { jid, account, code: 409 }
  if (members.size >= MOST_MEMBERS) return { jid, account, code: 419 }
  if (world.circle.isBlocked(account.phone, by)) return { jid, account, code: 401 }
  if (!letsAdd(world, account, by)) {
    return { jid, account, code: 403, invite: world.groups.invitePersonally(group.id, account.phone, by) }
  }
  admit(world, group, account.phone)
  return { jid, account, code: 200 }
}

function removed(world: World, group: GroupInfo, _by: string, jid: string): Outcome {
  const { account, role } = memberNamed(world, group, jid)
  if (!account || !role) return { jid, account, code: 404 }
  if (role === 'superadmin') return { jid, account, code: 406 }
  world.groups.remove(group.id, account.phone)
  return { jid, account, code: 200 }
}

function promoted(world: World, group: GroupInfo, _by: string, jid: string): Outcome {
  const { account, role } = memberNamed(world, group, jid)
  if (!account || !role) return { jid, account, code: 404 }
  if (role === 'member') world.groups.setRole(group.id, account.phone, 'admin')
  return { jid, account, code: 200 }
}

function demoted(world: World, group: GroupInfo, _by: string, jid: string): Outcome {
  const { account, role } = memberNamed(world, group, jid)
  if (!account || !role) return { jid, account, code: 404 }
  if (role === 'superadmin') return { jid, account, code: 406 }
  world.groups.setRole(group.id, account.phone, 'member')
  return { jid, account, code: 200 }
}

/** A member who is no admin names people, and an admin decides. */
function propose(world: World, group: GroupInfo, by: string, asked: readonly string[]): Outcome[] {
  const outcomes = asked.map((jid): Outcome => {
    const account = world.accounts.byJid(jid)
    if (!account) return { jid, account, code: 404 }
    if (world.groups.members(group.id).has(account.phone)) return { jid, account, code: 409 }
    return { jid, account, code: 202 }
  })
  const waiting = outcomes.flatMap(({ code, account }) => (code === 202 && account ? [account] : []))
  requestToJoin(world, group, by, waiting, 'non_admin_add')
  return outcomes
}

/** Inside a commit: people wait for an admin from now on; the admins are told. */
export function requestToJoin(
  world: World,
  group: GroupInfo,
  by: string,
  people: readonly Account[],
  method: 'invite_link' | 'non_admin_add',
): void {
  if (people.length === 0) return
  for (const { phone } of people) {
    world.groups.addRequest(group.id, { phone, by, method, at: world.clock.seconds() })
  }
  const users = people.map((account) => ({ ...participantNode(group, account), tag: 'requested_user' }))
  tellAdmins(world, group, by, el('created_membership_requests', { request_method: method }, users))
}

function memberNamed(world: World, group: GroupInfo, jid: string): { account?: Account; role?: Role } {
  const account = world.accounts.byJid(jid)
  const role = account && world.groups.members(group.id).get(account.phone)
  return { ...(account && { account }), ...(role && { role }) }
}

function admit(world: World, group: GroupInfo, phone: string): void {
  world.groups.setRole(group.id, phone, 'member')
  world.groups.removeRequest(group.id, phone)
  world.groups.removePersonalInvite(group.id, phone)
  const { removed } = world.groups.get(group.id) ?? group
  if (!removed.includes(phone)) return
  world.groups.update(group.id, { removed: removed.filter((other) => other !== phone) })
}

/** Those removed are told about themselves; those added get the whole group instead. */
function tellOfMembers(
  world: World,
  group: GroupInfo,
  by: string,
  people: readonly Account[],
  action: MemberAction,
  before: readonly string[],
  reason?: string,
): void {
  if (people.length === 0) return
  const { versions } = world.groups.get(group.id) ?? group
  const next = world.groups.update(group.id, { versions: { ...versions, members: versions.members + 1 } })
  const ids = { prev_v_id: versionId(group, versions.members), v_id: versionId(group, next.versions.members) }
  const role: Role = action === 'promote' ? 'admin' : 'member'
  const names = people.map((account) => participantNode(group, account, role))
  const content = el(action, { ...ids, reason }, names)
  const about = people.map(({ phone }) => phone)
  if (action === 'add') {
    tellMembers(world, group, by, content, new Set(about))
    announceGroup(world, next, by, about, { reason })
  } else {
    tell(world, group, by, content, before)
  }
}
