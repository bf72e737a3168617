import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type Api, api, folder, PASSWORD, receiver } from './helpers.ts'

// The source, as a process: Node.js strips its types.
const command = fileURLToPath(new URL('../src/cli/index.ts', import.meta.url))

interface Running {
  child: ChildProcess
  /** Everything that people see. */
  said: () => string
  logged: () => string
  /** Resolves when the output has matched. */
  says: (what: RegExp) => Promise<RegExpMatchArray>
  /** The exit code, or the signal that ended it. */
  ends: Promise<number | string | null>
}

function run(args: string[], env: Record<string, string> = {}): Running {
  const { WAMUX_DATA: _, DATABASE_URL: __, ...inherited } = process.env
  const child = spawn(process.execPath, ['--conditions=@wamux/source', command, ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  let logged = ''
  const waiting = new Set<() => void>()
  const tell = () => {
    for (const look of waiting) look()
  }
  child.stdout.on('data', (chunk) => {
    said += chunk
    tell()
  })
  child.stderr.on('data', (chunk) => {
    logged += chunk
  })
  const ends = new Promise<number | string | null>((resolve) =>
    child.on('exit', (code, signal) => {
      resolve(code ?? signal)
      tell()
    }),
  )
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ends
  })
  return {
    child,
    said: () => said,
    logged: () => logged,
    says: (what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = said.match(what)
          if (match) resolve(match)
          else if (child.exitCode !== null) reject(new Error(`It ended with ${child.exitCode}: ${said}${logged}`))
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
    ends,
  }
}

test('--help names every setting, --version the version', async () => {
  const help = run(['--help'])
  expect(await help.ends).toBe(0)
  for (const name of ['WAMUX_PORT', 'WAMUX_HOST', 'WAMUX_DATA', 'WAMUX_OUTBOUND_ALLOW', '--sandbox']) {
    expect(help.said()).toContain(name)
  }
  const version = run(['--version'])
  expect(await version.ends).toBe(0)
  expect(version.said()).toBe('0.1.0\n')
})

test.each([
  [['sevre'], {}, 64, 'There is no command "sevre"'],
  [['serve', '--prot', '1'], {}, 64, '--prot'],
  [['serve', 'now'], {}, 64, 'now'],
  [['serve'], { WAMUX_PORT: 'x' }, 78, 'WAMUX_PORT'],
  [['serve'], { DATABASE_URL: 'mysql://user:geheim@db/x' }, 78, 'DATABASE_URL must be postgres://'],
])('%j with %j ends with %i and says why', async (args, env, code, words) => {
  const command = run(args, env as Record<string, string>)
  expect(await command.ends).toBe(code)
  expect(command.logged()).toContain(words)
  expect(command.logged()).not.toContain('geheim')
})

test('a public host without a password ends with 78', async () => {
  const command = run(['serve', '--port', '0', '--host', '0.0.0.0', '--data', await folder()])
  expect(await command.ends).toBe(78)
  expect(command.logged()).toContain('WAMUX_ADMIN_PASSWORD')
})

test('the first start prints a token with which an administrator is made; SIGTERM ends it in spite of idle clients', async () => {
  const data = await folder()
  const server = run(['serve', '--port', '0', '--data', data])
  const [, url = ''] = await server.says(/listens on (http:\S+)/)
  const [, token = ''] = await server.says(/"token": "([\w-]+)"/)
  const app = api(url)
  const body = { token, username: 'admin', password: 'a password of some length' }
  expect((await app.call('POST', '/api/auth/setup', { body })).status).toBe(200)
  const idle = connect(Number(new URL(url).port), '127.0.0.1')
  await new Promise<void>((resolve) => idle.on('connect', () => resolve()))
  server.child.kill('SIGTERM')
  expect(await server.ends).toBe(0)
  idle.destroy()
  expect(server.logged()).not.toContain(token)
  expect(server.logged()).not.toContain(body.password)

  const second = run(['serve', '--port', '0', '--data', data])
  await second.says(/listens on/)
  second.child.kill('SIGINT')
  expect(await second.ends).toBe(0)
  expect(second.said()).not.toContain('token')
})

/** A server in which `SIGUSR2` does `fault`. */
async function faulty(fault: string): Promise<Running & { app: Api }> {
  const loaded = `process.on('SIGUSR2', () => { ${fault} })`
  const server = run(['serve', '--port', '0', '--data', await folder()], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(loaded)}`,
    WAMUX_ADMIN_PASSWORD: PASSWORD,
  })
  const [, url = ''] = await server.says(/listens on (http:\S+)/)
  return { ...server, app: api(url) }
}

test('a rejection that nobody listens to is logged and counted, and ends nothing', async () => {
  const server = await faulty(`Promise.reject(new Error('lost'))`)
  const count = async () => (await server.app.admin('GET', '/health')).body.data.unhandledRejections
  expect(await count()).toBe(0)
  server.child.kill('SIGUSR2')
  await expect.poll(count).toBe(1)
  const line = server
    .logged()
    .split('\n')
    .find((text) => text.includes('lost'))
  expect(JSON.parse(line ?? '')).toMatchObject({
    level: 50,
    err: { stack: expect.stringContaining('Error: lost\n    at') },
  })
  server.child.kill('SIGTERM')
  expect(await server.ends).toBe(0)
})

test('an exception that nobody catches is logged and ends the process', async () => {
  const server = await faulty(`throw new Error('lost')`)
  server.child.kill('SIGUSR2')
  expect(await server.ends).toBe(70)
  expect(server.logged()).toContain('lost')
})

test('a start that fails ends the process', async () => {
  const file = join(await folder(), 'file')
  await writeFile(file, '')
  const server = run(['serve', '--port', '0', '--data', join(file, 'data')])
  expect(await server.ends).not.toBe(0)
  expect(server.logged()).toContain('ENOTDIR')
})

// Three starts, one after the other, each of a process that compiles what it runs.
test('two processes cannot have the same data: the second is told who has it, and after kill -9 the next may', {
  timeout: 180_000,
}, async () => {
  const data = await folder()
  const start = () => run(['serve', '--port', '0', '--data', data])
  const first = start()
  await first.says(/listens on/)
  const second = start()
  expect(await second.ends).toBe(1)
  expect(second.logged()).toContain(`is in use by another process (pid ${first.child.pid})`)
  expect(second.said()).not.toContain('listens on')
  // The system lets go of its locks before anybody hears that a process has ended.
  first.child.kill('SIGKILL')
  expect(await first.ends).toBe('SIGKILL')
  const third = start()
  await third.says(/listens on/)
  third.child.kill('SIGTERM')
  expect(await third.ends).toBe(0)
})

test('the sandbox: printed once it works, and after kill -9 the same instance, phone, key and password', async () => {
  const data = await folder()
  const start = () =>
    run(['serve', '--sandbox', '--port', '0', '--emulator-port', '0', '--data', data], {
      WAMUX_PACING_MIN_MS: '0',
      WAMUX_PACING_MAX_MS: '0',
    })
  const first = start()
  const [, url = ''] = await first.says(/listens on (http:\S+)/)
  const [, key = ''] = await first.says(/API key\s+(wapi_\w+)/)
  const [, password = ''] = await first.says(/Admin\s+admin \/ (\S+)/)
  await first.says(/messages\/recent/)
  expect((await stat(join(data, 'sandbox.json'))).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(join(data, 'sandbox.json'), 'utf8'))).toEqual({
    apiKey: key,
    adminPassword: password,
  })

  const app = api(url)
  const bot = await receiver()
  await app.call('POST', '/api/instances/demo/webhook', { key, body: { url: bot.url } })
  const sent = await app.call('POST', '/api/send-message', { key, body: { phone: '491234567890', message: 'Hallo!' } })
  expect(sent.body.data.status).toBe('sent')
  expect((await bot.next(({ event }) => event.event === 'message')).event.data).toMatchObject({ body: 'Hallo!' })
  const recent = await app.call('GET', '/api/instances/demo/messages/recent', { key })
  expect(recent.body.data.map(({ isFromMe }: { isFromMe: boolean }) => isFromMe)).toEqual([false, true])
  const before = (await app.call('GET', '/api/instances/demo', { key })).body.data
  first.child.kill('SIGKILL')
  await first.ends

  const second = start()
  const [, again = ''] = await second.says(/listens on (http:\S+)/)
  await second.says(/messages\/recent/)
  expect(second.said()).toContain(key)
  expect(second.said()).toContain(password)
  const after = (await api(again).call('GET', '/api/instances/demo', { key })).body.data
  expect(after).toEqual(before)
  const more = await api(again).call('POST', '/api/send-message', {
    key,
    body: { phone: '491234567890', message: 'Noch da?' },
  })
  expect(more.body.data.status).toBe('sent')
  const login = { username: 'admin', password }
  expect((await api(again).call('POST', '/api/auth/login', { body: login })).status).toBe(200)
  second.child.kill('SIGTERM')
  expect(await second.ends).toBe(0)
  expect(second.logged()).not.toContain(key)
  expect(second.logged()).not.toContain(password)
})
