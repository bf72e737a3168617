import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import makeWASocket, {
  type AuthenticationCreds,
  type BinaryNode,
  BufferJSON,
  initAuthCreds,
  type SignalDataSet,
  type SignalDataTypeMap,
} from '@whiskeysockets/baileys'
import type { Link } from './arm.ts'

interface Saved {
  creds: AuthenticationCreds
  kept: [string, unknown][]
}

/** Baileys as it is, with keys in memory: nothing is written to a disk, nothing survives. The ceiling. */
export const linkRaw: Link = async ({ index, emulator, data, scan }) => {
  const file = join(data, `${index}.json`)
  const saved: Saved | undefined = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'), BufferJSON.reviver)
    : undefined
  const creds = saved?.creds ?? initAuthCreds()
  const kept = new Map<string, unknown>(saved?.kept)
  const keys = {
    get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
      const found: { [id: string]: SignalDataTypeMap[T] } = {}
      for (const id of ids) {
        const value = kept.get(`${type}/${id}`)
        if (value !== undefined) found[id] = value as SignalDataTypeMap[T] // put there by set() below
      }
      return found
    },
    set: async (data: SignalDataSet) => {
      for (const [type, values] of Object.entries(data)) {
        for (const [id, value] of Object.entries(values ?? {})) {
          if (value === null) kept.delete(`${type}/${id}`)
          else kept.set(`${type}/${id}`, value)
        }
      }
    },
  }
  const acks = new Map<string, () => void>()
  const connect = (): Promise<ReturnType<typeof makeWASocket>> =>
    new Promise((resolve, reject) => {
      const sock = makeWASocket({
        auth: { creds, keys },
        waWebSocketUrl: `${emulator.replace('http', 'ws')}/ws/chat`,
        logger: silent,
        markOnlineOnConnect: false,
      })
      sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => acks.get(attrs.id ?? '')?.())
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
    save: async () => {
      mkdirSync(data, { recursive: true })
      writeFileSync(file, JSON.stringify({ creds, kept: [...kept] } satisfies Saved, BufferJSON.replacer))
    },
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
