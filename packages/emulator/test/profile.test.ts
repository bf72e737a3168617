import { type BinaryNode, getBinaryNodeChild } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { hashOf } from '../src/world/profile.ts'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`

test('names, about texts, privacy and blocks are remembered', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    await alice.sock.updateProfileStatus('bin da')
    await alice.sock.updateReadReceiptsPrivacy('none')
    expect(await alice.sock.fetchPrivacySettings(true)).toMatchObject({ readreceipts: 'none', last: 'all' })
    await alice.sock.updateBlockStatus(MAX_JID, 'block')
    expect(await alice.sock.fetchBlocklist()).toEqual([`${max.lid}@lid`])
    await alice.sock.updateBlockStatus(MAX_JID, 'unblock')
    expect(await alice.sock.fetchBlocklist()).toEqual([])
    await alice.sock.updateProfileName('Alice Neu')
    await alice.says(MAX, 'unter neuem Namen')
    expect(await max.hears()).toMatchObject({ raw: expect.stringContaining(`notify='Alice Neu'`) })
    max.changesName('Maximilian')
    await max.says(ALICE, 'auch')
    expect((await alice.hears('auch')).pushName).toBe('Maximilian')
    await expect(alice.sock.profilePictureUrl(MAX_JID)).rejects.toThrow('item-not-found')
  }))

test('an about text is told to all who may have saved the account, and shown to whom it may be', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE)) // has never had to do with Max
    const told = alice.notices('status')
    max.changesAbout('im Urlaub')
    await alice.until(() => told.length === 1)
    expect(getBinaryNodeChild(told[0], 'set')?.content?.toString()).toBe('im Urlaub')
    expect(await alice.sock.fetchStatus(MAX_JID)).toMatchObject([{ status: { status: 'im Urlaub' } }])
    max.restricts('status', 'none')
    max.changesAbout('geheim')
    expect(await alice.sock.fetchStatus(MAX_JID)).toMatchObject([{ status: { status: '' } }])
    max.restricts('status', 'all')
    max.changesAbout('')
    await alice.until(() => told.length === 2)
    expect(alice.warnings).toEqual([])
  }))

test('what two strangers change about themselves is told to the other one, unless they have other people in their address books', () =>
  withEmulator(async (emulator, client) => {
    const eva = emulator.contact(MAX)
    const phones = [emulator.phone(ALICE), emulator.phone(BOB)] as const
    const alice = await client().link(phones[0])
    const bob = await client().link(phones[1])
    const [about, pictures] = [alice.notices('status'), alice.notices('picture')]
    await bob.sock.updateProfileStatus('bin da')
    await bob.sock.query({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture' },
      content: [{ tag: 'picture', attrs: { type: 'image' }, content: Buffer.from('a JPEG') }],
    })
    await bob.sock.removeProfilePicture(`${BOB}@s.whatsapp.net`)
    await alice.until(() => about.length === 1 && pictures.length === 2)
    expect(about[0]?.attrs.from).toBe(`${BOB}@s.whatsapp.net`)
    expect(pictures.map((notice) => getBinaryNodeChild(notice, 'delete') !== undefined)).toEqual([false, true])

    phones[0].saves(MAX)
    await bob.sock.updateProfileStatus('bin weg')
    eva.changesAbout('bin auch da')
    await alice.until(() => about.length === 2)
    expect(about[1]?.attrs.from).toBe(`${MAX}@s.whatsapp.net`)
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))

test('what one companion decides, the others are told', () =>
  withEmulator(async (emulator, client) => {
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE, { name: 'Alice' })]
    const desk = await client().link(phone)
    const laptop = await client().link(phone)
    const blocked: string[] = []
    laptop.sock.ev.on('blocklist.update', ({ blocklist, type }) => blocked.push(`${type} ${blocklist.join()}`))
    const told = laptop.notices('account_sync')
    const own = desk.notices('account_sync')
    await desk.sock.updateBlockStatus(MAX_JID, 'block')
    phone.unblocks(MAX)
    await desk.sock.updateLastSeenPrivacy('contacts')
    await desk.sock.updateDefaultDisappearingMode(86_400)
    await laptop.until(() => told.length === 4 && laptop.auth.creds.accountSettings.defaultDisappearingMode)
    expect(blocked).toEqual([`add ${max.lid}@lid`, `remove ${max.lid}@lid`])
    expect(laptop.auth.creds.accountSettings.defaultDisappearingMode).toMatchObject({ ephemeralExpiration: 86_400 })
    // The one that did it knows; what the person did on the phone is news to both.
    expect(own).toHaveLength(1)
    const [asked] = (await laptop.sock.fetchDisappearingDuration(`${ALICE}@s.whatsapp.net`)) ?? []
    expect(asked).toMatchObject({ disappearing_mode: { duration: 86_400 } })
  }))

test('the people whom a category leaves out are changed one by one, and the list is asked for', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const query = (type: string, content: BinaryNode) =>
      alice.sock.query({
        tag: 'iq',
        attrs: { xmlns: 'privacy', to: '@s.whatsapp.net', type },
        content: [{ tag: 'privacy', attrs: {}, content: [content] }],
      })
    const change = (dhash: string, action: string): BinaryNode => ({
      tag: 'category',
      attrs: { name: 'last', value: 'contact_blacklist', dhash },
      content: [{ tag: 'user', attrs: { jid: `${max.lid}@lid`, action } }],
    })
    const list = { tag: 'list', attrs: { name: 'last', value: 'contact_blacklist' } }
    const changed = getBinaryNodeChild(await query('set', change('none', 'add')), 'privacy')
    const dhash = getBinaryNodeChild(changed, 'category')?.attrs.dhash ?? ''
    const shown = getBinaryNodeChild(getBinaryNodeChild(await query('get', list), 'privacy'), 'list')
    expect(shown).toMatchObject({ attrs: { dhash }, content: [{ attrs: { jid: `${max.lid}@lid` } }] })
    await expect(query('set', change('none', 'remove'))).rejects.toThrow('conflict')
    await query('set', change(dhash, 'remove'))
    const empty = getBinaryNodeChild(getBinaryNodeChild(await query('get', list), 'privacy'), 'list')
    expect(empty?.attrs.dhash).toBe('none')
  }))

test('of somebody who is blocked nothing arrives, and they are not told', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(BOB)]
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const seen: string[] = []
    alice.sock.ev.on('presence.update', ({ id }) => seen.push(id))
    max.blocks(ALICE)
    const id = await alice.says(MAX, 'hörst du mich?')
    expect(await alice.acked(id)).toBeUndefined()
    await alice.sock.presenceSubscribe(MAX_JID)
    max.types(ALICE)
    await alice.sock.sendPresenceUpdate('composing', MAX_JID)
    await alice.says(BOB, 'und du?')
    await eva.hears('und du?')
    eva.types(ALICE)
    await alice.until(() => seen.length > 0)
    expect(seen).toEqual([`${BOB}@s.whatsapp.net`])
    await expect(max.sees(ALICE, 'composing', { timeoutMs: 0 })).rejects.toThrow('has not seen')
    expect(max.messages()).toEqual([])

    max.unblocks(ALICE)
    await alice.sock.updateBlockStatus(MAX_JID, 'block')
    const { id: unheard } = await max.says(ALICE, 'und jetzt ich')
    await eva.says(ALICE, 'alles gut')
    await alice.hears('alles gut')
    expect(alice.messages.some(({ key }) => key.id === unheard)).toBe(false)
    await alice.says(MAX, 'du nicht')
    await max.hears('du nicht')
  }))

test('blue ticks are there only if both want them, and what is read on the phone is read on the companion', () =>
  withEmulator(async (emulator, client) => {
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const alice = await client().link(phone)
    const { id } = await max.says(ALICE, 'gelesen?')
    await phone.hears('gelesen?')
    await alice.hears('gelesen?')
    phone.restricts('readreceipts', 'none')
    await phone.reads([id])
    await alice.until(() => alice.updates.find(({ key, update }) => key.id === id && update.status === 4))
    await expect(max.received(id, 'read', { timeoutMs: 0 })).rejects.toThrow('read receipt')
    phone.restricts('readreceipts', 'all')
    await phone.reads([id])
    await max.received(id, 'read')
    await expect(phone.reads(['nie'])).rejects.toThrow('has not received')
  }))

test('what is read on one companion is read on the other', () =>
  withEmulator(async (emulator, client) => {
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const desk = await client().link(phone)
    const laptop = await client().link(phone)
    const { id } = await max.says(ALICE, 'gelesen?')
    await laptop.hears('gelesen?')
    await desk.sock.readMessages([(await desk.hears('gelesen?')).key])
    await max.received(id, 'read')
    const update = await laptop.until(() => laptop.updates.find(({ update }) => update.status === 4))
    expect(update.key).toMatchObject({ id, fromMe: false, remoteJid: MAX_JID })
  }))

test('the name of a list tells lists of any length apart, in whatever order they are', () => {
  const [one, two, three] = ['491111111111', '492222222222', '493333333333'] as const
  expect(hashOf([one, two, three])).not.toBe(hashOf([one, two]))
  expect(hashOf([three, one, two])).toBe(hashOf([one, two, three]))
  expect(hashOf([])).toBe('none')
})
