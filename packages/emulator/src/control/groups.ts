import { z } from 'zod'
import type { Group, GroupSettings } from '../api-group.ts'
import { definedOnly } from '../defined-only.ts'
import { InputError, refusedAs } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { waiting } from './people.ts'
import { count, digits, phone, sent, space, text, timeoutMs } from './schemas.ts'

/** JSON with a picture in base64. */
const MAX_PICTURE_BODY = 8 * 1024 * 1024

const settings = z
  .strictObject({
    isAnnouncement: z.boolean().meta({ description: 'Only admins write' }),
    isLocked: z.boolean().meta({ description: 'Only admins change subject, description, picture and disappearing' }),
    needsApproval: z.boolean().meta({ description: 'Whoever comes by link waits for an admin' }),
    memberAddMode: z.enum(['all_member_add', 'admin_add']).meta({ description: 'Who takes people in' }),
    memberLinkMode: z.enum(['all_member_link', 'admin_link']).meta({ description: 'Who sees the invite link' }),
    ephemeral: count.meta({ description: 'Seconds after which messages disappear; 0 is never' }),
  })
  .partial()

const groupShown = z
  .object({
    id: z.string().meta({ description: 'With @g.us' }),
    subject: z.string(),
    description: z.string(),
    members: digits.array(),
    admins: digits.array(),
    requests: digits.array().meta({ description: 'Those who wait to be let in, oldest first' }),
    settings: settings.required(),
    inviteCode: z.string().meta({ description: 'What https://chat.whatsapp.com/ links end with' }),
  })
  .meta({ id: 'Group', description: 'People are phone numbers' })

const outcome = z
  .object({
    phone: digits,
    code: z.int().meta({
      description:
        '200; 401: has blocked the one who adds; 404: not in it, or not waiting; 409: in it already; 403: wants to be invited; 202: waits for an admin now; 406: the creator stays what they are; 419: it is full',
    }),
  })
  .meta({ id: 'MemberOutcome' })

const inGroup = z.strictObject({ group: text.meta({ description: 'Its id, with @g.us' }) })

const by = phone.optional().meta({ description: 'The member who does it: the creator by default, or another admin' })

const example: z.input<typeof groupShown> = {
  id: '120363000000000001@g.us',
  subject: 'Team',
  description: '',
  members: ['491234567890', '15550001001'],
  admins: ['491234567890'],
  requests: [],
  settings: {
    isAnnouncement: false,
    isLocked: false,
    needsApproval: false,
    memberAddMode: 'all_member_add',
    memberLinkMode: 'admin_link',
    ephemeral: 0,
  },
  inviteCode: 'HjFw3nL0pQ2rS4tU6vW8xY',
}

const ACTIONS = {
  add: 'adds',
  remove: 'removes',
  promote: 'promotes',
  demote: 'demotes',
  approve: 'approves',
  reject: 'rejects',
} as const satisfies Record<string, keyof Group>

export const groupOperations: readonly Operation[] = [
  operation({
    id: 'makeGroup',
    method: 'POST',
    path: '/admin/groups',
    summary: 'Makes a group; the first member is its creator',
    body: z.strictObject({
      subject: text,
      members: z.array(phone).min(1).meta({ description: 'Numbers of phones and contacts' }),
      addressing: space.optional().meta({ description: 'How members are named in it: by lid by default' }),
      description: text.optional(),
      settings: settings.optional(),
    }),
    answer: groupShown,
    example: { body: { subject: 'Team', members: ['491234567890', '15550001001'] }, answer: example },
    handle: (network, { body }) => {
      const { settings, members, ...rest } = body
      onThisNetwork(network, 'members', members)
      const options = { ...definedOnly(rest), ...(settings && { settings: definedOnly(settings) }) }
      return shownGroup(network.emulator.group({ ...options, members }))
    },
  }),
  operation({
    id: 'listGroups',
    method: 'GET',
    path: '/admin/groups',
    summary: 'All groups, those that clients made included',
    answer: groupShown.array(),
    example: { answer: [example] },
    handle: ({ emulator }) => emulator.groups.map(shownGroup),
  }),
  operation({
    id: 'waitForGroup',
    method: 'GET',
    path: '/admin/groups/next',
    summary: 'Waits for a group like this, made by whomever; answers at once if there is one',
    query: z.strictObject({
      subject: text.optional(),
      member: phone.optional().meta({ description: 'Somebody who is in it' }),
      admin: phone.optional().meta({ description: 'Somebody who is an admin of it' }),
      request: phone.optional().meta({ description: 'Somebody who waits to be let in' }),
      timeoutMs,
    }),
    answer: groupShown,
    errors: [504],
    example: { query: { subject: 'Team', timeoutMs: '5000' }, answer: example },
    handle: async ({ emulator }, { query, signal }) => {
      const { subject, member, admin, request, timeoutMs } = query
      const isIt = (group: Group) =>
        (subject === undefined || group.subject === subject) &&
        (member === undefined || group.members.includes(member)) &&
        (admin === undefined || group.admins.includes(admin)) &&
        (request === undefined || group.requests.includes(request))
      return shownGroup(await emulator.findsGroup(isIt, waiting({ timeoutMs, signal })))
    },
  }),
  operation({
    id: 'getGroup',
    method: 'GET',
    path: '/admin/groups/{group}',
    summary: 'One group',
    params: inGroup,
    answer: groupShown,
    errors: [404],
    example: { answer: example },
    handle: (network, { params }) => shownGroup(groupOf(network, params.group)),
  }),
  operation({
    id: 'changeGroup',
    method: 'PATCH',
    path: '/admin/groups/{group}',
    summary: 'Changes subject, description and settings; what is left out stays',
    params: inGroup,
    body: z.strictObject({
      subject: text.optional(),
      description: z.string().optional().meta({ description: 'An empty one removes it' }),
      settings: settings.optional(),
      by,
    }),
    answer: groupShown,
    errors: [403, 404],
    example: { body: { description: 'Only the team', settings: { isAnnouncement: true } }, answer: example },
    handle: (network, { params, body }) => {
      const { subject, description, settings, by } = body
      const group = actedOn(network, params.group, by)
      if (subject !== undefined) group.renames(subject)
      if (description !== undefined) group.describes(description)
      if (settings) group.changes(definedOnly(settings) satisfies GroupSettings)
      return shownGroup(group)
    },
  }),
  operation({
    id: 'changeGroupPicture',
    method: 'POST',
    path: '/admin/groups/{group}/picture',
    summary: 'Changes the picture of the group, or takes it away',
    params: inGroup,
    bodyLimit: MAX_PICTURE_BODY,
    body: z.strictObject({
      image: z.base64().optional().meta({ description: 'A JPEG in base64; without it the picture is taken away' }),
      by,
    }),
    errors: [403, 404],
    example: { body: { image: '/9j/4AAQSkZJRg==' } },
    handle: (network, { params, body }) => {
      const image = body.image === undefined ? undefined : Buffer.from(body.image, 'base64')
      actedOn(network, params.group, body.by).changesPicture(image)
    },
  }),
  operation({
    id: 'changeMembers',
    method: 'POST',
    path: '/admin/groups/{group}/members',
    summary: 'Adds, removes, promotes or demotes people, or answers those who wait to be let in',
    params: inGroup,
    body: z.strictObject({
      action: z.enum(['add', 'remove', 'promote', 'demote', 'approve', 'reject']),
      phones: z.array(phone).min(1),
      by,
    }),
    answer: outcome.array(),
    errors: [403, 404],
    example: {
      body: { action: 'add', phones: ['491234567891'] },
      answer: [{ phone: '491234567891', code: 200 }],
    },
    handle: (network, { params, body }) => {
      onThisNetwork(network, 'phones', body.phones)
      return [...actedOn(network, params.group, body.by)[ACTIONS[body.action]](...body.phones)]
    },
  }),
  operation({
    id: 'resetInvite',
    method: 'POST',
    path: '/admin/groups/{group}/invite/reset',
    summary: 'Kills the invite link and makes a new one',
    params: inGroup,
    body: z.strictObject({ by }),
    answer: z.object({ inviteCode: z.string() }),
    errors: [403, 404],
    example: { body: {}, answer: { inviteCode: 'HjFw3nL0pQ2rS4tU6vW8xY' } },
    handle: (network, { params, body }) => ({ inviteCode: actedOn(network, params.group, body.by).resetsInvite() }),
  }),
  operation({
    id: 'invite',
    method: 'POST',
    path: '/admin/groups/{group}/invitations',
    summary: 'Sends a person an invitation that only they can accept, for three days',
    params: inGroup,
    body: z.strictObject({ phone, by }),
    answer: sent,
    errors: [403, 404],
    example: { body: { phone: '15550001001' }, answer: { id: '3EB0C767D26A1B2C5F' } },
    handle: (network, { params, body }) => {
      onThisNetwork(network, 'phone', [body.phone])
      return refusedAs('phone', () => actedOn(network, params.group, body.by).invites(body.phone))
    },
  }),
  operation({
    id: 'leaveGroup',
    method: 'POST',
    path: '/admin/groups/{group}/leave',
    summary: 'A member leaves',
    params: inGroup,
    body: z.strictObject({ by: phone.meta({ description: 'The member' }) }),
    errors: [403, 404],
    example: { body: { by: '491234567890' } },
    handle: (network, { params, body }) => actedOn(network, params.group, body.by).leaves(),
  }),
]

function shownGroup(group: Group): z.input<typeof groupShown> {
  const { id, subject, description, members, admins, requests, settings, inviteCode } = group
  return { id, subject, description, members, admins, requests, settings, inviteCode }
}

function groupOf({ emulator }: Network, id: string): Group {
  const group = emulator.groups.find((one) => one.id === id)
  if (group) return group
  throw new InputError('group', `There is no group ${id}.`, 404)
}

function actedOn(network: Network, id: string, by: string | undefined): Group {
  const group = groupOf(network, id)
  if (by === undefined) return group
  onThisNetwork(network, 'by', [by])
  return group.by(by)
}

/** Throws when one of them is neither a phone nor a contact. */
function onThisNetwork({ world }: Network, field: string, people: readonly string[]): void {
  for (const number of people) {
    if (!world.accounts.get(number)) throw new InputError(field, `${number} is neither a phone nor a contact.`)
  }
}
