import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const EVA = '491234567891'

const jid = (phone: string) => `${phone}@s.whatsapp.net`

test('what an admin sets is in the group at once, and everybody is told, the one who set it included', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, BOB, max] })
    const [own, others] = [alice.collects('groups.update'), bob.collects('groups.update')]
    await alice.sock.groupUpdateSubject(group.id, 'Mannschaft')
    await alice.sock.groupUpdateDescription(group.id, 'Worum es geht')
    await alice.sock.groupSettingUpdate(group.id, 'announcement')
    await alice.sock.groupSettingUpdate(group.id, 'locked')
    await alice.sock.groupMemberAddMode(group.id, 'admin_add')
    await alice.sock.groupJoinApprovalMode(group.id, 'on')
    await alice.sock.groupToggleEphemeral(group.id, 86_400)
    const code = await alice.sock.groupRevokeInvite(group.id)
    expect(group).toMatchObject({ subject: 'Mannschaft', description: 'Worum es geht', inviteCode: code })
    expect(group.settings).toEqual({
      isAnnouncement: true,
      isLocked: true,
      needsApproval: true,
      memberAddMode: 'admin_add',
      memberLinkMode: 'admin_link',
      ephemeral: 86_400,
    })
    expect(await bob.sock.groupMetadata(group.id)).toMatchObject({
      subject: 'Mannschaft',
      desc: 'Worum es geht',
      announce: true,
      restrict: true,
      joinApprovalMode: true,
      memberAddMode: false,
      ephemeralDuration: 86_400,
    })
    const author = `${emulator.phone(ALICE).lid}@lid`
    const told = [
      { subject: 'Mannschaft', author },
      { desc: 'Worum es geht', author },
      { announce: true, author },
      { restrict: true, author },
      { memberAddMode: false, author },
      { joinApprovalMode: true, author },
    ]
    for (const seen of [own, others]) {
      const receiver = seen === own ? alice : bob
      await receiver.until(() => seen.some(({ joinApprovalMode }) => joinApprovalMode))
      for (const change of told) expect(seen).toContainEqual(expect.objectContaining(change))
    }
    // A new link is for those who may see it.
    await alice.until(() => own.some(({ inviteCode }) => inviteCode === code))
    expect(others.some(({ inviteCode }) => inviteCode !== undefined)).toBe(false)
    await bob.until(() => bob.messages.some(({ message }) => message?.protocolMessage?.ephemeralExpiration === 86_400))
    await alice.sock.groupToggleEphemeral(group.id, 0)
    await alice.sock.groupSettingUpdate(group.id, 'not_announcement')
    await alice.sock.groupSettingUpdate(group.id, 'unlocked')
    expect(group.settings).toMatchObject({ isAnnouncement: false, isLocked: false, ephemeral: 0 })
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))

test('a member who is no admin may change what is open, and nothing else', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    emulator.contact(EVA)
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [max, BOB] })
    await bob.sock.groupUpdateSubject(group.id, 'Von Bob')
    await bob.sock.groupToggleEphemeral(group.id, 604_800)
    expect(group).toMatchObject({ subject: 'Von Bob', settings: { ephemeral: 604_800 } })
    // People's phones write as the group has it.
    await max.says(group.id, 'verschwindet')
    const { message } = await bob.hears('verschwindet')
    expect(message?.extendedTextMessage?.contextInfo?.expiration).toBe(604_800)
    for (const attempt of [
      () => bob.sock.groupSettingUpdate(group.id, 'announcement'),
      () => bob.sock.groupMemberAddMode(group.id, 'admin_add'),
      () => bob.sock.groupJoinApprovalMode(group.id, 'on'),
      () => bob.sock.groupParticipantsUpdate(group.id, [jid(MAX)], 'demote'),
      () => bob.sock.groupRequestParticipantsList(group.id),
    ]) {
      await expect(attempt()).rejects.toThrow('forbidden')
    }
    await expect(bob.sock.groupInviteCode(group.id)).rejects.toThrow('not-authorized')
    await expect(bob.sock.groupRevokeInvite(group.id)).rejects.toThrow('not-authorized')
    group.changes({ isLocked: true, memberAddMode: 'admin_add', memberLinkMode: 'all_member_link' })
    for (const attempt of [
      () => bob.sock.groupUpdateSubject(group.id, 'Noch einmal'),
      () => bob.sock.groupUpdateDescription(group.id, 'Noch einmal'),
      () => bob.sock.groupToggleEphemeral(group.id, 0),
      () => bob.sock.groupParticipantsUpdate(group.id, [jid(EVA)], 'add'),
    ]) {
      await expect(attempt()).rejects.toThrow('forbidden')
    }
    expect(await bob.sock.groupInviteCode(group.id)).toBe(group.inviteCode)
    await expect(bob.sock.groupMetadata('120363000000000000@g.us')).rejects.toThrow('item-not-found')
    await expect(bob.sock.groupUpdateSubject(group.id, 'x'.repeat(101))).rejects.toThrow('forbidden')
    group.promotes(BOB)
    await expect(bob.sock.groupUpdateSubject(group.id, 'x'.repeat(101))).rejects.toThrow('not-acceptable')
  }))

test('roles are given and taken, by clients and by people', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const alice = await client().link(emulator.phone(ALICE))
    const group = emulator.group({ subject: 'Team', members: [max, ALICE, eva] })
    const seen = alice.collects('group-participants.update')
    const told = (action: string) =>
      alice.until(() => seen.find((update) => update.action === action && update.id === group.id))
    expect(() => group.by(eva).promotes(eva)).toThrow(`${EVA} is not an admin`)
    group.promotes(ALICE)
    expect(await told('promote')).toMatchObject({
      author: `${max.lid}@lid`,
      participants: [{ id: `${emulator.phone(ALICE).lid}@lid`, phoneNumber: jid(ALICE), admin: 'admin' }],
    })
    expect(group.admins).toEqual([ALICE, MAX].sort())
    await alice.sock.groupParticipantsUpdate(group.id, [jid(EVA)], 'promote')
    expect(await alice.sock.groupParticipantsUpdate(group.id, [jid(EVA), jid('491700000000')], 'demote')).toMatchObject(
      [{ status: '200' }, { status: '404' }],
    )
    expect(await told('demote')).toMatchObject({ participants: [{ id: `${eva.lid}@lid` }] })
    expect(await alice.sock.groupParticipantsUpdate(group.id, [jid(MAX)], 'remove')).toMatchObject([{ status: '406' }])
    expect(group.by(ALICE).demotes(max)).toEqual([{ phone: MAX, code: 406 }])
    // The creator leaves, and an admin is there; the last admin leaves, and another member becomes one.
    group.leaves()
    expect(await told('remove')).toMatchObject({ author: `${max.lid}@lid`, participants: [{ id: `${max.lid}@lid` }] })
    await alice.sock.groupLeave(group.id)
    expect(group).toMatchObject({ members: [EVA], admins: [EVA] })
    expect(alice.warnings).toEqual([])
  }))

test('the picture of a group is for its members, and each new one is told to them', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [max, ALICE] })
    const told = alice.collects('contacts.update')
    // Baileys' own way of setting a picture needs a library that scales it.
    const set = (client: typeof alice, image?: Buffer) =>
      client.sock.query({
        tag: 'iq',
        attrs: { to: '@s.whatsapp.net', target: group.id, type: 'set', xmlns: 'w:profile:picture' },
        ...(image && { content: [{ tag: 'picture', attrs: { type: 'image' }, content: image }] }),
      })
    await expect(alice.sock.profilePictureUrl(group.id)).rejects.toThrow('item-not-found')
    await set(alice, Buffer.from('a small picture'))
    await alice.until(() => told.find(({ id, imgUrl }) => id === group.id && imgUrl === 'changed'))
    const url = await alice.sock.profilePictureUrl(group.id)
    expect(url).toContain('/')
    await expect(bob.sock.profilePictureUrl(group.id)).rejects.toThrow('forbidden')
    await expect(set(bob, Buffer.from('another'))).rejects.toThrow('forbidden')
    await set(alice, Buffer.from('a new picture'))
    expect(await alice.sock.profilePictureUrl(group.id)).not.toBe(url)
    group.changesPicture(Buffer.from('a picture of Max'))
    // The host has a certificate of the network's own; over the plain port the same file is there.
    const third = new URL((await alice.sock.profilePictureUrl(group.id)) ?? '')
    const file = await fetch(`${emulator.controlUrl}${third.pathname}${third.search}`)
    expect(await file.text()).toBe('a picture of Max')
    group.changes({ isLocked: true })
    await expect(set(alice)).rejects.toThrow('forbidden')
    group.promotes(ALICE)
    await set(alice)
    await alice.until(() => told.find(({ id, imgUrl }) => id === group.id && imgUrl === 'removed'))
    await expect(alice.sock.profilePictureUrl(group.id)).rejects.toThrow('item-not-found')
    expect(alice.warnings).toEqual([])
  }))

test('two who describe a group at once do not overwrite each other unread', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const max = emulator.contact(MAX)
    const group = emulator.group({ subject: 'Team', members: [ALICE, max], description: 'eins' })
    const { descId } = await alice.sock.groupMetadata(group.id)
    group.by(max).describes('zwei')
    const late = alice.sock.query({
      tag: 'iq',
      attrs: { to: group.id, type: 'set', xmlns: 'w:g2' },
      content: [
        {
          tag: 'description',
          attrs: { id: 'ABCD', prev: descId ?? '' },
          content: [{ tag: 'body', attrs: {}, content: Buffer.from('drei') }],
        },
      ],
    })
    await expect(late).rejects.toThrow('conflict')
    expect(group.description).toBe('zwei')
    await alice.sock.groupUpdateDescription(group.id, 'drei')
    expect(group.description).toBe('drei')
    await alice.sock.groupUpdateDescription(group.id)
    expect(group.description).toBe('')
    expect((await alice.sock.groupMetadata(group.id)).desc).toBeUndefined()
  }))

test('whoever waits for a group, or for a change of one, is told when it is there', () =>
  withEmulator(async (emulator) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const made = emulator.findsGroup(({ subject }) => subject === 'Team')
    const group = emulator.group({ subject: 'Team', members: [max], settings: { needsApproval: true } })
    expect((await made).id).toBe(group.id)
    const asked = group.until(({ requests }) => requests.includes(EVA))
    const isIn = group.until(({ members }) => members.includes(EVA))
    eva.joins(group.inviteCode)
    await asked
    group.approves(eva)
    await isIn
    await group.until(({ members }) => members.includes(EVA))
    const never = group.until(({ subject }) => subject === 'Mannschaft', { timeoutMs: 5 })
    await expect(never).rejects.toThrow(`"subject":"Team","members":["${MAX}","${EVA}"]`)
  }))

test('a group outlives the process with all that was decided about it', async () => {
  const { mkdtemp, rm } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = await mkdtemp(join(tmpdir(), 'groups-'))
  try {
    let id = ''
    await withEmulator(
      async (emulator) => {
        const max = emulator.contact(MAX)
        const group = emulator.group({
          subject: 'Team',
          members: [max],
          description: 'Worum es geht',
          settings: { needsApproval: true, ephemeral: 86_400 },
        })
        id = group.id
        expect(emulator.contact(EVA).joins(group.inviteCode)).toBe('requested')
      },
      { file: join(folder, 'network.db') },
    )
    await withEmulator(
      async (emulator) => {
        expect(emulator.groups.map((group) => group.id)).toEqual([id])
        expect(emulator.groups[0]).toMatchObject({
          subject: 'Team',
          description: 'Worum es geht',
          requests: [EVA],
          settings: { needsApproval: true, ephemeral: 86_400 },
        })
      },
      { file: join(folder, 'network.db') },
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
