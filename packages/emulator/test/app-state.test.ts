import { type ChatUpdate, proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { createEmulator } from '../src/index.ts'
import { child, children } from '../src/stream/nodes.ts'
import { patchBy, sync } from './app-state.ts'
import { Client, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`
const CHECKED = { appStateMacVerification: { patch: true, snapshot: true } }

const sees = (client: Client, update: ChatUpdate) =>
  client.until(() =>
    client.chats.some((chat) =>
      Object.entries(update).every(([key, value]) => chat[key as keyof ChatUpdate] === value),
    ),
  )

test('two companions and their phone stay in sync', () =>
  withEmulator(async (emulator, client) => {
    emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const first = await client(CHECKED).link(phone)
    const second = await client(CHECKED).link(phone)

    await first.sock.chatModify({ pin: true }, MAX_JID)
    expect((await phone.learns(({ index }) => index[0] === 'pin_v1')).index).toEqual(['pin_v1', MAX_JID])
    await second.until(() => second.chats.some(({ id, pinned }) => id === MAX_JID && typeof pinned === 'number'))

    await second.sock.chatModify({ mute: 1_900_000_000_000 }, MAX_JID)
    await sees(first, { id: MAX_JID, muteEndTime: 1_900_000_000_000 })

    phone.archivesChat(MAX)
    for (const companion of [first, second]) await sees(companion, { id: MAX_JID, archived: true })

    await first.sock.chatModify({ pin: false }, MAX_JID)
    await phone.learns(({ value }) => value.pinAction?.pinned === false)
    await sees(second, { id: MAX_JID, pinned: null })
    expect([...first.warnings, ...second.warnings]).toEqual([])
  }))

test('what the phone had before reaches a companion page by page', () =>
  withEmulator(
    async (emulator, client) => {
      emulator.contact(MAX)
      const phone = emulator.phone(ALICE, { name: 'Alice' })
      for (let n = 0; n < 7; n++) phone.changesState([label(String(n))])
      const alice = client(CHECKED)
      const labels = new Set<string>()
      alice.connect()
      await phone.scans(await alice.until(() => alice.qr))
      await alice.opened()
      alice.sock.ev.on('labels.edit', ({ name }) => labels.add(name))
      await alice.synced()
      expect([...labels].sort()).toEqual(['0', '1', '2', '3', '4', '5', '6'])
      expect(alice.warnings).toEqual([])
    },
    { appStatePage: 2 },
  ))

test('the push name is a fact like others, whoever writes it', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE, { name: 'Alice' })
    const alice = await client(CHECKED).link(phone)
    const pushName = await phone.learns(({ index }) => index[0] === 'setting_pushName')
    expect(pushName).toMatchObject({ collection: 'critical_block', value: { pushNameSetting: { name: 'Alice' } } })
    phone.renamesItself('Alice Liddell')
    await alice.until(() => alice.auth.creds.me?.name === 'Alice Liddell')
    await alice.sock.updateProfileName('Lewis')
    await phone.learns(({ value }) => value.pushNameSetting?.name === 'Lewis')
    expect(phone.name).toBe('Lewis')
    expect(alice.warnings).toEqual([])
  }))

test('of patches that are sent at once one is taken, the others are told what they missed', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = await client(CHECKED).link(phone)
    const patch = await patchBy(alice, phone.phone)
    const answers = await Promise.all([1, 2, 3].map(() => sync(alice, { version: '0' }, patch)))
    expect(answers.map(({ attrs }) => attrs.type)).toEqual([undefined, 'error', 'error'])
    expect(answers[0]?.attrs.version).toBe('1')
    for (const refused of answers.slice(1)) {
      expect(child(refused, 'error')?.attrs).toEqual({ code: '409', text: 'conflict' })
      expect(refused.attrs).toMatchObject({ version: '1', has_more_patches: 'false' })
      expect(children(child(refused, 'patches'), 'patch')).toHaveLength(1)
    }
    const codes = async (attrs: Record<string, string>, bytes?: Uint8Array) =>
      child(await sync(alice, attrs, bytes), 'error')?.attrs.code
    expect(await codes({ version: '7' }, patch)).toBe('400')
    expect(await codes({ version: '1' }, Buffer.from('no patch'))).toBe('400')
    expect(await codes({ name: 'regular_secret', version: '0' })).toBe('404')
  }))

test('a companion that is unlinked cannot read what comes after it', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    await max.says(ALICE, 'Hallo') // Baileys holds back what it reads about chats that it has not heard of
    await phone.hears('Hallo')
    const first = await client(CHECKED).link(phone)
    const second = await client(CHECKED).link(phone)
    await first.sock.chatModify({ pin: true }, MAX_JID)
    const old = first.auth.creds.myAppStateKeyId
    expect(second.auth.creds.myAppStateKeyId).toBe(old)
    await phone.unlink(phone.devices[1] ?? 0)
    const key = await first.until(() => first.auth.creds.myAppStateKeyId !== old && first.auth.creds.myAppStateKeyId)
    expect(await second.auth.keys.get('app-state-sync-key', [key])).toEqual({})

    await first.sock.chatModify({ mute: 1_900_000_000_000 }, MAX_JID)
    const third = await client(CHECKED).link(phone)
    expect(third.auth.creds.myAppStateKeyId).toBe(key)
    const chats = await third.until(() => third.history.find((part) => part.chats.length > 0)?.chats)
    // A Long from the history, or a number from the state.
    expect(chats.map(({ id, muteEndTime }) => [id, String(muteEndTime)])).toEqual([[MAX_JID, '1900000000000']])
    await first.sock.updateProfileName('Alice die Zweite')
    await third.until(() => third.auth.creds.me?.name === 'Alice die Zweite')
    expect([...first.warnings, ...third.warnings]).toEqual([])
  }))

test('a companion that has missed something is told to fetch it', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const alice = await client(CHECKED).link(phone)
    const group = emulator.group({ subject: 'Team', members: [max, phone] })
    const subjects: (string | undefined)[] = []
    alice.sock.ev.on('groups.update', (updates) => subjects.push(...updates.map(({ subject }) => subject)))
    phone.marksDirty('groups')
    await alice.until(() => subjects.includes(group.subject))
    phone.marksDirty('account_sync')
    await alice.until(() => alice.auth.creds.lastAccountSyncTimestamp)
    expect(alice.warnings).toEqual([])
  }))

test('the phone notices a patch with wrong MACs, which the server cannot', async () => {
  const lines: string[] = []
  const emulator = await createEmulator({ strict: true, pretendPreKeys: 100, log: (line) => lines.push(line) })
  const alice = await new Client(emulator).link(emulator.phone(ALICE))
  const good = proto.SyncdPatch.decode(await patchBy(alice, ALICE))
  const bad = { ...good, patchMac: Buffer.alloc(32) }
  expect((await sync(alice, { version: '0' }, proto.SyncdPatch.encode(bad).finish())).attrs.version).toBe('1')
  expect(lines.join()).toContain(`patch 1 of regular_low by ${ALICE}:1: the MAC of the patch is wrong`)
  expect(() => emulator.assertQuiet()).toThrow('1 mistakes of clients')
  await alice.end()
  await expect(emulator.close()).rejects.toThrow('the MAC of the patch is wrong')
})

function label(name: string) {
  const value = { labelEditAction: { name, color: 1 } }
  return { collection: 'regular' as const, index: ['label_edit', name], value, version: 3 }
}
