import { IqError } from '../stanzas/iq-error.ts'
import type { Account } from './accounts.ts'
import type { GroupInfo } from './groups.ts'
import type { World } from './world.ts'

/** As many as WhatsApp lets in. */
export const MOST_MEMBERS = 1024
/** Letters of a subject and of a description: WhatsApp's own limits, which its web client gets as `group_max_subject` and `group_description_length`. */
export const LONGEST_SUBJECT = 100
export const LONGEST_DESCRIPTION = 2048

/** The group with this id, for somebody who is in it. */
export function groupFor(world: World, id: string | undefined, phone: string): GroupInfo {
  const group = id === undefined ? undefined : world.groups.get(id)
  if (!group) throw new IqError(404, 'item-not-found', `There is no group ${id}.`)
  if (!world.groups.members(group.id).has(phone)) {
    throw new IqError(403, 'forbidden', `${phone} is not a member of ${group.id}.`)
  }
  return group
}

export function isAdmin(world: World, group: GroupInfo, phone: string): boolean {
  const role = world.groups.members(group.id).get(phone)
  return role === 'admin' || role === 'superadmin'
}

export function requireAdmin(world: World, group: GroupInfo, phone: string): void {
  if (!isAdmin(world, group, phone)) {
    throw new IqError(403, 'forbidden', `${phone} is not an admin of ${group.id}.`)
  }
}

/** Subject, description, picture and disappearing messages are for everybody, until the group is locked. */
export function requireEditor(world: World, group: GroupInfo, phone: string): void {
  if (group.isLocked) requireAdmin(world, group, phone)
}

/** Others get 401 here and not 403: clients tell "no admin" from "no member" by it. */
export function requireLinkKeeper(world: World, group: GroupInfo, phone: string): void {
  if (group.memberLinkMode === 'admin_link' && !isAdmin(world, group, phone)) {
    throw new IqError(401, 'not-authorized', `Only admins of ${group.id} have its invite link.`)
  }
}

/** Whether a person lets `by` put them into groups without being asked. */
export function letsAdd(world: World, person: Account, by: string): boolean {
  return world.circle.allows(person.phone, 'groupadd', by)
}
