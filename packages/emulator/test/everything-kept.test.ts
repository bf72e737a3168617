import { expect, test } from 'vitest'
import { trustEmulator } from '../src/index.ts'
import { Client, textOf } from './baileys.ts'
import { CliProcess } from './cli-process.ts'

const ALICE = '15550001001'
const BOB = '15550001002'
const MAX = '491234567890'
const EVA = '491234567891'
const FRANK = '491234567892'
const STRANGER = '491234567893'

const jid = (phone: string) => `${phone}@s.whatsapp.net`
const HOUR = 3_600_000

test('after a kill everything is as it was, and clients notice no more than a server that restarts', {
  timeout: 60_000,
}, async () => {
  const emulator = await new CliProcess().start()
  const done = async (path: string, body: object) => {
    const { status, body: answer } = await emulator.post(path, body)
    expect(`${path} ${status} ${JSON.stringify(answer)}`).toMatch(/ 20\d /)
    return answer
  }
  const linked = async (phone: string) => {
    const client = new Client(emulator).connect()
    const qr = await client.until(() => client.qr)
    await done(`/admin/mock-phone/scan-qr?phone=${phone}`, { qr })
    await client.synced()
    return client
  }
  try {
    const { publicKey } = await emulator.get<{ publicKey: string }>('/admin/noise-root')
    trustEmulator(Buffer.from(publicKey, 'base64'))
    const replies = [{ pattern: '^ping (.*)', reply: 'pong $1' }]
    await done('/admin/contacts', { phone: MAX, name: 'Max', behaviour: 'scripted', replies })
    await done('/admin/contacts', { phone: EVA, readsAfterMs: HOUR })
    await done('/admin/contacts', { phone: FRANK })
    await done('/admin/contacts', { phone: STRANGER })
    const [alice, bob] = [await linked(ALICE), await linked(BOB)]

    // A group, with somebody who waits to be let in, and an invitation.
    const { id: group } = await alice.sock.groupCreate('Team', [jid(BOB), jid(MAX)])
    await alice.sock.groupUpdateDescription(group, 'Worum es geht')
    await alice.sock.groupToggleEphemeral(group, 86_400)
    await alice.sock.groupJoinApprovalMode(group, 'on')
    const code = await alice.sock.groupInviteCode(group)
    await done(`/admin/contacts/${EVA}/groups/join`, { code })
    await alice.says(group, 'in die Gruppe')
    await bob.hears('in die Gruppe')
    // People: who is guarded, online, without network, or reads later; what alice shows, and to whom.
    await done(`/admin/contacts/${MAX}/messages`, { to: ALICE, text: 'mit Token' })
    await alice.hears('mit Token')
    await done(`/admin/contacts/${MAX}/guard`, {})
    await done(`/admin/contacts/${EVA}/presence`, { state: 'available' })
    await done(`/admin/contacts/${FRANK}/online`, { online: false })
    await alice.acked(await alice.says(FRANK, 'wartet auf das Netz'))
    const late = await alice.says(EVA, 'wird später gelesen')
    await alice.until(() => alice.receipts.find(({ id, type }) => id === late && type === undefined))
    await alice.sock.updateLastSeenPrivacy('contacts')
    await alice.sock.updateProfileStatus('immer da')
    await alice.sock.updateBlockStatus(jid(STRANGER), 'block')
    // What alice's devices share, and a limit that bob is under.
    await alice.sock.chatModify({ pin: true }, jid(MAX))
    await done('/admin/faults/timelock', { phone: BOB })
    await bob.end()
    await alice.acked(await alice.says(BOB, 'Post für Bob'))

    await emulator.kill()
    // A cut line, and nothing that a client would take to heart, such as 401.
    expect([408, 428]).toContain(await alice.closed())
    await emulator.start()
    for (const client of [alice, bob]) await client.connect().opened()
    await bob.hears('Post für Bob')

    await alice.says(MAX, 'ping eins')
    await alice.hears('pong eins')
    const metadata = await bob.sock.groupMetadata(group)
    expect(metadata).toMatchObject({
      desc: 'Worum es geht',
      ephemeralDuration: 86_400,
      joinApprovalMode: true,
      size: 3,
    })
    expect(await alice.sock.groupRequestParticipantsList(group)).toHaveLength(1)
    expect(await alice.sock.groupInviteCode(group)).toBe(code)
    await bob.says(group, 'noch alle da')
    await alice.hears('noch alle da')

    const seen = alice.collects('presence.update')
    await alice.sock.presenceSubscribe(jid(EVA))
    await alice.until(() => seen.some(({ presences }) => presences[jid(EVA)]?.lastKnownPresence === 'available'))
    expect(await alice.acked(await alice.says(MAX, 'mit dem alten Token'))).toBeUndefined()
    expect(await bob.acked(await bob.says(STRANGER, 'neuer Chat'))).toBe('463')
    expect(await alice.sock.fetchPrivacySettings(true)).toMatchObject({ last: 'contacts' })
    expect(await alice.sock.fetchBlocklist()).toHaveLength(1)
    expect(await bob.sock.fetchStatus(jid(ALICE))).toMatchObject([{ status: { status: 'immer da' } }])
    const state = await emulator.get<object[]>(`/admin/phones/${ALICE}/state`)
    expect(JSON.stringify(state)).toContain('pin_v1')
    const chats = alice.collects('chats.update')
    await fetch(`${emulator.controlUrl}/admin/phones/${ALICE}/chats/${MAX}`, {
      method: 'PATCH',
      body: '{"muted":true}',
    })
    await alice.until(() => chats.some(({ muteEndTime }) => muteEndTime !== undefined && muteEndTime !== null))

    const frank = () => emulator.get<{ text: string }[]>(`/admin/contacts/${FRANK}/messages`)
    expect(await frank()).toEqual([])
    await done(`/admin/contacts/${FRANK}/online`, { online: true })
    await emulator.get(`/admin/contacts/${FRANK}/messages/next`)
    expect((await frank()).map(({ text }) => text)).toEqual(['wartet auf das Netz'])
    expect(alice.receipts.filter(({ type }) => type === 'read')).toEqual([])
    await done('/admin/clock/advance', { ms: HOUR })
    await alice.until(() => alice.receipts.find(({ id, type }) => id === late && type === 'read'))

    expect(await emulator.get('/admin/health')).toMatchObject({ unknownStanzas: 0 })
    for (const client of [alice, bob]) {
      expect(client.warnings.filter((line) => !/onnection|error 463/.test(line))).toEqual([])
      const texts = client.messages.flatMap((message) => textOf(message) ?? [])
      expect(texts).toEqual([...new Set(texts)])
      await client.end()
    }
  } finally {
    await emulator.end()
  }
})
