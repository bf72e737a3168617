import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmulator, trustEmulator } from '@wamux/emulator'
import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openHttp, openSdk } from './harness/door.ts'
import { MAX, qrOf, story, until } from './harness/story.ts'

const A = '491700000001'
const B = '491700000002'

describe('a stanza that breaks Baileys for one account', () => {
  // Baileys writes a message about it into a chat that it does not know, in a listener that nobody awaits.
  const calls: [title: string, call: BinaryNode][] = [
    ['a group call of nobody', callOf({ tag: 'offer', attrs: { 'group-jid': '120363012345678901@g.us' } })],
    ['a missed call of nobody', callOf({ tag: 'terminate', attrs: { reason: 'timeout' } })],
  ]
  const doors = [
    ['the SDK', openSdk],
    ['server and client', openHttp],
  ] as const
  const cases = calls.flatMap(([title, call]) => doors.map(([door, open]) => ({ title, call, door, open })))

  test.each(cases)('leaves the other alone, and goes by: $title, through $door', async ({ call, open }) => {
    const unhandled = unhandledErrors()
    const folder = mkdtempSync(join(tmpdir(), 'wamux-network-'))
    const file = join(folder, 'network.db')
    const emulator = await createEmulator({ pretendPreKeys: 100, file })
    trustEmulator(emulator.rootPublicKey)
    const door = await open(emulator)
    try {
      const max = emulator.contact(MAX, { name: 'Max Mustermann' })
      const link = async (id: string, number: string) => {
        const session = await door.create(id)
        await emulator.phone(number).scans(await qrOf(session))
        await door.told.next((told) => told.event === 'ready' && told.session === id)
        return session
      }
      const [a, b] = [await link('a', A), await link('b', B)]
      const hears = (id: string, text: string) =>
        door.told.next(({ event, session, data }) => event === 'message' && session === id && data.body === text)

      await until(async () => leave(file, A, call))
      // The network reads what is in its file when somebody logs in.
      emulator.faults.kick(A, 'drop')
      await max.says(A, 'nach dem Anruf')
      await max.says(B, 'an den anderen')
      await hears('b', 'an den anderen')
      await b.send(MAX, 'ungestört')
      await max.hears('ungestört')
      await hears('a', 'nach dem Anruf')
      // It is confirmed in the end: what breaks a connection must not break each one that follows.
      await until(async () => callsFor(file) === 0)
      await until(async () => (await a.info()).state === 'ready')
      await a.send(MAX, 'wieder da')
      await max.hears('wieder da')
      await max.says(A, 'Ende')
      await hears('a', 'Ende')

      expect(await b.info()).toMatchObject({ state: 'ready', account: { phone: B } })
      expect(door.told.all.filter(({ event, session }) => event === 'ready' && session === 'b')).toHaveLength(1)
      expect(unhandled()).toEqual([])
    } finally {
      await door.close()
      await emulator.close()
      rmSync(folder, { recursive: true })
    }
  })
})

const armed = { fault: false }

story(
  'what throws in a listener of Baileys ends that connection alone, and it comes back',
  async ({ link, emulator, contact, told, door }) => {
    const unhandled = unhandledErrors()
    const max = contact()
    const a = await link('a', A)
    const b = await link('b', B)
    armed.fault = true
    emulator.faults.kick(A, 'drop')
    await told('ready', ({ phone }) => phone === A)
    await until(async () => !armed.fault && (await a.session.info()).state === 'ready')
    await max.says(B, 'an den anderen')
    await told('message', ({ body }) => body === 'an den anderen')
    await b.session.send(MAX, 'ungestört')
    await max.hears('ungestört')
    await max.says(A, 'an den einen')
    await told('message', ({ body }) => body === 'an den einen')
    await a.session.send(MAX, 'wieder da')
    await max.hears('wieder da')
    expect(door.told.all.filter(({ event, session }) => event === 'ready' && session === 'b')).toHaveLength(1)
    expect(await b.session.info()).toMatchObject({ state: 'ready' })
    expect(unhandled()).toEqual([])
  },
  {
    baileys: {
      // Asked in Baileys' own listener, when WhatsApp has said that everything missed was delivered: then with a message
      // that was just made. When a socket is made it asks with a plain object, and for a real notice with its progress.
      shouldSyncHistoryMessage: (notice) => {
        const isOfListener = notice.constructor !== Object && !notice.progress
        if (!armed.fault || !isOfListener) return true
        armed.fault = false
        throw new Error('a fault was asked for')
      },
    },
  },
)

function callOf(content: BinaryNode): BinaryNode {
  const t = String(Math.floor(Date.now() / 1000))
  const attrs = { ...content.attrs, 'call-id': 'CALL' }
  return { tag: 'call', attrs: { id: 'call-of-nobody', t }, content: [{ ...content, attrs }] }
}

/**
 * Leaves a stanza for the companion of a phone: it comes with its next login. False while the network, which keeps what it
 * writes open until its turn ends, is at its file: waiting for that here would keep it from ending.
 */
function leave(file: string, phone: string, node: BinaryNode): boolean {
  try {
    inNetwork(file, (db) =>
      db
        .prepare("INSERT INTO pending (phone, device, tag, id, type, body) VALUES (?, 1, ?, ?, '', ?)")
        .run(phone, node.tag, node.attrs.id ?? '', encodeBinaryNode(node)),
    )
    return true
  } catch (cause) {
    if (cause instanceof Database.SqliteError && cause.code === 'SQLITE_BUSY') return false
    throw cause
  }
}

const callsFor = (file: string): number =>
  inNetwork(file, (db) => db.prepare("SELECT seq FROM pending WHERE tag = 'call'").all().length)

function inNetwork<T>(file: string, work: (db: Database.Database) => T): T {
  const db = new Database(file, { timeout: 0 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}

/** What would end a process that holds many accounts. */
function unhandledErrors(): () => unknown[] {
  const errors: unknown[] = []
  const note = (error: unknown) => {
    errors.push(error)
  }
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, note)
    onTestFinished(() => {
      process.off(event, note)
    })
  }
  return () => errors
}
