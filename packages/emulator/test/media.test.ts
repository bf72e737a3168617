import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:https'
import { downloadContentFromMessage, downloadMediaMessage, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Emulator, trustEmulator } from '../src/index.ts'
import { type Client, withEmulator, withTrouble } from './baileys.ts'
import { apiOf } from './control-api.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const jid = (phone: string) => `${phone}@s.whatsapp.net`

const KINDS = {
  image: { image: randomBytes(70_000), caption: 'ein Bild', jpegThumbnail: '', width: 1, height: 1 },
  video: { video: randomBytes(600_001), caption: 'ein Film', jpegThumbnail: '' },
  audio: { audio: randomBytes(20_000), mimetype: 'audio/mpeg', seconds: 3 },
  ptt: {
    audio: randomBytes(16),
    mimetype: 'audio/ogg; codecs=opus',
    ptt: true,
    seconds: 1,
    waveform: new Uint8Array(64),
  },
  document: { document: randomBytes(1), mimetype: 'application/pdf', fileName: 'a.pdf' },
  sticker: { sticker: randomBytes(5_000) },
} as const

function bytesOf(content: (typeof KINDS)[keyof typeof KINDS]): Buffer {
  const found = Object.values(content).find((value) => Buffer.isBuffer(value))
  if (!found) throw new Error('no bytes')
  return found
}

function plainly(emulator: Emulator): void {
  trustEmulator(emulator.rootPublicKey, emulator)
}

function incoming(client: Client, id: string): Promise<WAMessage> {
  return client.until(() => client.messages.find(({ key, message }) => key.id === id && message))
}

test('files of every kind go up and down byte for byte', () =>
  withEmulator(async (emulator, client) => {
    plainly(emulator)
    const phone = emulator.phone('15550001002')
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(phone)
    for (const content of Object.values(KINDS)) {
      const sent = await alice.sock.sendMessage(jid(phone.phone), content)
      const arrived = await incoming(bob, sent?.key.id ?? '')
      expect(await downloadMediaMessage(arrived, 'buffer', {})).toEqual(bytesOf(content))
      await phone.hears(({ id }) => id === sent?.key.id)
      expect(await phone.downloads(sent?.key.id ?? '')).toEqual(bytesOf(content))
    }
    expect(alice.warnings).toEqual([])
    expect(bob.warnings).toEqual([])
  }))

test('a file from a contact is there whole and in part', () =>
  withEmulator(async (emulator, client) => {
    plainly(emulator)
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const plain = randomBytes(300_000)
    const { id } = await max.sends(ALICE, { video: plain, caption: 'von mir' })
    const arrived = await incoming(alice, id)
    expect(await downloadMediaMessage(arrived, 'buffer', {})).toEqual(plain)
    expect(await emulator.phone(ALICE).downloads(id)).toEqual(plain)

    const video = arrived.message?.videoMessage ?? {}
    const reference = { mediaKey: video.mediaKey ?? null, directPath: video.directPath ?? null, url: video.url ?? null }
    for (const [startByte, endByte] of [
      [100, 200],
      [150_000, 299_000],
      [0, 65_536],
    ] as const) {
      const stream = await downloadContentFromMessage(reference, 'video', { startByte, endByte })
      expect(Buffer.concat(await stream.toArray())).toEqual(plain.subarray(startByte, endByte))
    }
    expect(alice.warnings).toEqual([])
  }))

test('a profile picture is fetched from where the server says it is', () =>
  withEmulator(async (emulator, client) => {
    plainly(emulator)
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone('15550001002'))
    const picture = randomBytes(3000)
    const set = { tag: 'picture', attrs: { type: 'image' }, content: picture }
    const attrs = { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture' }
    await alice.sock.query({ tag: 'iq', attrs, content: [set] })
    const url = await bob.sock.profilePictureUrl(jid(ALICE), 'image')
    const answer = await fetch(url ?? '')
    expect(answer.headers.get('content-type')).toBe('image/jpeg')
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(picture)
    await emulator.clock.advance(60 * 86_400_000)
    expect((await fetch(url ?? '')).status).toBe(410)
    const fresh = await bob.sock.profilePictureUrl(jid(ALICE), 'image')
    expect((await fetch(fresh ?? '')).status).toBe(200)
  }))

test('files are sent, looked at, forgotten and broken over HTTP', () =>
  withEmulator(async (emulator) => {
    plainly(emulator)
    const api = apiOf(emulator.controlUrl)
    for (const phone of [MAX, '491234567891']) await api.post('/admin/contacts', { phone })
    const bytes = randomBytes(30).toString('base64')
    const media = { document: bytes, fileName: 'a.pdf' }
    const sent = await api.post(`/admin/contacts/${MAX}/messages`, { to: '491234567891', media })
    const place = `/admin/contacts/491234567891/messages`
    await api.get(`${place}/next?type=document`)
    expect((await api.get(`${place}/${sent.body.id}/file`)).body).toEqual({ bytes })
    const { body: files } = await api.get('/admin/media')
    expect(files).toMatchObject([{ type: 'document', status: 200 }])
    const raw = await api.post('/admin/media', { kind: 'image', bytes })
    expect(raw.body).toMatchObject({ directPath: expect.stringMatching('^/v/'), fileLength: 30 })
    expect((await api.post('/admin/media/faults', { status: 503 })).status).toBe(200)
    expect((await exchange(emulator, String(raw.body.url))).status).toBe(503)
    await fetch(`${emulator.controlUrl}/admin/media/faults`, { method: 'DELETE' })
    expect((await exchange(emulator, String(raw.body.url))).status).toBe(200)
    expect((await api.post('/admin/media/forget', {})).status).toBe(200)
    expect((await exchange(emulator, String(raw.body.url))).status).toBe(410)
    expect((await api.get(`${place}/${sent.body.id}/file`)).status).toBe(404)
    expect((await api.post('/admin/media/forget', { path: '/v/none' })).status).toBe(404)
  }))

test('the media hosts speak HTTP: ranges, HEAD, and what cannot be had', () =>
  withEmulator(async (emulator) => {
    const { url, directPath } = emulator.media.put(randomBytes(100), 'image') // 112 of ciphertext, 10 of HMAC
    const ask = (options: Asked = {}) => exchange(emulator, url, options)
    const whole = await ask()
    expect(whole).toMatchObject({ status: 200, headers: { 'accept-ranges': 'bytes', 'content-length': '122' } })
    for (const [range, status, contentRange, bytes] of [
      ['bytes=0-9', 206, 'bytes 0-9/122', whole.body.subarray(0, 10)],
      ['bytes=100-', 206, 'bytes 100-121/122', whole.body.subarray(100)],
      ['bytes=-5', 206, 'bytes 117-121/122', whole.body.subarray(117)],
      ['bytes=120-500', 206, 'bytes 120-121/122', whole.body.subarray(120)],
      ['bytes=122-', 416, 'bytes */122', Buffer.alloc(0)],
      ['bytes=1-2,4-5', 200, undefined, whole.body],
      ['bytes=9-1', 200, undefined, whole.body],
    ] as const) {
      const answer = await ask({ headers: { range } })
      expect([range, answer.status, answer.headers['content-range']]).toEqual([range, status, contentRange])
      expect(answer.body).toEqual(bytes)
    }
    const head = await ask({ method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '122' } })
    expect(head.body).toHaveLength(0)

    expect((await ask({ method: 'POST' })).status).toBe(405)
    const elsewhere = (path: string) => exchange(emulator, new URL(path, url).href)
    expect((await elsewhere('/v/t62.7118-24/1_2_n.enc')).status).toBe(404)
    const [path = ''] = directPath.split('?')
    expect((await elsewhere(path)).status).toBe(403)
    expect((await elsewhere(directPath.replace(/oe=./, 'oe=F'))).status).toBe(403)
    const name = nameOf(Buffer.from('x'))
    for (const path of [
      '/v/%',
      '/v/../../etc/passwd',
      `/v/${'a'.repeat(5000)}?oe=${'9'.repeat(500)}&oh=%00`,
      `/mms/image/%E0%A4%A?auth=${'.'.repeat(1000)}`,
      `/mms/image/${name}?file_offset=-1`,
      `/mms/image/${name}?auth=.&token=${name}&file_offset=NaN&resume=1`,
    ]) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        const { status } = await exchange(emulator, new URL(url).origin + path, {
          method,
          headers: { range: 'bytes=--' },
        })
        expect([400, 401, 404, 405]).toContain(status)
      }
    }
    emulator.media.forgets(directPath, 404)
    expect((await ask()).status).toBe(404)
    expect(emulator.media.files).toMatchObject([{ path, type: 'image', size: 122, status: 404 }])
  }))

test('an upload that is not what it claims is refused', () =>
  withTrouble(
    async (emulator, client) => {
      plainly(emulator)
      const alice = await client().link(emulator.phone(ALICE))
      const { auth, hosts } = await alice.sock.refreshMediaConn(true)
      const port = new URL(emulator.controlUrl).port
      expect(hosts.map(({ hostname }) => hostname)).toEqual([`127.0.0.1:${port}`, `localhost:${port}`])
      const body = randomBytes(900)
      const send = (given: { auth?: string; name?: string; token?: string; body?: Buffer }) => {
        const { name = nameOf(body), token = name } = given
        const query = new URLSearchParams({ auth: given.auth ?? auth, token })
        const url = `https://${hosts[0]?.hostname}/mms/document/${name}?${query}`
        return exchange(emulator, url, { method: 'POST', body: given.body ?? body })
      }
      expect((await send({ auth: 'nobody' })).status).toBe(401)
      expect((await send({ auth: `${auth}x` })).status).toBe(401)
      expect((await send({ name: 'photo.jpg' })).status).toBe(400)
      expect((await send({ token: nameOf(Buffer.from('other')) })).status).toBe(400)
      expect((await send({ body: randomBytes(900) })).status).toBe(400)
      expect((await send({ body: randomBytes(1001) })).status).toBe(413)
      expect(emulator.media.files).toEqual([])

      const taken = await send({})
      expect(taken.status).toBe(200)
      expect(JSON.parse(String(taken.body))).toEqual({
        url: expect.stringMatching(`^https://127.0.0.1:${port}/v/`),
        direct_path: expect.stringMatching(/^\/v\/.*&oe=[0-9A-F]+&/),
      })
      expect((await send({ name: `${nameOf(body)}=` })).status).toBe(200) // as whatsmeow writes it
      await emulator.clock.advance(6 * 3_600_000)
      expect((await send({})).status).toBe(401)
      await alice.sock.refreshMediaConn(true)
      await expect(alice.sock.sendMessage(jid(MAX), { document: randomBytes(2000), mimetype: 'x/y' })).rejects.toThrow(
        'failed on all hosts',
      )
    },
    { maxMediaBytes: 1000 },
  ))

test('an upload that breaks off is resumed where it ended', () =>
  withEmulator(async (emulator, client) => {
    plainly(emulator)
    const alice = await client().link(emulator.phone(ALICE))
    const { auth, hosts } = await alice.sock.refreshMediaConn(true)
    const body = randomBytes(700_000)
    const place = `https://${hosts[0]?.hostname}/mms/video/${nameOf(body)}?auth=${auth}&token=${nameOf(body)}`
    const progress = async () =>
      JSON.parse(String((await exchange(emulator, `${place}&resume=1`, { method: 'POST' })).body))
    expect(await progress()).toEqual({ resume: '0' })

    emulator.media.fails({ on: 'upload', cutAfter: 300_001, times: 1 })
    await expect(exchange(emulator, place, { method: 'POST', body })).rejects.toThrow()
    expect(await progress()).toEqual({ resume: '300001' })
    const wrong = await exchange(emulator, `${place}&file_offset=5`, { method: 'POST', body: body.subarray(5) })
    expect(wrong.status).toBe(409)
    const rest = { method: 'POST', body: body.subarray(300_001) }
    const { status } = await exchange(emulator, `${place}&file_offset=300001`, rest)
    expect(status).toBe(200)
    const done = await progress()
    expect(done).toMatchObject({ resume: 'complete', url: expect.any(String) })
    expect((await exchange(emulator, done.url)).body).toEqual(body)
  }))

test('a file that a client deletes is gone', () =>
  withEmulator(async (emulator, client) => {
    plainly(emulator)
    const alice = await client().link(emulator.phone(ALICE))
    const { auth, hosts } = await alice.sock.refreshMediaConn(true)
    const { fileEncSha256, url } = emulator.media.put(Buffer.from('history'), 'md-msg-hist')
    const token = fileEncSha256.toString('base64url')
    const place = `https://${hosts[0]?.hostname}/mms/md-msg-hist/${token}?auth=${auth}&token=${token}`
    expect((await exchange(emulator, place, { method: 'DELETE' })).status).toBe(200)
    expect((await exchange(emulator, url)).status).toBe(410)
  }))

interface Asked {
  method?: string
  headers?: Record<string, string>
  body?: Buffer
}

async function exchange({ tls }: Emulator, url: string, { body, ...options }: Asked = {}) {
  const asked = request(url, { ...options, ca: tls.ca, agent: false })
  asked.end(body)
  const [response] = await once(asked, 'response')
  const answer: Buffer[] = []
  for await (const chunk of response) answer.push(chunk)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(answer) }
}

/** How a client names what it uploads. */
function nameOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64url')
}
