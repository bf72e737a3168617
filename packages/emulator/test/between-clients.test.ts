import { randomBytes } from 'node:crypto'
import { downloadMediaMessage, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Emulator, trustEmulator } from '../src/index.ts'
import { type Client, textOf, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550001002'
const BOB_JID = `${BOB}@s.whatsapp.net`
const ALICE_JID = `${ALICE}@s.whatsapp.net`

/** Alice with two companions, and bob with one: what passes between them is on the other companion too. */
async function three(emulator: Emulator, client: (config?: object) => Client, config = {}) {
  trustEmulator(emulator.rootPublicKey, emulator)
  const phone = emulator.phone(ALICE)
  const [alice, tablet] = [await client(config).link(phone), await client().link(phone)]
  return { alice, tablet, bob: await client().link(emulator.phone(BOB)) }
}

function got(client: Client, id: string | null | undefined): Promise<WAMessage> {
  return client.until(() => client.messages.find(({ key, message }) => key.id === id && message))
}

test('an album of a client is an album on another, and a picture of it is passed on', () =>
  withEmulator(async (emulator, client) => {
    const { alice, tablet, bob } = await three(emulator, client)
    const frame = await alice.sock.sendMessage(BOB_JID, { album: { expectedImageCount: 2 } } as never)
    const image = randomBytes(500)
    const ids: (string | null | undefined)[] = []
    for (const caption of ['eins', 'zwei']) {
      const content = { image, caption, jpegThumbnail: '', albumParentKey: frame?.key }
      const part = await alice.sock.sendMessage(BOB_JID, content as never)
      ids.push(part?.key.id)
    }
    for (const reader of [bob, tablet]) {
      expect((await got(reader, frame?.key.id)).message?.albumMessage).toMatchObject({ expectedImageCount: 2 })
      for (const id of ids) {
        const part = await got(reader, id)
        expect(part.message?.messageContextInfo?.messageAssociation?.parentMessageKey?.id).toBe(frame?.key.id)
        expect(await downloadMediaMessage(part, 'buffer', {})).toEqual(image)
      }
    }
    const passedOn = await bob.sock.sendMessage(ALICE_JID, { forward: await got(bob, ids[0]), force: true })
    const forward = await got(alice, passedOn?.key.id)
    expect(forward.message?.imageMessage?.contextInfo).toMatchObject({ isForwarded: true, forwardingScore: 1 })
    expect(await downloadMediaMessage(forward, 'buffer', {})).toEqual(image)
    expect((await got(tablet, passedOn?.key.id)).key.fromMe).toBe(false)
    expect(emulator.media.files).toHaveLength(2)
  }))

test('a text is forwarded, quoted and answered between clients, and every companion shows it once', () =>
  withEmulator(async (emulator, client) => {
    const { alice, tablet, bob } = await three(emulator, client)
    const id = await bob.says(ALICE, 'Neuigkeit')
    const news = await got(alice, id)
    const forwarded = await alice.sock.sendMessage(BOB_JID, { forward: news })
    const forward = await got(bob, forwarded?.key.id)
    expect(forward.message?.extendedTextMessage?.contextInfo).toMatchObject({ isForwarded: true })
    const answer = await tablet.sock.sendMessage(BOB_JID, { text: 'gelesen' }, { quoted: await got(tablet, id) })
    const quote = await got(bob, answer?.key.id)
    expect(quote.message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: id,
      quotedMessage: { extendedTextMessage: { text: 'Neuigkeit' } },
    })
    expect(textOf(await got(alice, answer?.key.id))).toBe('gelesen')
    for (const { messages } of [alice, tablet, bob]) {
      const ids = messages.filter(({ message }) => message).map(({ key }) => key.id)
      expect(ids).toEqual([...new Set(ids)])
    }
  }))

test('an event of a client is on every other one', () =>
  withEmulator(async (emulator, client) => {
    const { alice, tablet, bob } = await three(emulator, client)
    const startDate = new Date(4_102_444_800_000)
    const sent = await alice.sock.sendMessage(BOB_JID, { event: { name: 'Fest', startDate } })
    for (const reader of [bob, tablet]) {
      const { message } = await got(reader, sent?.key.id)
      expect(message?.eventMessage).toMatchObject({ name: 'Fest' })
    }
  }))
