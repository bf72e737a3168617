import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** What somebody gets who installs the published packages: not the workspace, but its tarballs, in an empty project. */
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NAMES = ['core', 'server', 'client', 'emulator']
const run = promisify(execFile)

const project = mkdtempSync(join(tmpdir(), 'wamux-packages-'))
afterAll(() => rmSync(project, { recursive: true }))

beforeAll(async () => {
  const { isOutdated } = (await import(new URL('../scripts/outdated.mjs', import.meta.url).href)) as {
    isOutdated(): boolean
  }
  if (isOutdated()) await run('npm', ['run', '--silent', 'build'], { cwd: ROOT })
  const tarballs = join(project, 'tarballs')
  mkdirSync(tarballs)
  for (const name of NAMES) {
    await run('npm', ['pack', '--pack-destination', tarballs], { cwd: join(ROOT, 'packages', name) })
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'somebody', private: true, type: 'module' }))
  const files = readdirSync(tarballs).map((file) => join(tarballs, file))
  // Without the workspace's override of better-sqlite3, as everybody's project is: @keyv/sqlite brings an old copy of
  // its own, which is left unbuilt here and must never be loaded.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  await run('npm', ['install', ...flags, ...files], { cwd: project })
}, 300_000)

/** A module of that project. */
async function node(text: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', text], { cwd: project })
  return stdout.trim()
}

test('each tarball holds its build, and nothing that only the repository needs', async () => {
  for (const name of NAMES) {
    const folder = join(project, 'node_modules', '@wamux', name)
    const found = readdirSync(folder)
    expect([name, found.filter((entry) => entry === 'src' || entry === 'test' || entry === 'tsconfig.json')]).toEqual([
      name,
      [],
    ])
    expect(found).toContain('dist')
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies?: object }
    expect(Object.keys(manifest.dependencies ?? {})).not.toContain('@wamux/contract')
  }
})

test('what the packages export is there', async () => {
  const text = `
    import * as core from '@wamux/core'
    import * as stores from '@wamux/core/stores'
    import * as testing from '@wamux/core/testing'
    import * as server from '@wamux/server'
    import * as client from '@wamux/client'
    import * as emulator from '@wamux/emulator'
    const all = { core, stores, testing, server, client, emulator }
    console.log(JSON.stringify(Object.fromEntries(Object.entries(all).map(([name, one]) => [name, Object.keys(one)]))))`
  expect(JSON.parse(await node(text))).toEqual({
    core: expect.arrayContaining(['SessionManager', 'Session', 'WamuxError', 'isWamuxError']),
    stores: expect.any(Array),
    testing: expect.arrayContaining(['testStore', 'testKeys', 'slowStore']),
    server: expect.arrayContaining(['createServer', 'loadConfig', 'ConfigError']),
    client: expect.arrayContaining(['createClient', 'webhooks', 'WamuxClientError', 'isWamuxClientError']),
    emulator: expect.arrayContaining(['createEmulator', 'trustEmulator']),
  })
})

test('the packages work together: a message goes from the client through the server to a contact', async () => {
  const text = `
    import { createClient } from '@wamux/client'
    import { createEmulator, trustEmulator } from '@wamux/emulator'
    import { createServer } from '@wamux/server'
    const emulator = await createEmulator({ strict: true })
    trustEmulator(emulator.rootPublicKey)
    const max = emulator.contact('491234567890', { name: 'Max Mustermann' })
    const server = await createServer({
      port: 0, data: './together', adminPassword: 'correct horse battery staple', baileys: emulator.socketConfig,
    })
    const ready = new Promise((told) => server.manager.once('ready', told))
    server.manager.once('qr', ({ data }) => emulator.phone('491700000001').scans(data.qr))
    const client = createClient({ url: server.url })
    await client.login({ username: 'admin', password: 'correct horse battery staple' })
    await client.sessions.create({ id: 'demo' })
    await ready
    await client.session('demo').send('491234567890', 'Hallo!')
    console.log((await max.hears()).text)
    await server.close()
    await emulator.close()
    process.exit()`
  expect(await node(text)).toBe('Hallo!')
})

test('a program that uses each of them is well typed', async () => {
  writeFileSync(
    join(project, 'program.ts'),
    `import { createClient, isWamuxClientError, type Message, type SessionApi, webhooks } from '@wamux/client'
import { isWamuxError, SessionManager, type SessionApi as CoreSessionApi } from '@wamux/core'
import { createEmulator, type Emulator } from '@wamux/emulator'
import { createServer, type Server } from '@wamux/server'

const emulator: Emulator = await createEmulator({ port: 0 })
const manager = new SessionManager({ data: './data', baileys: emulator.socketConfig })
manager.on('message', ({ data, sessionId }) => {
  const body: string = data.body
  void manager.session(sessionId).send(data.from, body)
})
manager.on('message_ack', ({ data }) => {
  const code: 2 | 3 | 4 = data.ackCode
  return code
})
const server: Server = await createServer({ port: 0, manager })
const client = createClient({ url: server.url, apiKey: 'wapi_' })

/** The same code for both: one interface. */
async function first(session: SessionApi & CoreSessionApi): Promise<Message | undefined> {
  return (await session.recentMessages({ limit: 1 })).data[0]
}
await first(client.session('demo'))
await first(manager.session('demo'))

const event = await webhooks.verify('{}', new Headers(), 'secret')
if (event.event === 'message') event.data.contactName.toUpperCase()
// @ts-expect-error what is not in the contract is not there
event.nothing

try {
  // @ts-expect-error a phone and a message
  await client.gateway.sendMessage({ phone: 491234567890 })
} catch (error) {
  if (isWamuxClientError(error, 'WHATSAPP_DISCONNECTED')) error.details.state satisfies string
  if (isWamuxError(error, 'NOT_ON_WHATSAPP')) error.details.phone satisfies string
}
`,
  )
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    // Baileys' own types do not stand up to a check of the libraries.
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const checked = await run(process.execPath, [tsc, '-p', project]).catch((error: { stdout: string }) => error)
  expect(checked.stdout).toBe('')
})

/** Starts a command as it was installed, ends it once `ready` is printed and it answers, and says how it ended. */
async function until(ready: RegExp, command: string, ...args: string[]): Promise<{ printed: string; code: number }> {
  const file = join(project, 'node_modules', '.bin', command)
  const child = spawn(process.execPath, [file, ...args], { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const lines: string[] = []
  child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()))
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    if (!ready.test(line)) return
    const url = /http:[^\s,]+/.exec(lines.join('\n'))?.[0] ?? ''
    // Whoever answers has come to the end of its start, and listens to signals.
    fetch(url).then(
      () => child.kill('SIGTERM'),
      () => child.kill('SIGKILL'),
    )
  })
  const impatience = setTimeout(() => child.kill('SIGKILL'), 25_000)
  const [code] = await closed
  clearTimeout(impatience)
  return { printed: lines.join('\n'), code }
}

const VERSION = '0.1.0'

test('wamux says its version', async () => {
  const { stdout } = await run(process.execPath, [join(project, 'node_modules', '.bin', 'wamux'), '--version'])
  expect(stdout).toBe(`${VERSION}\n`)
})

test('wamux serve --sandbox prints its curl lines and ends when it is told to', async () => {
  const anyPort = ['--port', '0', '--emulator-port', '0', '--data', join(project, 'sandbox')]
  const { printed, code } = await until(/messages\/recent/, 'wamux', 'serve', '--sandbox', ...anyPort)
  expect(printed).toMatch(/curl -X POST http:\/\/127\.0\.0\.1:\d+\/api\/send-message/)
  expect({ code, printed }).toMatchObject({ code: 0 })
})

test('wamux-emulator says where it is and ends when it is told to', async () => {
  const { printed, code } = await until(/^state:/, 'wamux-emulator', '--port', '0')
  expect(printed).toMatch(/ws:\/\/127\.0\.0\.1:\d+\/ws\/chat/)
  expect({ code, printed }).toMatchObject({ code: 0 })
})

test('npx finds the emulator by the name of its package', async () => {
  const { stdout } = await run('npx', ['--no-install', '@wamux/emulator', '--version'], { cwd: project })
  expect(stdout).toBe(`${VERSION}\n`)
})
