import { expect, test } from 'vitest'
import { withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`

test('a contact rings, also at a companion that was away', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const calls = alice.collects('call')
    const first = max.calls(ALICE)
    await alice.until(() => calls.length === 1)
    expect(calls).toMatchObject([{ chatId: MAX_JID, from: MAX_JID, id: first, status: 'offer', isVideo: false }])
    await alice.end()
    const second = max.calls(ALICE)
    const later = alice.connect().collects('call')
    await alice.until(() => later.length > 0)
    expect(later).toMatchObject([{ id: second, offline: true }])
  }))
