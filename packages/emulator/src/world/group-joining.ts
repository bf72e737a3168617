import { participantNode } from '../stanzas/group-nodes.ts'
import { IqError } from '../stanzas/iq-error.ts'
import { el } from '../stream/nodes.ts'
import { letIn, type Outcome, requestToJoin } from './group-members.ts'
import { tellAdmins } from './group-notices.ts'
import { isAdmin, MOST_MEMBERS, requireAdmin } from './group-rules.ts'
import type { GroupInfo } from './groups.ts'
import type { World } from './world.ts'

/** The group that a link leads to. */
export function invited(world: World, code: string): GroupInfo {
  const group = world.groups.byInvite(code)
  if (group) return group
  if (world.groups.wasInvite(code)) throw new IqError(410, 'gone', `The invite link ${code} was reset.`)
  throw new IqError(406, 'not-acceptable', `There is no invite link ${code}.`)
}

/** Inside a commit: somebody follows a link. Whether they are in now, or wait for an admin. */
export function joinByLink(world: World, phone: string, code: string): { group: GroupInfo; isIn: boolean } {
  const group = invited(world, code)
  const members = world.groups.members(group.id)
  if (members.has(phone)) throw new IqError(409, 'conflict', `${phone} is in ${group.id} already.`)
  if (group.removed.includes(phone)) {
    throw new IqError(
      405,
      'not-allowed',
      `${phone} was removed from ${group.id} by an admin, who has to add them again.`,
    )
  }
  if (members.size >= MOST_MEMBERS) throw new IqError(419, 'resource-limit', `${group.id} is full.`)
  const account = world.accounts.require(phone)
  if (group.needsApproval) requestToJoin(world, group, phone, [account], 'invite_link')
  else letIn(world, group, account, phone, 'invite')
  return { group, isIn: !group.needsApproval }
}

/** The group that a personal invitation leads to; it is for one person, for three days, and as long as its admin is one. */
export function personallyInvited(world: World, phone: string, id: string, code: string): GroupInfo {
  const group = world.groups.get(id)
  const invite = world.groups.personalInvite(id, phone)
  if (!group) throw new IqError(404, 'item-not-found', `There is no group ${id}.`)
  if (invite?.code !== code) throw new IqError(406, 'not-acceptable', `${phone} has no such invitation to ${id}.`)
  if (invite.expiresAt <= world.clock.seconds() || !isAdmin(world, group, invite.admin)) {
    throw new IqError(410, 'gone', `The invitation of ${phone} to ${id} has expired.`)
  }
  return group
}

/** Inside a commit: somebody accepts the invitation that an admin has sent them. */
export function acceptInvite(world: World, phone: string, id: string, code: string): GroupInfo {
  const group = personallyInvited(world, phone, id, code)
  letIn(world, group, world.accounts.require(phone), phone, 'invite')
  return group
}

/** Inside a commit: an admin lets people in, or not. */
export function decide(
  world: World,
  group: GroupInfo,
  by: string,
  asked: readonly string[],
  verdict: 'approve' | 'reject',
): Outcome[] {
  requireAdmin(world, group, by)
  const waiting = new Map(world.groups.requests(group.id).map((request) => [request.phone, request]))
  return asked.map((jid): Outcome => {
    const account = world.accounts.byJid(jid)
    const request = account && waiting.get(account.phone)
    if (!account || !request) return { jid, account, code: 404 }
    if (verdict === 'reject') withdraw(world, group, by, account.phone)
    else if (world.groups.members(group.id).size >= MOST_MEMBERS) return { jid, account, code: 419 }
    else letIn(world, group, account, by, request.method === 'invite_link' ? 'invite' : undefined)
    return { jid, account, code: 200 }
  })
}

/** Inside a commit: those who wait, or who wanted to bring somebody, think better of it. */
export function cancelRequests(world: World, group: GroupInfo, by: string, asked: readonly string[]): Outcome[] {
  const waiting = new Map(world.groups.requests(group.id).map((request) => [request.phone, request]))
  return asked.map((jid): Outcome => {
    const account = world.accounts.byJid(jid)
    const request = account && waiting.get(account.phone)
    if (!account || !request) return { jid, account, code: 404 }
    if (account.phone !== by && request.by !== by) return { jid, account, code: 403 }
    withdraw(world, group, by, account.phone)
    return { jid, account, code: 200 }
  })
}

function withdraw(world: World, group: GroupInfo, by: string, phone: string): void {
  world.groups.removeRequest(group.id, phone)
  const content = el('revoked_membership_requests', {}, [participantNode(group, world.accounts.require(phone))])
  tellAdmins(world, group, by, content, [phone])
}
