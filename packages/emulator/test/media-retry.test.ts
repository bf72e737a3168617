import { randomBytes } from 'node:crypto'
import { downloadMediaMessage, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Emulator, trustEmulator } from '../src/index.ts'
import { Client, withEmulator, withTrouble } from './baileys.ts'
import { CliProcess } from './cli-process.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const DAY = 86_400_000
const jid = (phone: string) => `${phone}@s.whatsapp.net`

function incoming(client: Client, id: string): Promise<WAMessage> {
  return client.until(() => client.messages.find(({ key, message }) => key.id === id && message))
}

/** Max sends Alice a document, and her client has got the message. */
async function received(emulator: Emulator, alice: Client, plain: Buffer): Promise<WAMessage> {
  const documentMessage = { ...emulator.media.put(plain, 'document'), mimetype: 'application/pdf', fileName: 'a.pdf' }
  const { id } = await emulator.contact(MAX).sends(ALICE, { message: { documentMessage } })
  return incoming(alice, id)
}

async function bytesAt(url: string): Promise<ArrayBuffer> {
  return (await fetch(url)).arrayBuffer()
}

const fetched = (message: WAMessage) => downloadMediaMessage(message, 'buffer', {})

test('a file that is too old is refused, and uploaded again by the phone when a client asks', () =>
  withEmulator(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const alice = await client().link(emulator.phone(ALICE))
    const plain = randomBytes(1000)
    const message = await received(emulator, alice, plain)
    expect(await fetched(message)).toEqual(plain)

    await emulator.clock.advance(15 * DAY)
    await expect(fetched(message)).rejects.toMatchObject({ output: { statusCode: 403 } })
    await emulator.clock.advance(16 * DAY)
    await expect(fetched(message)).rejects.toMatchObject({ output: { statusCode: 410 } })
    await expect(emulator.phone(ALICE).downloads(message.key.id ?? '')).rejects.toMatchObject({ status: 410 })

    const updated = await alice.sock.updateMediaMessage(message)
    expect(await fetched(updated)).toEqual(plain)
    expect(emulator.media.files.map(({ status }) => status)).toEqual([410, 200])
    expect(alice.warnings).toEqual([])
  }))

test('a phone that has lost the file, or does not know the message, says so', () =>
  withEmulator(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const message = await received(emulator, alice, randomBytes(10))
    emulator.media.forgets()
    await expect(fetched(message)).rejects.toMatchObject({ output: { statusCode: 410 } })
    const wrongKey = structuredClone(message)
    if (wrongKey.message?.documentMessage) wrongKey.message.documentMessage.mediaKey = randomBytes(32)
    await expect(alice.sock.updateMediaMessage(wrongKey)).rejects.toMatchObject({ output: { statusCode: 412 } })
    phone.loses(message.key.id ?? '')
    await expect(alice.sock.updateMediaMessage(message)).rejects.toMatchObject({ output: { statusCode: 404 } })
    const unknown = { ...message, key: { ...message.key, id: 'UNKNOWN' } }
    await expect(alice.sock.updateMediaMessage(unknown)).rejects.toMatchObject({ output: { statusCode: 404 } })
  }))

test('a phone that is offline uploads a file again when it is back', () =>
  withEmulator(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const phone = emulator.phone(ALICE)
    emulator.contact(MAX)
    const alice = await client().link(phone)
    const sent = await alice.sock.sendMessage(jid(MAX), { document: randomBytes(10), mimetype: 'x/y' })
    const own = await incoming(alice, sent?.key.id ?? '')
    await phone.hears((heard) => heard.id === own.key.id)
    emulator.media.forgets()
    phone.goesOffline()
    const asked = alice.sock.updateMediaMessage(own)
    let isAnswered = false
    void asked.then(() => {
      isAnswered = true
    })
    await alice.sock.query({ tag: 'iq', attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' } })
    expect(isAnswered).toBe(false)
    phone.comesOnline()
    expect(await fetched(await asked)).toHaveLength(10)
  }))

test('a host that fails is left for the next one; a file that breaks off or is damaged is noticed', () =>
  withTrouble(async (emulator, client) => {
    trustEmulator(emulator.rootPublicKey, emulator)
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const plain = randomBytes(100_000)
    emulator.media.fails({ on: 'upload', host: '127.0.0.1', status: 503 })
    const sent = await alice.sock.sendMessage(jid(MAX), { document: plain, mimetype: 'x/y' })
    await max.hears((heard) => heard.id === sent?.key.id)
    expect(await max.downloads(sent?.key.id ?? '')).toEqual(plain)
    expect(alice.warnings.join()).toContain('Error in uploading to 127.0.0.1')
    expect(sent?.message?.documentMessage?.url).toMatch(/^https:\/\/localhost:/)
    emulator.media.fails({ on: 'upload', status: 500 })
    const failed = alice.sock.sendMessage(jid(MAX), { document: plain, mimetype: 'x/y' })
    await expect(failed).rejects.toThrow('Media upload failed on all hosts')
    emulator.media.recovers()

    const message = await received(emulator, alice, plain)
    emulator.media.fails({ on: 'download', cutAfter: 50_000, times: 1 })
    // Baileys would wait for ever for the rest: it does not hear of errors of the stream that it pipes.
    await expect(bytesAt(message.message?.documentMessage?.url ?? '')).rejects.toThrow('terminated')
    emulator.media.fails({ on: 'download', truncateTo: 50_001, times: 1 })
    await expect(fetched(message)).rejects.toThrow()
    emulator.media.fails({ on: 'download', corrupt: true, times: 1 })
    expect(await fetched(message)).not.toEqual(plain) // Baileys does not check: it is the test that notices
    emulator.media.fails({ on: 'download', type: 'image', status: 500 })
    expect(await fetched(message)).toEqual(plain)

    emulator.media.fails({ on: 'download', type: 'document', delayMs: 60_000 })
    let isThere = false
    const slow = fetched(message).finally(() => {
      isThere = true
    })
    expect((await bytesAt(emulator.media.put(plain, 'video').url)).byteLength).toBeGreaterThan(plain.length)
    expect(isThere).toBe(false)
    while (!isThere) {
      await emulator.clock.advance(60_000)
      await new Promise(setImmediate) // its request may have to arrive first
    }
    expect(await slow).toEqual(plain)
  }))

test('files outlast the process of the network that is killed', async () => {
  const emulator = await new CliProcess().start()
  try {
    const { publicKey } = await emulator.get<{ publicKey: string }>('/admin/noise-root')
    const ca = await (await fetch(`${emulator.controlUrl}/admin/ca.pem`)).text()
    const controlUrl = emulator.controlUrl.replace('http:', 'https:')
    trustEmulator(Buffer.from(publicKey, 'base64'), { tls: { controlUrl, ca } })
    await emulator.post('/admin/contacts', { phone: MAX })
    const alice = new Client(emulator).connect()
    await emulator.post('/admin/mock-phone/scan-qr', await alice.until(() => alice.qr))
    await alice.synced()
    const plain = randomBytes(400_000)
    const sent = await alice.sock.sendMessage(jid(MAX), { document: plain, mimetype: 'x/y' })
    const message = await incoming(alice, sent?.key.id ?? '')
    await emulator.kill()
    await emulator.start()
    expect(await fetched(message)).toEqual(plain)
    await alice.end()
  } finally {
    await emulator.end()
  }
}, 60_000)
