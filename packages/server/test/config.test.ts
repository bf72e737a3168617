import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../src/index.ts'
import { folder } from './helpers.ts'

test('without anything the defaults are the documented ones', () => {
  expect(loadConfig({})).toEqual({
    port: 3000,
    host: '127.0.0.1',
    data: './data',
    databaseUrl: undefined,
    sandbox: false,
    emulatorPort: 3001,
    adminUsername: 'admin',
    adminPassword: undefined,
    jwtTtlMs: 3_600_000,
    pacingMinMs: 1500,
    pacingMaxMs: 3000,
    typing: false,
    connectsPerSecond: 5,
    sendWaitMs: 8000,
    stalledAfterMs: 600_000,
    keepEventsMs: 2_592_000_000,
    keepSentMs: 2_592_000_000,
    newChatsPerDay: 0,
    messagesPerChatPerHour: 0,
    outboundAllow: [],
    instanceHost: '127.0.0.1',
    certificates: 'enforce',
    logLevel: 'info',
  })
})

test('a flag comes before the environment, that before the file', async () => {
  const file = join(await folder(), 'wamux.json')
  await writeFile(
    file,
    JSON.stringify({ port: 1, host: '10.0.0.1', outboundAllow: ['10.0.0.0/8', '::1'], sandbox: true }),
  )
  const config = loadConfig({ flags: { port: '3' }, env: { WAMUX_PORT: '2', WAMUX_HOST: '' }, file })
  expect(config).toMatchObject({ port: 3, host: '10.0.0.1', outboundAllow: ['10.0.0.0/8', '::1'], sandbox: true })
  expect(loadConfig({ env: { WAMUX_PORT: '2', WAMUX_CONFIG: file } }).port).toBe(2)
})

test.each([
  ['WAMUX_PORT', 'abc'],
  ['WAMUX_PORT', '65536'],
  ['WAMUX_PORT', '-1'],
  ['WAMUX_PORT', '3000.5'],
  ['WAMUX_PORT', '0x10'],
  ['WAMUX_SANDBOX', 'maybe'],
  ['WAMUX_JWT_TTL', '1 hour'],
  ['WAMUX_JWT_TTL', '59'],
  ['WAMUX_JWT_TTL', '31d'],
  ['WAMUX_CERTIFICATES', 'no'],
  ['WAMUX_OUTBOUND_ALLOW', '10.0.0.0/33'],
  ['WAMUX_OUTBOUND_ALLOW', 'intranet'],
  ['WAMUX_SEND_WAIT_MS', '8s'],
  ['DATABASE_URL', 'postgres:user:secret@db/wamux'],
  ['DATABASE_URL', 'mysql://db'],
])('%s=%s is refused by name', (name, value) => {
  expect(() => loadConfig({ env: { [name]: value } })).toThrow(name)
  expect(() => loadConfig({ env: { [name]: value } })).not.toThrow('user:secret')
})

test('DATABASE_URL names a PostgreSQL database', () => {
  const url = 'postgres://user:secret@db:5433/wamux?sslmode=require'
  expect(loadConfig({ env: { DATABASE_URL: url } }).databaseUrl).toBe(url)
})

test('a bad flag and a bad line of the file are named as they were given', async () => {
  expect(() => loadConfig({ flags: { port: 'x' } })).toThrow('--port must be')
  const file = join(await folder(), 'settings.json')
  await writeFile(file, '{"port": "x"}')
  expect(() => loadConfig({ file })).toThrow(`"port" in ${file} must be`)
  await writeFile(file, '{"prot": 1}')
  expect(() => loadConfig({ file })).toThrow('"prot" is not a setting')
  await writeFile(file, '{"jwtTtl": "2h"}')
  expect(loadConfig({ file }).jwtTtlMs).toBe(7_200_000)
  await writeFile(file, '[]')
  expect(() => loadConfig({ file })).toThrow('is not a JSON object')
  expect(() => loadConfig({ file: `${file}.none` })).toThrow('cannot be read')
})

test('the shortest pause is not longer than the longest', () => {
  expect(() => loadConfig({ env: { WAMUX_PACING_MIN_MS: '4000' } })).toThrow('WAMUX_PACING_MIN_MS')
})

test.each([
  ['3600', 3_600_000],
  ['15m', 900_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
])('a token may last %s', (value, ms) => {
  expect(loadConfig({ env: { WAMUX_JWT_TTL: value } }).jwtTtlMs).toBe(ms)
})
