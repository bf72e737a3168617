import { assertNodeErrorFree, makeWASocket, promiseTimeout } from '@whiskeysockets/baileys'
import { expect, onTestFinished, test } from 'vitest'
import { openMemoryStore } from '../../src/stores/sqlite/store.ts'
import { keysIn } from '../../src/whatsapp/key-store.ts'
import { isOfClosed, isUnanswered, refusalOf } from '../../src/whatsapp/questions.ts'
import { silentBaileysLogger } from '../../src/whatsapp/silent-logger.ts'
import { newCreds } from './parties.ts'

const meaningOf = (error: unknown) => [refusalOf(error), isUnanswered(error), isOfClosed(error)]
const thrownBy = async (work: () => unknown): Promise<unknown> => {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown.')
}
const answer = (code: string) =>
  thrownBy(() => assertNodeErrorFree({ tag: 'iq', attrs: {}, content: [{ tag: 'error', attrs: { code } }] }))

test.each(['400', '401', '403', '404', '406'])('%s is an answer for good', async (code) => {
  expect(meaningOf(await answer(code))).toEqual([Number(code), false, false])
})

test.each(['408', '429', '500', '503'])('%s is no answer for now', async (code) => {
  expect(meaningOf(await answer(code))).toEqual([undefined, true, false])
})

test('nor is silence', async () => {
  const silence = await thrownBy(() => promiseTimeout(1, () => {}))
  expect(meaningOf(silence)).toEqual([undefined, true, false])
})

test('whoever writes to a connection that is not open learns of that', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const sock = makeWASocket({
    auth: { creds: newCreds(), keys: keysIn(store, 's') },
    logger: silentBaileysLogger,
    waWebSocketUrl: 'ws://127.0.0.1:1',
  })
  const closed = await thrownBy(() => sock.sendNode({ tag: 'message', attrs: {} }))
  sock.end(undefined)
  expect(meaningOf(closed)).toEqual([undefined, false, true])
})

test('any other error is none of these', () => {
  expect(meaningOf(new TypeError('x is not a function'))).toEqual([undefined, false, false])
  expect(meaningOf(undefined)).toEqual([undefined, false, false])
})
