import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:https'
import { downloadMediaMessage, normalizeMessageContent, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Emulator, type MediaContent, trustEmulator } from '../src/index.ts'
import { type Client, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`

function got(client: Client, { id }: { id: string }): Promise<WAMessage> {
  return client.until(() => client.messages.find(({ key, message }) => key.id === id && message))
}

/** What lies behind a link, for those who trust the network. */
async function fetched(emulator: Emulator, url: string): Promise<Buffer> {
  const [response] = await once(get(url, { ca: emulator.tls.ca }), 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('a contact sends files of every kind, which a client and its phone open byte for byte', () =>
  withEmulator(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const alice = await client().link(phone)
    const bytes = randomBytes(5_000)
    const cases: [MediaContent, string, object][] = [
      [{ image: bytes, caption: 'ein Bild' }, 'image', { imageMessage: { caption: 'ein Bild' } }],
      [{ image: bytes, isViewOnce: true }, 'image', { imageMessage: { viewOnce: true } }],
      [{ video: bytes, seconds: 3, isGif: true }, 'video', { videoMessage: { seconds: 3, gifPlayback: true } }],
      [{ video: bytes, isNote: true }, 'ptv', { ptvMessage: { mimetype: 'video/mp4' } }],
      [{ audio: bytes, isVoice: true, seconds: 2 }, 'audio', { audioMessage: { ptt: true, seconds: 2 } }],
      [{ document: bytes, fileName: 'a.pdf', caption: 'lies' }, 'document', { documentMessage: { fileName: 'a.pdf' } }],
      [{ sticker: bytes }, 'sticker', { stickerMessage: { mimetype: 'image/webp' } }],
    ]
    for (const [content, type, shape] of cases) {
      const sent = await max.sends(ALICE, content)
      const message = await got(alice, sent)
      expect(normalizeMessageContent(message.message)).toMatchObject(shape)
      expect(await downloadMediaMessage(message, 'buffer', {})).toEqual(bytes)
      const isViewOnce = content.isViewOnce ?? false
      expect(await phone.hears(({ id }) => id === sent.id)).toMatchObject({ type, isViewOnce })
      expect(await phone.downloads(sent.id)).toEqual(bytes)
    }
    expect(alice.warnings).toEqual([])
  }))

test('albums pass both ways, and each picture names its album', () =>
  withEmulator(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const album = [
      { image: randomBytes(100), caption: 'eins' },
      { video: randomBytes(100), caption: 'zwei' },
    ]
    const sent = await max.sends(ALICE, { album })
    expect((await got(alice, sent)).message?.albumMessage).toMatchObject({
      expectedImageCount: 1,
      expectedVideoCount: 1,
    })
    const parts = () =>
      alice.messages.filter(({ message }) => {
        return message?.messageContextInfo?.messageAssociation?.parentMessageKey?.id === sent.id
      })
    await alice.until(() => parts().length === 2)

    const frame = await alice.sock.sendMessage(MAX_JID, { album: { expectedImageCount: 1 } } as never)
    const albumParentKey = frame?.key
    await alice.sock.sendMessage(MAX_JID, {
      image: album[0]?.image,
      caption: 'meins',
      jpegThumbnail: '',
      albumParentKey,
    } as never)
    expect(await max.hears(({ type }) => type === 'album')).toMatchObject({ id: frame?.key.id })
    expect(await max.hears('meins')).toMatchObject({ type: 'image', concerns: frame?.key.id })
    await expect(max.sends(ALICE, { album: album.slice(1) })).rejects.toThrow('at least two')
    expect(alice.warnings).toEqual([])
  }))

test('a file is quoted and passed on without being sent again', () =>
  withEmulator(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const document = randomBytes(100)
    const sent = await max.sends(ALICE, { document, fileName: 'a.pdf', caption: 'lies' })
    await got(alice, sent)
    const answer = await got(alice, await max.sends(ALICE, { text: 'gelesen?', quotes: sent.id }))
    expect(answer.message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: sent.id,
      quotedMessage: { documentMessage: { fileName: 'a.pdf' } },
    })
    const forward = await got(alice, await max.forwards(sent.id, ALICE))
    expect(await downloadMediaMessage(forward, 'buffer', {})).toEqual(document)
    expect(emulator.media.files).toHaveLength(1)
  }))

test('profile pictures are set, fetched, replaced, hidden and taken away, and those who know the person are told', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const changes: unknown[] = []
    alice.sock.ev.on('contacts.update', (all) => changes.push(...all.map(({ id, imgUrl }) => [id, imgUrl])))
    await alice.says(MAX, 'Hallo')
    const [first, second] = [randomBytes(500), randomBytes(600)]
    max.changesPicture(first)
    await alice.until(() => changes.length === 1)
    const url = (await alice.sock.profilePictureUrl(MAX_JID, 'image')) ?? ''
    expect(await fetched(emulator, url)).toEqual(first)
    expect(await alice.sock.profilePictureUrl(MAX_JID, 'preview')).toBe(url)
    max.changesPicture(second)
    expect(await fetched(emulator, (await alice.sock.profilePictureUrl(`${max.lid}@lid`, 'image')) ?? '')).toEqual(
      second,
    )
    max.restricts('profile', 'none')
    await expect(alice.sock.profilePictureUrl(MAX_JID)).rejects.toThrow('not-authorized')
    max.restricts('profile', 'all')
    // Links expire, pictures do not.
    await emulator.clock.advance(40 * 86_400_000)
    expect(await fetched(emulator, (await alice.sock.profilePictureUrl(MAX_JID, 'image')) ?? '')).toEqual(second)
    max.changesPicture()
    await alice.until(() => changes.length === 3)
    await expect(alice.sock.profilePictureUrl(MAX_JID)).rejects.toThrow('item-not-found')
    expect(changes).toEqual([
      [MAX_JID, 'changed'],
      [MAX_JID, 'changed'],
      [MAX_JID, 'removed'],
    ])

    // Baileys' own way of setting one needs a library that scales it; the setter is told of its own picture too.
    const ownJid = `${ALICE}@s.whatsapp.net`
    const set = (content?: Buffer) =>
      alice.sock.query({
        tag: 'iq',
        attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture' },
        ...(content && { content: [{ tag: 'picture', attrs: { type: 'image' }, content }] }),
      })
    await set(first)
    await alice.until(() => changes.length === 4)
    expect(await fetched(emulator, (await alice.sock.profilePictureUrl(ownJid, 'image')) ?? '')).toEqual(first)
    await set()
    await alice.until(() => changes.length === 5)
    expect(changes.slice(3)).toEqual([
      [ownJid, 'changed'],
      [ownJid, 'removed'],
    ])
    expect(alice.warnings).toEqual([])
  }))
