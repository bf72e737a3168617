import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const EVA = '491234567891'

const jid = (phone: string) => `${phone}@s.whatsapp.net`

test('a link shows the group, lets in, and is dead once it was reset', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, max], description: 'Worum es geht' })
    const [joined, seen] = [bob.collects('groups.upsert'), alice.collects('group-participants.update')]
    const code = (await alice.sock.groupInviteCode(group.id)) ?? ''
    expect(await bob.sock.groupGetInviteInfo(code)).toMatchObject({ id: group.id, subject: 'Team', size: 2 })
    expect(await bob.sock.groupAcceptInvite(code)).toBe(group.id)
    const lid = `${emulator.phone(BOB).lid}@lid`
    // The one who joins did it, and gets the whole group.
    const update = await alice.until(() => seen.find(({ action }) => action === 'add'))
    expect(update).toMatchObject({ author: lid, participants: [{ id: lid, phoneNumber: jid(BOB) }] })
    expect(await bob.until(() => joined[0])).toMatchObject({ id: group.id, desc: 'Worum es geht', size: 3 })
    await max.says(group.id, 'willkommen')
    await bob.hears('willkommen')
    await expect(bob.sock.groupAcceptInvite(code)).rejects.toThrow('conflict')
    expect(eva.joins(code)).toBe('joined')

    const fresh = (await alice.sock.groupRevokeInvite(group.id)) ?? ''
    expect(fresh).not.toBe(code)
    await bob.sock.groupLeave(group.id)
    await expect(bob.sock.groupAcceptInvite(code)).rejects.toThrow('gone')
    await expect(bob.sock.groupGetInviteInfo(code)).rejects.toThrow('gone')
    await expect(bob.sock.groupAcceptInvite('nobodyMadeThisOne12345')).rejects.toThrow('not-acceptable')
    expect(await bob.sock.groupAcceptInvite(fresh)).toBe(group.id)
    // Whom an admin has put out does not come back by the door.
    await alice.sock.groupParticipantsUpdate(group.id, [jid(BOB)], 'remove')
    await expect(bob.sock.groupAcceptInvite(fresh)).rejects.toThrow('not-allowed')
    await alice.sock.groupParticipantsUpdate(group.id, [jid(BOB)], 'add')
    expect(group.members).toContain(BOB)
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))

test('whoever follows the link of a group that asks its admins waits for one', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, max], settings: { needsApproval: true } })
    const [asked, joined] = [alice.collects('group.join-request'), bob.collects('groups.upsert')]
    // There is no group in the answer of a client that has to wait.
    expect(await bob.sock.groupAcceptInvite(group.inviteCode)).toBeUndefined()
    expect(eva.joins(group.inviteCode)).toBe('requested')
    const bobLid = `${emulator.phone(BOB).lid}@lid`
    await alice.until(() => asked.length === 2)
    expect(asked[0]).toMatchObject({ id: group.id, participant: bobLid, action: 'created', method: 'invite_link' })
    expect(asked[1]).toMatchObject({ participant: `${eva.lid}@lid` })
    expect(await alice.sock.groupRequestParticipantsList(group.id)).toMatchObject([
      { jid: bobLid, phone_number: jid(BOB), request_method: 'invite_link' },
      { jid: `${eva.lid}@lid` },
    ])
    const [rejected] = await alice.sock.groupRequestParticipantsUpdate(group.id, [`${eva.lid}@lid`], 'reject')
    expect(rejected?.status).toBe('200')
    expect(await alice.until(() => asked[2])).toMatchObject({ participant: `${eva.lid}@lid`, action: 'rejected' })
    expect(await alice.sock.groupRequestParticipantsUpdate(group.id, [bobLid, `${eva.lid}@lid`], 'approve')).toEqual([
      { status: '200', jid: bobLid },
      { status: '404', jid: `${eva.lid}@lid` },
    ])
    expect(await bob.until(() => joined[0])).toMatchObject({ id: group.id, joinApprovalMode: true })
    expect(group).toMatchObject({ members: [ALICE, BOB, MAX].sort(), requests: [] })

    // A member who is no admin names somebody; they think better of it.
    const [proposed] = await bob.sock.groupParticipantsUpdate(group.id, [jid(EVA)], 'add')
    expect(proposed?.status).toBe('202')
    expect(group.requests).toEqual([EVA])
    await bob.sock.query({
      tag: 'iq',
      attrs: { to: group.id, type: 'set', xmlns: 'w:g2' },
      content: [
        {
          tag: 'cancel_membership_requests',
          attrs: {},
          content: [{ tag: 'participant', attrs: { jid: jid(EVA) } }],
        },
      ],
    })
    expect(group.requests).toEqual([])
    expect(eva.joins(group.inviteCode)).toBe('requested')
    expect(group.approves(eva)).toEqual([{ phone: EVA, code: 200 }])
    expect(group.members).toContain(EVA)
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))

test('who wants to be asked is invited, accepts, and the invitation expires', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    await bob.sock.updateGroupsAddPrivacy('contacts')
    const made = await alice.sock.groupCreate('Team', [jid(MAX), jid(BOB), jid('491700000000')])
    const group = await emulator.findsGroup(({ id }) => id === made.id)
    expect(group.members).toEqual([ALICE, MAX].sort())
    const [outcome] = await alice.sock.groupParticipantsUpdate(group.id, [jid(BOB)], 'add')
    expect(outcome?.status).toBe('403')
    const [ticket] = Array.isArray(outcome?.content.content) ? outcome.content.content : []
    expect(ticket?.tag).toBe('add_request')
    const { code: inviteCode = '', expiration = '' } = ticket?.attrs ?? {}
    // Baileys' own `groupInvite` content cannot be sent for a group without a picture.
    const invite = { groupJid: group.id, groupName: 'Team', inviteCode, inviteExpiration: Number(expiration) }
    await alice.sock.relayMessage(jid(BOB), { groupInviteMessage: { ...invite, caption: 'Komm dazu' } }, {})
    const sent = await bob.until(() => bob.messages.find(({ message }) => message?.groupInviteMessage))
    const invitation = sent.message?.groupInviteMessage
    if (!invitation) throw new Error('there is no invitation in it')
    expect(await bob.sock.groupAcceptInviteV4(sent.key, invitation)).toBe(group.id)
    expect(group.members).toContain(BOB)
    await expect(bob.sock.groupAcceptInviteV4(jid(ALICE), invitation)).rejects.toThrow('not-acceptable')

    // A contact that gets one from another contact; too late it is of no use.
    const eva = emulator.contact(EVA)
    await group.by(ALICE).invites(eva)
    const late = await eva.hears(({ type }) => type === 'groupInvite')
    await emulator.clock.advance(3 * 86_400_000)
    expect(() => eva.accepts(late)).toThrow('has expired')
    await group.invites(eva)
    eva.accepts(await eva.hears(({ type }) => type === 'groupInvite'))
    expect(group.members).toContain(EVA)
    await max.says(group.id, 'vollzählig')
    await eva.hears('vollzählig')
    await bob.hears('vollzählig')

    // An invitation can be taken back.
    const frank = emulator.contact('491234567893')
    await group.invites(frank)
    await alice.sock.groupRevokeInviteV4(group.id, jid(frank.phone))
    const taken = await frank.hears(({ type }) => type === 'groupInvite')
    expect(() => frank.accepts(taken)).toThrow('has no such invitation')
    frank.blocks(ALICE)
    expect(group.by(ALICE).adds(frank)).toEqual([{ phone: frank.phone, code: 401 }])
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))
