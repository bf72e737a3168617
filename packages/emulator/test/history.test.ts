import { proto, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Client, textOf, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`
const DAY = 86_400_000
const { FULL, INITIAL_BOOTSTRAP, ON_DEMAND, PUSH_NAME, RECENT } = proto.HistorySync.HistorySyncType
const { PeerDataOperationRequestType: Operation } = proto.Message
const { Type } = proto.Message.ProtocolMessage

test('a new companion gets the past in parts, the newest first', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX, { name: 'Max' })
    const phone = emulator.phone(ALICE, { name: 'Alice' })
    const now = emulator.clock.now()
    phone.remembers(MAX, numbered(1, 1200, now - 10 * DAY))
    phone.remembers(MAX, numbered(-9, 0, now - 200 * DAY))
    phone.pinsChat(MAX)
    phone.renamesContact(MAX, 'Max Mustermann')
    const alice = await client({ shouldSyncHistoryMessage: () => true }).link(phone)
    const parts = await alice.until(() => alice.history.some(({ syncType }) => syncType === FULL) && alice.history)
    const chunks = parts.map(({ syncType, progress, messages }) => [syncType, progress, messages.length])
    expect(chunks.filter(([type]) => [INITIAL_BOOTSTRAP, RECENT, FULL].includes(Number(type)))).toEqual([
      [INITIAL_BOOTSTRAP, 100, 500],
      [RECENT, 50, 500],
      [RECENT, 100, 200],
      [FULL, 100, 10],
    ])
    const first = parts.find(({ syncType }) => syncType === INITIAL_BOOTSTRAP)
    expect(first?.chats).toMatchObject([{ id: MAX_JID, name: 'Max Mustermann', pinned: expect.any(Number) }])
    expect(first?.messages[0] && textOf(first.messages[0])).toBe('1200')
    const texts = parts.flatMap(({ messages }) => messages.map((message) => Number(textOf(message))))
    expect(texts).toEqual(Array.from({ length: 1210 }, (_, n) => 1200 - n))
    expect(parts.find(({ syncType }) => syncType === PUSH_NAME)?.contacts).toContainEqual({
      id: MAX_JID,
      notify: 'Max',
    })
    expect(await alice.sock.signalRepository.lidMapping.getLIDForPN(MAX_JID)).toBe(`${max.lid}@lid`)
    expect(phone.messages()).toEqual([])
    expect(alice.warnings).toEqual([])
  }))

test('history is what a phone shows: edits are done, what was deleted is gone', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const { id } = await max.says(ALICE, 'Halo')
    await max.edits(id, 'Hallo')
    await max.reacts(id, '👋')
    await max.deletes((await max.says(ALICE, 'Unsinn')).id)
    await max.says(ALICE, 'geheim')
    phone.deletesForMe(await phone.hears('geheim'))
    await phone.says(MAX, 'Guten Tag')
    const alice = await client().link(phone)
    const messages = await alice.until(() => alice.history.find((part) => part.messages.length > 0)?.messages)
    expect(messages.map(textOf)).toEqual(['Guten Tag', 'Hallo'])
    expect(messages.map(({ key }) => key.fromMe)).toEqual([true, false])
  }))

test('a companion asks its phone for older messages', () =>
  withEmulator(async (emulator, client) => {
    emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const at = emulator.clock.now() - DAY
    const alice = await client().link(phone)
    const ids = phone.remembers(MAX, numbered(1, 30, at))
    const key = { remoteJid: MAX_JID, fromMe: false, id: ids[20] ?? '' }
    const request = await alice.sock.fetchMessageHistory(5, key, at + 20_000)
    const onDemand = () => alice.history.filter(({ syncType }) => syncType === ON_DEMAND)
    const [part] = await alice.until(() => onDemand().length > 0 && onDemand())
    expect(part?.messages.map(textOf)).toEqual(['20', '19', '18', '17', '16'])
    expect(part?.peerDataRequestSessionId).toBe(request)
    expect(part?.chats).toMatchObject([{ id: MAX_JID, endOfHistoryTransfer: false }])

    await alice.sock.fetchMessageHistory(50, { ...key, id: ids[2] ?? '' }, at)
    const [, last] = await alice.until(() => onDemand().length > 1 && onDemand())
    expect(last?.messages.map(textOf)).toEqual(['2', '1'])
    expect(alice.warnings).toEqual([])
  }))

test('a message that only the phone was sent is fetched from it', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const { id } = await max.says(ALICE, 'nur für das Telefon', { unavailable: '' })
    const stub = await alice.until(() => alice.messages.find(({ key }) => key.id === id))
    expect(stub.messageStubParameters?.[0]).toBe('Message absent from node')
    const whole = await alice.hears('nur für das Telefon')
    expect(whole.key).toMatchObject({ id, remoteJid: MAX_JID, fromMe: false })
    // Of these no client asks for more.
    await max.says(ALICE, 'einmal', { unavailable: 'view_once_unavailable_fanout' })
    await max.says(ALICE, 'danach')
    await alice.hears('danach')
    expect(alice.messages.map(textOf)).not.toContain('einmal')
    expect(alice.warnings).toEqual([])
  }))

test('in a group too only phones get some messages, and companions ask theirs', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const group = emulator.group({ subject: 'Team', members: [max, phone, emulator.contact('491234567891')] })
    const { id } = await max.says(group.id, 'nur für Telefone', { unavailable: '' })
    await emulator.contact('491234567891').hears('nur für Telefone')
    const whole = await alice.hears('nur für Telefone')
    expect(whole.key).toMatchObject({ id, remoteJid: group.id, fromMe: false })
    await max.says(group.id, 'für alle')
    await alice.hears('für alle')
  }))

test('a companion asks its phone for everything', () =>
  withEmulator(async (emulator, client) => {
    emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const alice = await client({ shouldSyncHistoryMessage: () => true }).link(phone)
    phone.remembers(MAX, numbered(1, 600, emulator.clock.now() - 400 * DAY))
    const answers: WAMessage[] = []
    alice.sock.ev.on('messages.upsert', ({ messages }) => answers.push(...messages))
    const request = await alice.sock.sendPeerDataOperationMessage({
      peerDataOperationRequestType: Operation.FULL_HISTORY_SYNC_ON_DEMAND,
      fullHistorySyncOnDemandRequest: { requestMetadata: { requestId: 'alles' } },
    })
    const isAnswer = ({ message }: WAMessage) =>
      message?.protocolMessage?.peerDataOperationRequestResponseMessage?.stanzaId === request
    const answer = await alice.until(() => answers.find(isAnswer))
    expect(
      answer.message?.protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult,
    ).toMatchObject([
      { fullHistorySyncOnDemandRequestResponse: { requestMetadata: { requestId: 'alles' }, responseCode: 0 } },
    ])
    const parts = () => alice.history.filter(({ peerDataRequestSessionId }) => peerDataRequestSessionId === request)
    await alice.until(() => parts().some(({ progress }) => progress === 100))
    expect(parts().map(({ syncType, messages }) => [syncType, messages.length])).toEqual([
      [FULL, 500],
      [FULL, 100],
    ])
  }))

test('the phone answers whatever a companion asks, if only that it has nothing', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const answers: proto.Message.IPeerDataOperationRequestResponseMessage[] = []
    const keys: proto.Message.IAppStateSyncKey[] = []
    const look = ({ message }: WAMessage) => {
      const { peerDataOperationRequestResponseMessage: answer, appStateSyncKeyShare } = message?.protocolMessage ?? {}
      if (answer) answers.push(answer)
      keys.push(...(appStateSyncKeyShare?.keys ?? []))
    }
    alice.sock.ev.on('messages.upsert', ({ messages }) => messages.forEach(look))
    const answered = async (request: proto.Message.IPeerDataOperationRequestMessage) => {
      const id = await alice.sock.sendPeerDataOperationMessage(request)
      return alice.until(() => answers.find(({ stanzaId }) => stanzaId === id))
    }
    const url = 'https://example.com/page'
    const preview = await answered({
      peerDataOperationRequestType: Operation.GENERATE_LINK_PREVIEW,
      requestUrlPreview: [{ url }],
    })
    expect(preview.peerDataOperationResult).toMatchObject([{ linkPreviewResponse: { url, title: 'example.com' } }])
    const nothing = await answered({ peerDataOperationRequestType: Operation.COMPANION_META_NONCE_FETCH })
    expect(nothing.peerDataOperationResult).toEqual([])
    const messageKey = { remoteJid: MAX_JID, fromMe: false, id: 'never' }
    const resent = await answered({
      peerDataOperationRequestType: Operation.PLACEHOLDER_MESSAGE_RESEND,
      placeholderMessageResendRequest: [{ messageKey }],
    })
    expect(resent.peerDataOperationResult?.[0]?.placeholderMessageResendResponse?.webMessageInfoBytes).toBeFalsy()

    const known = Buffer.from(alice.auth.creds.myAppStateKeyId ?? '', 'base64')
    const [wanted, unknown] = [{ keyId: known }, { keyId: Buffer.alloc(6, 7) }]
    keys.length = 0
    await askForKeys(alice, [unknown, wanted])
    await alice.until(() => keys.length > 0)
    expect(keys.map(({ keyId, keyData }) => [Buffer.from(keyId?.keyId ?? []), keyData?.keyData?.length])).toEqual([
      [unknown.keyId, undefined],
      [known, 32],
    ])
  }))

async function askForKeys(client: Client, keyIds: proto.Message.IAppStateSyncKeyId[]): Promise<void> {
  const message = { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_REQUEST, appStateSyncKeyRequest: { keyIds } } }
  await client.sock.relayMessage(`${ALICE}@s.whatsapp.net`, message, { additionalAttributes: { category: 'peer' } })
}

/** Messages of Max whose text is their number, a second apart. */
function numbered(from: number, to: number, at: number) {
  return Array.from({ length: to - from + 1 }, (_, n) => ({ from: MAX, content: String(from + n), at: at + n * 1000 }))
}

test('a phone goes on with its history when it is linked, also while its companion is away', () =>
  withEmulator(async (emulator, client) => {
    emulator.contact(MAX, { name: 'Max' })
    const phone = emulator.phone(ALICE)
    const alice = await client({ shouldSyncHistoryMessage: () => true }).link(phone)
    const texts = () => alice.history.flatMap(({ messages }) => messages.map(textOf))
    const ids = await phone.recalls(MAX, numbered(1, 3, emulator.clock.now() - DAY))
    await alice.until(() => texts().length === 3)
    expect(texts()).toEqual(['3', '2', '1'])
    expect(alice.history.flatMap(({ messages }) => messages.map(({ key }) => key.id))).toEqual(ids.reverse())
    await alice.end()
    await phone.recalls(MAX, numbered(4, 5, emulator.clock.now() - DAY))
    await alice.connect().until(() => texts().length === 5)
    expect(alice.warnings).toEqual([])
  }))
