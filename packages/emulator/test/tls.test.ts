import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientRequestArgs, get } from 'node:http'
import { Agent, request } from 'node:https'
import { type AddressInfo, connect as connectPlain, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import { createEmulator, type TlsEndpoint, trustEmulator } from '../src/index.ts'
import { Client, withEmulator } from './baileys.ts'
import { CliProcess } from './cli-process.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const NAMES = [
  'localhost',
  'mmg.whatsapp.net',
  'mmg-fallback.whatsapp.net',
  'pps.whatsapp.net',
  'media-fra3-1.cdn.whatsapp.net',
  'web.whatsapp.com',
]

interface Answer {
  status: number
  type: string
  body: string
}

/** One HTTPS request; the CA is given, because Node's own `fetch` takes none. */
async function ask(url: string, options: { ca?: string; method?: string; body?: object } = {}): Promise<Answer> {
  const { body, ...rest } = options
  const asked = request(url, { ...rest, agent: false })
  asked.end(body && JSON.stringify(body))
  const [response] = await once(asked, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, type: response.headers['content-type'], body: text }
}

/** What a client sees of the server: its certificate, after a handshake for this name. */
async function leafOf({ url, ca }: TlsEndpoint, servername: string): Promise<X509Certificate> {
  const { port } = new URL(url)
  const socket = connect({ host: '127.0.0.1', port: Number(port), ca, servername })
  await once(socket, 'secureConnect')
  const leaf = socket.getPeerX509Certificate()
  socket.destroy()
  if (!leaf) throw new Error('the server showed no certificate')
  return leaf
}

/** Connects a client that is not going to get through. Resolves with the reason that Baileys gives. */
async function failureOf(client: Client): Promise<string> {
  client.connect()
  const failure = new Promise<string>((resolve) => {
    client.sock.ev.on('connection.update', ({ lastDisconnect }) => {
      if (lastDisconnect) resolve(String(lastDisconnect.error))
    })
  })
  return failure
}

test('plain Baileys links and chats over wss when it trusts the CA, on the port on which another one uses ws', () =>
  withEmulator(async (emulator, client) => {
    const { url, ca } = emulator.tls
    expect(url).toBe(emulator.url.replace('ws:', 'wss:'))
    const agent = new Agent({ ca })
    const alice = await client({ waWebSocketUrl: url, agent }).link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone('15550001002'))
    const max = emulator.contact(MAX)
    await alice.says(max.phone, 'Hallo')
    await max.hears('Hallo')
    await max.says(ALICE, 'Selber hallo')
    await alice.hears('Selber hallo')
    await alice.says('15550001002', 'von wss nach ws')
    await bob.hears('von wss nach ws')

    emulator.faults.kick(ALICE, 'drop')
    await alice.closed()
    await alice.connect().opened()
    await alice.says(max.phone, 'wieder da')
    await max.hears('wieder da')
  }))

test('a client without the CA is refused by its own check', () =>
  withEmulator(
    async (emulator, client) => {
      const { url, controlUrl } = emulator.tls
      const stranger = client({ waWebSocketUrl: url })
      expect(await failureOf(stranger)).toMatch(/self-signed|unable to verify|local issuer/)
      expect(stranger.qr).toBeUndefined()
      await expect(ask(`${controlUrl}/admin/health`)).rejects.toMatchObject({
        code: expect.stringMatching(/UNABLE_TO_VERIFY|SELF_SIGNED|ISSUER/),
      })
    },
    { tlsPort: 0 },
  ))

test('the control API is the same over HTTPS', () =>
  withEmulator(
    async (emulator) => {
      const { url, controlUrl, ca } = emulator.tls
      const made = await ask(`${controlUrl}/admin/contacts`, { ca, method: 'POST', body: { phone: MAX, name: 'Max' } })
      expect(made.status).toBe(200)
      expect(emulator.contact(MAX).name).toBe('Max')
      const health = await ask(`${controlUrl}/admin/health`, { ca })
      expect(JSON.parse(health.body)).toMatchObject({ status: 'ok', contacts: 1 })
      expect((await ask(`${controlUrl}/admin/nothing`, { ca })).status).toBe(404)
      expect(new URL(url).host).toBe(new URL(controlUrl).host)

      const secure = await ask(`${controlUrl}/admin/ca.pem`, { ca })
      expect(secure).toEqual({ status: 200, type: 'text/plain; charset=utf-8', body: ca })
      const plain = await fetch(`${emulator.controlUrl}/admin/ca.pem`)
      expect(await plain.text()).toBe(ca)
    },
    { tlsPort: 0 },
  ))

test('a TLS port of its own is named by `tls`, and both ports serve both', () =>
  withEmulator(
    async (emulator) => {
      const { controlUrl, ca } = emulator.tls
      expect(new URL(controlUrl).port).not.toBe(new URL(emulator.controlUrl).port)
      for (const url of [controlUrl, emulator.controlUrl]) {
        const secure = await ask(`${url.replace('http:', 'https:')}/admin/ca.pem`, { ca })
        expect(secure.body).toBe(ca)
        const plain = await fetch(`${url.replace('https:', 'http:')}/admin/ca.pem`)
        expect(await plain.text()).toBe(ca)
      }
    },
    { tlsPort: 0 },
  ))

test('the CA verifies the certificate of the server, for every name', () =>
  withEmulator(
    async (emulator) => {
      const tls = emulator.tls
      const ca = new X509Certificate(tls.ca)
      expect(ca.ca).toBe(true)
      expect(ca.verify(ca.publicKey)).toBe(true)
      for (const name of NAMES) {
        const leaf = await leafOf(tls, name)
        expect(leaf.checkHost(name)).toBeDefined()
        expect(leaf.checkIssued(ca)).toBe(true)
        expect(leaf.verify(ca.publicKey)).toBe(true)
      }
      const leaf = await leafOf(tls, 'localhost')
      expect(leaf.ca).toBe(false)
      expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1')
      expect(leaf.checkIP('::1')).toBeDefined()
      expect(leaf.checkHost('example.com')).toBeUndefined()
      expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
      const year = 365 * 86_400_000
      for (const { validFrom, validTo } of [ca, leaf]) {
        expect(Date.parse(validFrom)).toBeLessThan(Date.now())
        expect(Date.parse(validTo)).toBeGreaterThan(Date.now() + 1.9 * year)
      }
    },
    { tlsPort: 0 },
  ))

test('a restart with the same file keeps the CA; another network has another one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const start = () => createEmulator({ file: join(folder, 'network.db'), tlsPort: 0 })
  try {
    const first = await start()
    const { ca } = first.tls
    const before = await leafOf(first.tls, 'localhost')
    await first.close()
    const second = await start()
    expect(second.tls.ca).toBe(ca)
    const after = await leafOf(second.tls, 'localhost')
    expect(after.verify(new X509Certificate(ca).publicKey)).toBe(true)
    expect(after.serialNumber).not.toBe(before.serialNumber)
    await second.close()
    const other = await createEmulator({ tlsPort: 0 })
    expect(other.tls.ca).not.toBe(ca)
    await other.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('closing does not wait for somebody who never finishes the TLS handshake', async () => {
  const emulator = await createEmulator({ tlsPort: 0 })
  const dawdler = connectPlain(Number(new URL(emulator.tls.url).port), '127.0.0.1')
  dawdler.on('error', () => undefined) // being reset is as good as being closed
  await once(dawdler, 'connect')
  const cut = once(dawdler, 'close')
  // The server has accepted it by the time it answers on a connection that was made later.
  await leafOf(emulator.tls, 'localhost')
  await emulator.close()
  await cut
})

test('a TLS port that is taken is an error, and both ports are free again', async () => {
  const occupier = createServer().listen(0, '127.0.0.1')
  await once(occupier, 'listening')
  const taken = (occupier.address() as AddressInfo).port // it listens on TCP
  const free = await createEmulator()
  const port = Number(new URL(free.url).port)
  await free.close()
  await expect(createEmulator({ port, tlsPort: taken })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const again = await createEmulator({ port })
  await again.close()
  occupier.close()
})

test('an agent does not lead around the guard of a process that trusts the emulator', async () => {
  trustEmulator(Buffer.alloc(32, 1))
  const agent = new Agent()
  for (const url of ['wss://web.whatsapp.com/ws/chat', 'wss://192.0.2.1/ws/chat']) {
    expect(await failureOf(new Client({ url }, { agent }))).toContain('was not dialled')
    expect(await failureOf(new Client({ url }))).toContain('was not dialled')
  }
  const toWhatsApp: ClientRequestArgs = { host: 'mmg.whatsapp.net', port: 80 }
  const [error] = await once(get(toWhatsApp), 'error')
  expect(String(error)).toContain('was not dialled')
})

test('--tls-port 0 prints where it listens and how to trust it; a kill keeps the CA', async () => {
  const emulator = await new CliProcess().start('--tls-port', '0')
  try {
    const { publicKey } = await emulator.get<{ publicKey: string }>('/admin/noise-root')
    trustEmulator(Buffer.from(publicKey, 'base64'))
    expect(emulator.output.join('\n')).toContain('NODE_EXTRA_CA_CERTS=')
    const caNow = async () => (await fetch(`${emulator.controlUrl}/admin/ca.pem`)).text()
    const ca = await caNow()
    const agent = new Agent({ ca })
    const client = new Client({ url: emulator.wssUrl }, { agent }).connect()
    await emulator.post(`/admin/mock-phone/scan-qr?phone=${ALICE}`, await client.until(() => client.qr))
    await client.opened()
    await client.end()

    const pem = join(emulator.folder, 'ca.pem')
    writeFileSync(pem, ca)
    const https = emulator.wssUrl.replace('wss:', 'https:').replace('/ws/chat', '/admin/health')
    const program = `fetch('${https}').then((response) => console.log(response.status))`
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: pem }
    expect(execFileSync(process.execPath, ['-e', program], { env, encoding: 'utf8' })).toBe('200\n')

    await emulator.kill()
    await emulator.start('--tls-port', '0')
    expect(await caNow()).toBe(ca)
  } finally {
    await emulator.end()
  }
}, 60_000)

test('a greeting that comes in pieces is understood, with TLS and without', () =>
  withEmulator(async (emulator) => {
    const { hostname, port } = new URL(emulator.controlUrl)
    const plain = connectPlain(Number(port), hostname)
    plain.write('G')
    await once(plain, 'connect')
    plain.write('ET /admin/health HTTP/1.1\r\nhost: x\r\n\r\n')
    const [answer] = await once(plain, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 OK/)
    plain.destroy()

    // A socket that lets everything through byte by byte, as a slow line does.
    const line = connectPlain({ port: Number(port), host: hostname, noDelay: true })
    const slow = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        line.write(chunk.subarray(0, 1))
        line.write(chunk.subarray(1), () => done())
      },
    })
    line.on('data', (chunk) => slow.push(chunk))
    const secure = connect({ socket: slow, ca: emulator.tls.ca, servername: 'localhost' })
    await once(secure, 'secureConnect')
    expect(secure.authorized).toBe(true)
    secure.destroy()
    line.destroy()
  }))
