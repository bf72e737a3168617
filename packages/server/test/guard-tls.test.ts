import { createServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { issueCertificate, newKeys } from '../../emulator/src/tls/certificate.ts'
import { LOOPBACK } from '../src/webhooks/addresses.ts'
import { OutboundGuard } from '../src/webhooks/guard.ts'
import { httpServer } from './http-server.ts'

const open = new OutboundGuard(LOOPBACK)
const DAY_MS = 86_400_000
const authority = newKeys()
const days = (from: number, until: number) => ({
  notBefore: new Date(Date.now() + from * DAY_MS),
  notAfter: new Date(Date.now() + until * DAY_MS),
})
const certificate = (names: string[], { from = -1, until = 1, by = authority, keys = newKeys() } = {}) => ({
  key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  cert: issueCertificate({
    subject: names[0] ?? 'authority',
    issuer: 'authority',
    publicKey: keys.publicKey,
    issuerKeys: by,
    names,
    ...days(from, until),
  }),
})

const trusted = getCACertificates()
beforeAll(() => setDefaultCACertificates([...trusted, certificate([], { keys: authority }).cert]))
afterAll(() => setDefaultCACertificates(trusted))

async function listens(server: Server): Promise<number> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port // it listens on TCP
}

/** A receiver with this certificate; how many requests it has seen. */
async function receiver(of: { key: string | Buffer; cert: string }) {
  const seen = { requests: 0 }
  const server = createServer(of, (_, response) => {
    seen.requests++
    response.end()
  })
  onTestFinished(() => server.closeAllConnections())
  return { seen, port: await listens(server) }
}

test('a receiver whose certificate holds is told', async () => {
  const { port, seen } = await receiver(certificate(['127.0.0.1', 'localhost']))
  for (const host of ['127.0.0.1', 'localhost'])
    expect(await open.post(`https://${host}:${port}/`, '{}', {})).toEqual({ ok: true, status: 200 })
  expect(seen.requests).toBe(2)
})

test.each([
  ['is over', certificate(['127.0.0.1'], { from: -9, until: -2 }), 'certificate has expired'],
  ['is not valid yet', certificate(['127.0.0.1'], { from: 2, until: 9 }), 'certificate is not yet valid'],
  ['is of another host', certificate(['example.com']), 'does not match'],
  ['was issued by nobody known', certificate(['127.0.0.1'], { by: newKeys() }), 'certificate'],
])('a receiver whose certificate %s is told nothing', async (_, of, error) => {
  const { port, seen } = await receiver(of)
  expect(await open.post(`https://127.0.0.1:${port}/`, '{"body":"geheim"}', {})).toMatchObject({
    ok: false,
    status: null,
    error: expect.stringContaining(error),
  })
  expect(seen.requests).toBe(0)
})

test('nor is one that signs for itself', async () => {
  const keys = newKeys()
  const { port, seen } = await receiver(certificate(['127.0.0.1'], { by: keys, keys }))
  expect(await open.post(`https://127.0.0.1:${port}/`, '{}', {})).toMatchObject({ ok: false, status: null })
  expect(seen.requests).toBe(0)
})

test('plain HTTP where TLS is expected, and the other way round, are failures', async () => {
  const plain = await httpServer()
  expect(await open.post(plain.url.replace('http:', 'https:'), '{}', {})).toMatchObject({ ok: false, status: null })
  expect(plain.counts.requests).toBe(0)
  const { port, seen } = await receiver(certificate(['127.0.0.1']))
  expect(await open.post(`http://127.0.0.1:${port}/`, '{}', {})).toMatchObject({ ok: false })
  expect(seen.requests).toBe(0)
})

test('a connection that is cut in the middle of the handshake is a failure', async () => {
  const port = await listens(createTcpServer((socket) => void socket.once('data', () => socket.resetAndDestroy())))
  expect(await open.post(`https://127.0.0.1:${port}/`, '{}', {})).toMatchObject({ ok: false, status: null })
})
