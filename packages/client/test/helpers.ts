import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmulator, type Emulator, trustEmulator } from '@wamux/emulator'
import { createServer, type Server } from '@wamux/server'
import { type Client, createClient } from '../src/index.ts'

export const PASSWORD = 'correct horse battery staple'

export interface Product {
  emulator: Emulator
  server: Server
  /** With the admin token. */
  admin: Client
  /** With the key of the instance `demo`, which is linked. */
  bot: Client
  key: string
  end: () => Promise<void>
}

/** The whole product on loopback: a network, a server, an instance that is linked. */
export async function product(): Promise<Product> {
  const data = await mkdtemp(join(tmpdir(), 'wamux-client-'))
  const emulator = await createEmulator()
  trustEmulator(emulator.rootPublicKey)
  const server = await createServer({
    port: 0,
    data,
    adminPassword: PASSWORD,
    pacingMinMs: 0,
    pacingMaxMs: 0,
    allowLoopback: true,
    baileys: emulator.socketConfig,
  })
  const { manager } = server
  const ready = new Promise<void>((resolve) => manager.once('ready', () => resolve()))
  const qr = new Promise<string>((resolve) => manager.once('qr', ({ data }) => resolve(data.qr)))
  const admin = createClient({ url: server.url })
  await admin.login({ username: 'admin', password: PASSWORD })
  const { apiKey } = await admin.sessions.create({ id: 'demo' })
  await emulator.phone('4915100000001', { name: 'Demo' }).scans(await qr)
  await ready
  return {
    emulator,
    server,
    admin,
    bot: createClient({ url: server.url, apiKey }),
    key: apiKey,
    end: async () => {
      await server.close()
      await emulator.close()
      await rm(data, { recursive: true, force: true })
    },
  }
}
