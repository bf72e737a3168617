/** A server without a sandbox, whose WhatsApp is an emulator in another process. Prints its URL. */
import { trustEmulator } from '@wamux/emulator'
import { createServer } from '@wamux/server'

const { EMULATOR, DATA, PACING_MIN = '1500', PACING_MAX = '3000' } = process.env
if (!EMULATOR || !DATA) throw new Error('EMULATOR and DATA are needed.')
const root = await fetch(`${EMULATOR}/admin/noise-root`)
const { publicKey } = (await root.json()) as { publicKey: string }
trustEmulator(Buffer.from(publicKey, 'base64'))
const server = await createServer({
  data: DATA,
  port: 0,
  adminPassword: 'correct horse battery staple',
  pacingMinMs: Number(PACING_MIN),
  pacingMaxMs: Number(PACING_MAX),
  allowLoopback: true,
  baileys: { waWebSocketUrl: `${EMULATOR.replace('http', 'ws')}/ws/chat` },
})
console.log(`server ${server.url}`)
