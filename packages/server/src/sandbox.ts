import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isWamuxError, type Session, type SessionManager, WamuxError } from '@wamux/core'
import { apiKeys } from '@wamux/core/stores'
import type { Emulator } from '@wamux/emulator'
import { makeKey, readKey } from './auth/api-keys.ts'
import { ConfigError } from './config.ts'
import { createServer, type Server, type ServerOptions } from './server.ts'

/** The whole product without a phone: server and emulator in one process, one instance linked, one contact that answers. */
export interface Sandbox {
  server: Server
  emulatorUrl: string
  apiKey: string
  /** The generated password; undefined when one was given. */
  adminPassword: string | undefined
  /** Where both are kept. */
  file: string
  close(): Promise<void>
}

export interface SandboxOptions extends Omit<ServerOptions, 'manager' | 'baileys' | 'data'> {
  data: string
  emulatorPort: number
}

interface Kept {
  apiKey: string
  adminPassword: string
}

export const DEMO = 'demo'
export const CONTACT = { phone: '491234567890', name: 'Max Mustermann' }
const PHONE = { phone: '4915112345678', name: 'Demo' }
const PATIENCE_MS = 30_000

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { data, emulatorPort, logger, adminPassword, ...rest } = options
  await mkdir(data, { recursive: true, mode: 0o700 })
  const file = join(data, 'sandbox.json')
  const kept = await keep(file)
  // Only here: without the sandbox the emulator, and its certificates, are never loaded.
  const { createEmulator, trustEmulator } = await import('@wamux/emulator')
  const log = (line: string) => logger?.warn({ line }, 'emulator')
  const emulator = await createEmulator({ port: emulatorPort, file: join(data, 'emulator.db'), log }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error
      throw new WamuxError('PORT_IN_USE', `Port ${emulatorPort} is in use.`, { port: emulatorPort }, { cause: error })
    },
  )
  let server: Server | undefined
  try {
    trustEmulator(emulator.rootPublicKey)
    emulator.contact(CONTACT.phone, { name: CONTACT.name, behaviour: 'polite' })
    server = await createServer({
      ...rest,
      ...(logger && { logger }),
      data,
      adminPassword: adminPassword ?? kept.adminPassword,
      allowLoopback: true,
      baileys: emulator.socketConfig,
    })
    await linkDemo(server.manager, emulator, kept.apiKey)
    const running = server
    return {
      server,
      emulatorUrl: emulator.controlUrl,
      apiKey: kept.apiKey,
      adminPassword: adminPassword === undefined ? kept.adminPassword : undefined,
      file,
      close: async () => {
        await running.close()
        await emulator.close()
      },
    }
  } catch (error) {
    await server?.close()
    await emulator.close()
    throw error
  }
}

/** What the first start made up; written before it is used, so that a crash in between changes nothing. */
async function keep(file: string): Promise<Kept> {
  const known = await readKept(file)
  if (known) return known
  const made: Kept = { apiKey: makeKey().apiKey, adminPassword: randomBytes(18).toString('base64url') }
  await writeFile(`${file}.new`, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return made
}

async function readKept(file: string): Promise<Kept | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const { apiKey, adminPassword } = parse(text)
  if (typeof apiKey !== 'string' || !readKey(apiKey) || typeof adminPassword !== 'string') {
    throw new ConfigError(`${file} is not what the sandbox wrote. Put it back, or delete the folder to begin again.`)
  }
  return { apiKey, adminPassword }
}

/** What is no JSON has none of the fields either. */
function parse(text: string): Partial<Kept> {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

/** Creates and links the instance when there is none. One that is there connects by itself, as the same device. */
async function linkDemo(manager: SessionManager, emulator: Emulator, apiKey: string): Promise<void> {
  const known = manager.sessions().find(({ id }) => id === DEMO)
  const { state, reason } = (await known?.info()) ?? {}
  // Somebody stopped it or logged it out: that is how it stays.
  const isResting = state === 'stopped' || state === 'logged_out'
  const isUnlinked = !known || (state === 'failed' && reason === 'LINKING_EXPIRED')
  if (isResting || (state === 'failed' && !isUnlinked)) return
  await until(
    manager,
    PATIENCE_MS,
    async (qr) => {
      await emulator.phone(PHONE.phone, { name: PHONE.name }).scans(qr)
    },
    async () => {
      if (!known) await create(manager, apiKey)
      else if (isUnlinked) await known.start()
      return manager.session(DEMO)
    },
  )
}

async function create(manager: SessionManager, apiKey: string): Promise<void> {
  const key = readKey(apiKey)
  if (!key) throw new Error('The key of the sandbox is not a key.')
  await manager.create({
    id: DEMO,
    name: 'Demo',
    setup: () => apiKeys.add({ id: key.id, session: DEMO, hash: key.hash, createdAt: Date.now() }),
  })
}

/** Resolves when the session that `begin` gives is ready; every QR on the way is scanned. */
async function until(
  manager: SessionManager,
  ms: number,
  scan: (qr: string) => Promise<void>,
  begin: () => Promise<Session>,
): Promise<void> {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  const scanned = new Set<string>()
  const scanOnce = async (qr: string) => {
    if (scanned.has(qr)) return
    scanned.add(qr)
    await scan(qr).catch(reject)
  }
  const onQr = async ({ sessionId, data }: { sessionId: string; data: { qr: string } }) => {
    if (sessionId === DEMO) await scanOnce(data.qr)
  }
  const onReady = ({ sessionId }: { sessionId: string }) => {
    if (sessionId === DEMO) resolve()
  }
  const late = () => reject(new WamuxError('WHATSAPP_TIMEOUT', 'The demo instance did not become ready.'))
  const timer = setTimeout(late, ms)
  manager.on('qr', onQr)
  manager.on('ready', onReady)
  try {
    const session = await begin()
    // It may have been quicker than the listeners.
    if ((await session.info()).state === 'ready') resolve()
    const { qr } = await session.qr().catch((error: unknown) => {
      if (isWamuxError(error)) return { qr: null }
      throw error
    })
    if (qr !== null) await scanOnce(qr)
    await promise
  } finally {
    clearTimeout(timer)
    manager.off('qr', onQr)
    manager.off('ready', onReady)
  }
}
