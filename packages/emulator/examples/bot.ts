/**
 * What the other files here test: a small bot on plain Baileys that answers "ping" with "pong" and stays connected.
 * Knows nothing of the emulator: `url` is all that differs from one that talks to WhatsApp.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DisconnectReason, makeWASocket, useMultiFileAuthState, type WASocket } from '@whiskeysockets/baileys'

export interface Bot {
  /** Resolves with the text of the QR code that it shows. */
  readonly qr: Promise<string>
  /** The socket of now: there is a new one after each reconnect. */
  sock(): WASocket
  stop(): Promise<void>
}

export async function startBot(url: string): Promise<Bot> {
  const folder = mkdtempSync(join(tmpdir(), 'ping-bot-'))
  const { state, saveCreds } = await useMultiFileAuthState(folder)
  const { promise: qr, resolve: showQr } = Promise.withResolvers<string>()
  let isStopping = false
  let sock: WASocket

  const connect = () => {
    sock = makeWASocket({ auth: state, waWebSocketUrl: url, logger: silent })
    sock.ev.on('creds.update', saveCreds)
    sock.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
      if (qr) showQr(qr)
      // Errors of Baileys are Booms.
      const why = (lastDisconnect?.error as { output?: { statusCode?: number } } | undefined)?.output?.statusCode
      if (connection === 'close' && !isStopping && why !== DisconnectReason.loggedOut) connect()
    })
    sock.ev.on('messages.upsert', async ({ messages }) => {
      for (const { key, message } of messages) {
        const text = message?.conversation ?? message?.extendedTextMessage?.text
        if (!key.fromMe && key.remoteJid && text === 'ping') await sock.sendMessage(key.remoteJid, { text: 'pong' })
      }
    })
  }
  connect()

  return {
    qr,
    sock: () => sock,
    stop: async () => {
      isStopping = true
      await sock.end(undefined)
      await saveCreds()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const quiet = () => undefined
// Baileys asks for its ILogger, which this is.
const silent = {
  level: 'silent',
  child: () => silent,
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
} as never
