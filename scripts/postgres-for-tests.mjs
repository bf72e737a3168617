/**
 * A PostgreSQL of the tests' own, for as long as they run: the binaries of the machine, a folder that goes away, a free
 * port on loopback. Says so when there are no binaries; the tests of PostgreSQL are skipped then.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const DEBIAN = '/usr/lib/postgresql'

/** Vitest calls this for each project that has it; they share one cluster. */
let users = 0
let cluster

export default async function setup() {
  users++
  cluster ??= start()
  const running = await cluster
  if (running) process.env.WAMUX_TEST_POSTGRES = running.url
  return async () => {
    users--
    if (users === 0) await running?.stop()
  }
}

/**
 * Undefined when this machine has no PostgreSQL, and says so. Tests need not survive a power cut: kill -9 leaves what was
 * handed to the system.
 */
export async function start({ fsync = false } = {}) {
  const binaries = findBinaries()
  if (!binaries) {
    console.warn('PostgreSQL was NOT tested: this machine has none (initdb and postgres are looked for).')
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'wamux-postgres-'))
  const asUser = notAsRoot(folder)
  try {
    run(asUser, join(binaries, 'initdb'), [
      '-D',
      folder,
      '-U',
      'wamux',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ])
    const port = await freePort()
    const settings = [
      '-c',
      `fsync=${fsync ? 'on' : 'off'}`,
      '-c',
      'max_connections=200',
      '-c',
      'unix_socket_directories=',
    ]
    const args = ['-D', folder, '-h', '127.0.0.1', '-p', String(port), ...settings]
    const [command, ...before] = [...asUser, join(binaries, 'postgres')]
    let child
    const resume = async () => {
      child = spawn(command, [...before, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
      await ready(child)
    }
    const halt = async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
    const stop = async () => {
      await halt('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    }
    await resume()
    return {
      url: `postgres://wamux@127.0.0.1:${port}/postgres`,
      stop,
      halt,
      resume,
      ...(asUser.length > 0 && { owner: postgresUser() }),
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function findBinaries() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))))
}

/** PostgreSQL refuses to run as root: where we are, it runs as the user that its package made. */
function notAsRoot(folder) {
  if (process.getuid?.() !== 0) return []
  const { uid, gid } = postgresUser()
  chownSync(folder, uid, gid)
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--']
}

function postgresUser() {
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres']).toString())
  return { uid: id('-u'), gid: id('-g') }
}

function run(asUser, binary, args) {
  const [command, ...rest] = [...asUser, binary, ...args]
  execFileSync(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function ready(child) {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (data) => {
      said += data
      if (said.includes('ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${said}`)))
  })
}
