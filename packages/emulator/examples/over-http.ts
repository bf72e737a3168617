/**
 * The same from another process, in any language: the emulator runs by itself, everything is done with HTTP. Takes the
 * address of its control API: node over-http.ts http://127.0.0.1:3001
 */
import assert from 'node:assert/strict'
import { startBot } from './bot.ts'

const control = process.argv[2] ?? 'http://127.0.0.1:3001'

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${control}${path}`, { method, ...(body !== undefined && { body: text }) })
  const answer = (await response.json()) as Record<string, unknown> // the control API speaks JSON
  assert.ok(response.ok, `${method} ${path}: ${answer.error}`)
  return answer
}

const { url } = await call('GET', '/admin/health')
await call('POST', '/admin/contacts', { phone: '491234567890', name: 'Max' })

const bot = await startBot(String(url))
const { phone } = await call('POST', '/admin/mock-phone/scan-qr', await bot.qr)
await call('GET', `/admin/phones/${phone}/connected`)

const { id } = await call('POST', '/admin/contacts/491234567890/messages', { to: phone, text: 'ping' })
await call('GET', `/admin/contacts/491234567890/messages/${id}/received`)
const answer = await call('GET', '/admin/contacts/491234567890/messages/next?text=pong&timeoutMs=5000')
assert.equal(answer.from, phone)

await bot.stop()
console.log('over-http: ok')
process.exit() // Baileys leaves timers running for minutes
