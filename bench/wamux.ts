import { SessionManager } from '@wamux/core'
import type { Link } from './arm.ts'

let manager: Promise<SessionManager> | undefined

/**
 * The SDK as it is, on its SQLite file or a PostgreSQL database with every commit flushed; only the pause between messages
 * is off.
 */
export const linkWamux: Link = async ({ index, emulator, data, scan }) => {
  manager ??= start(emulator, data)
  const sessions = await manager
  const id = `bench-${index}`
  const known = sessions.sessions().some((session) => session.id === id)
  const session = known ? sessions.session(id) : await sessions.create({ id })
  if (session.snapshot().state !== 'ready') {
    const ready = new Promise<void>((resolve) => session.once('ready', () => resolve()))
    session.once('qr', ({ data: { qr } }) => scan(qr))
    await ready
  }
  let listener = () => {}
  session.on('message', ({ data: { isFromMe } }) => {
    if (!isFromMe) listener()
  })
  return {
    onMessage: (heard) => {
      listener = heard
    },
    send: async (to, text) => {
      const { status } = await session.send(to, text)
      if (status !== 'sent') throw new Error(`The message is ${status}.`)
    },
    save: async () => {}, // it always is
  }
}

async function start(emulator: string, data: string): Promise<SessionManager> {
  const { trustEmulator } = await import('@wamux/emulator')
  const root = await fetch(`${emulator}/admin/noise-root`)
  const { publicKey } = (await root.json()) as { publicKey: string }
  trustEmulator(Buffer.from(publicKey, 'base64'))
  const { DATABASE } = process.env
  const made = new SessionManager({
    data,
    ...(DATABASE !== undefined && { database: DATABASE }),
    pacing: { minMs: 0, maxMs: 0 },
    sendWaitMs: 60_000,
    baileys: { waWebSocketUrl: `${emulator.replace('http', 'ws')}/ws/chat` },
  })
  await made.start()
  return made
}
