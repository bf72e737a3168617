import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import makeWASocket, {
  type AuthenticationCreds,
  type BinaryNode,
  BufferJSON,
  initAuthCreds,
} from '@whiskeysockets/baileys'
import type { Account, Link } from './arm.ts'
import { type Keys, memoryKeys, sqliteKeys } from './keys.ts'

interface Saved {
  creds: AuthenticationCreds
  kept: [string, unknown][]
}

/** Baileys as it is, with keys in memory: nothing is written to a disk, nothing survives. The ceiling. */
export const linkRaw: Link = (options) => {
  const file = join(options.data, `${options.index}.json`)
  const saved: Saved | undefined = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'), BufferJSON.reviver)
    : undefined
  const keys = memoryKeys(saved?.kept)
  return link(options, saved?.creds ?? initAuthCreds(), keys, async (creds) => {
    mkdirSync(options.data, { recursive: true })
    writeFileSync(file, JSON.stringify({ creds, kept: keys.all() } satisfies Saved, BufferJSON.replacer))
  })
}

/** Baileys as it is on keys that are flushed to disk: what survives is the account, not a message. */
export const linkRawSqlite: Link = async (options) => {
  const file = join(options.data, `${options.index}.creds.json`)
  const saved: AuthenticationCreds | undefined = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'), BufferJSON.reviver)
    : undefined
  return link(options, saved ?? initAuthCreds(), sqliteKeys(options.data, options.index), async (creds) => {
    writeFileSync(file, JSON.stringify(creds, BufferJSON.replacer))
  })
}

async function link(
  { emulator, scan }: Parameters<Link>[0],
  creds: AuthenticationCreds,
  keys: Keys,
  save: (creds: AuthenticationCreds) => Promise<void>,
): Promise<Account> {
  const acks = new Map<string, () => void>()
  let listener = () => {}
  const connect = (): Promise<ReturnType<typeof makeWASocket>> =>
    new Promise((resolve, reject) => {
      const sock = makeWASocket({
        auth: { creds, keys },
        waWebSocketUrl: `${emulator.replace('http', 'ws')}/ws/chat`,
        logger: silent,
        markOnlineOnConnect: false,
      })
      sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => acks.get(attrs.id ?? '')?.())
      sock.ev.on('messages.upsert', ({ type, messages }) => {
        if (type === 'notify') for (const { key } of messages) if (!key.fromMe) listener()
      })
      sock.ev.on('creds.update', (update) => Object.assign(creds, update))
      sock.ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
        if (qr) scan(qr).catch(reject)
        if (connection === 'open') resolve(sock)
        if (connection !== 'close') return
        const status = (lastDisconnect?.error as { output?: { statusCode?: number } } | undefined)?.output?.statusCode
        if (status === 515) connect().then(resolve, reject)
        else reject(lastDisconnect?.error ?? new Error('closed'))
      })
    })
  const sock = await connect()
  return {
    send: async (to, text) => {
      const sent = await sock.sendMessage(`${to}@s.whatsapp.net`, { text })
      const id = sent?.key.id ?? ''
      await new Promise<void>((acked) => acks.set(id, acked))
      acks.delete(id)
    },
    onMessage: (heard) => {
      listener = heard
    },
    save: () => save(creds),
  }
}

const silent = {
  level: 'silent',
  child: () => silent,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}
