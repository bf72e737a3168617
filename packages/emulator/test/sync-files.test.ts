import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { trustEmulator } from '../src/index.ts'
import { patchBy, sync } from './app-state.ts'
import { textOf, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`
const CHECKED = { appStateMacVerification: { patch: true, snapshot: true } }

test('histories and snapshots are files on the media hosts', () =>
  withEmulator(
    async (emulator, client) => {
      trustEmulator(emulator.rootPublicKey, emulator)
      const max = emulator.contact(MAX)
      const phone = emulator.phone(ALICE, { name: 'Alice' })
      phone.remembers(MAX, [{ from: MAX, content: 'aus einer Datei' }])
      phone.pinsChat(MAX)
      phone.archivesChat(MAX)
      const alice = await client(CHECKED).link(phone)
      const part = await alice.until(() => alice.history.find(({ chats }) => chats.length > 0))
      expect(part.messages.map(textOf)).toEqual(['aus einer Datei'])
      expect(part.chats).toMatchObject([{ id: MAX_JID, archived: true, pinned: expect.any(Number) }])
      const { regular_low: state } = await alice.auth.keys.get('app-state-sync-version', ['regular_low'])
      expect(state?.version).toBe(2)
      expect(new Set(emulator.media.files.map(({ type }) => type))).toEqual(new Set(['md-msg-hist', 'md-app-state']))

      // What comes after a snapshot are patches on top of it.
      await alice.sock.chatModify({ pin: false }, MAX_JID)
      await phone.learns(({ value }) => value.pinAction?.pinned === false)
      await max.says(ALICE, 'weiter')
      await alice.hears('weiter')
      expect(alice.warnings).toEqual([])
    },
    { syncByFile: true },
  ))

test('a patch may say that its mutations lie on a media host', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = await client(CHECKED).link(phone)
    const { mutations, ...patch } = proto.SyncdPatch.decode(await patchBy(alice, ALICE))
    const file = emulator.media.put(proto.SyncdMutations.encode({ mutations }).finish(), 'md-app-state')
    const { directPath, mediaKey, fileSha256, fileEncSha256 } = file
    const externalMutations = { directPath, mediaKey, fileSha256, fileEncSha256 }
    const bytes = proto.SyncdPatch.encode({ ...patch, mutations: [], externalMutations }).finish()
    expect((await sync(alice, { version: '0' }, bytes)).attrs).toMatchObject({ version: '1' })
    await phone.learns(({ value }) => value.pinAction?.pinned === true)
    expect(alice.warnings).toEqual([])
  }))
