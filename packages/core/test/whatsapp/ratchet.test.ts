import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { patchLibsignal } from '../../src/whatsapp/ratchet.ts'
import { padded, stockParty, textOf } from './parties.ts'

async function lateMessage(...args: string[]) {
  const script = fileURLToPath(new URL('late-message.ts', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...args])
  const printed = stdout.replace(/^RESULT (.*)$/m, '') + stderr.replaceAll(/^.*(Warning|node --trace).*$/gm, '')
  const result: Record<string, string> = JSON.parse(/^RESULT (.*)$/m.exec(stdout)?.[1] ?? '{}')
  return { result, printed: printed.trim() }
}

test('a late message of an old session is read, and does not ruin the new one; nothing is printed', async () => {
  const { result, printed } = await lateMessage('patched')
  expect(result).toEqual({
    'begin 0': 'begin 0',
    'answer 0': 'answer 0',
    'begin 1': 'begin 1',
    'answer 1': 'answer 1',
    late: 'late',
    next: 'next',
    reply: 'reply',
    last: 'last',
  })
  expect(printed).toBe('')
})

test('without the patch it does, and private keys are printed: the patch is still needed', async () => {
  const { result, printed } = await lateMessage()
  expect(result).toMatchObject({ 'begin 1': 'begin 1', 'answer 1': 'answer 1', late: 'late' })
  const unreadable = Object.values(result).filter((text) => text.startsWith('! '))
  expect(unreadable.length).toBeGreaterThan(0)
  expect(printed).toMatch(/privKey|Closing session/)
})

test('it is made once, however often it is asked for', () => {
  const { SessionCipher } = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))(
    'libsignal',
  )
  patchLibsignal()
  const { decryptWithSessions, queueJob } = SessionCipher.prototype
  patchLibsignal()
  expect(SessionCipher.prototype.decryptWithSessions).toBe(decryptWithSessions)
  expect(SessionCipher.prototype.queueJob).toBe(queueJob)
})

test('forty-one sessions with one person are kept as forty, the open one among them, without a word', async () => {
  patchLibsignal()
  const printed: unknown[] = []
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, method).mockImplementation((...args) => void printed.push(args))
  try {
    const { SessionRecord } = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))(
      'libsignal',
    )
    const record = new SessionRecord()
    for (let index = 0; index < 60; index++) {
      record.sessions[`s${index}`] = { indexInfo: { closed: index === 0 ? -1 : 1_000 + index } }
    }
    record.removeOldSessions()
    const kept = Object.keys(record.sessions)
    expect(kept).toHaveLength(40)
    expect(kept).toContain('s0')
    expect(kept).toContain('s59')
    expect(kept).not.toContain('s1')
    record.closeSession(record.sessions.s0)
    expect(record.sessions.s0.indexInfo.closed).toBeGreaterThan(0)
    record.openSession(record.sessions.s0)
    expect(record.sessions.s0.indexInfo.closed).toBe(-1)
    expect(printed).toEqual([])
  } finally {
    vi.restoreAllMocks()
  }
})

test('with one session a message that was tampered with is refused, and the next is read', async () => {
  patchLibsignal()
  const [a, b] = [await stockParty(), await stockParty()]
  const [A, B] = ['4911111111@s.whatsapp.net', '4922222222@s.whatsapp.net']
  const [bundle] = a.bundles
  if (!bundle) throw new Error('there is no bundle')
  await b.repository.injectE2ESession({ jid: A, session: bundle })
  const say = (text: string) => b.repository.encryptMessage({ jid: A, data: padded(text) })
  const read = async (cipher: Awaited<ReturnType<typeof say>>) =>
    textOf(await a.repository.decryptMessage({ jid: B, ...cipher }))
  expect(await read(await say('one'))).toBe('one')
  await b.repository.decryptMessage({ jid: A, ...(await a.repository.encryptMessage({ jid: B, data: padded('x') })) })
  const two = await say('two')
  const forged = Buffer.from(two.ciphertext)
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  await expect(read({ ...two, ciphertext: forged })).rejects.toThrow('No matching sessions')
  expect(await read(two)).toBe('two')
})
