import { isWamuxError, type Session, SessionManager } from '@wamux/core'
import { journal, openMemoryStore, row, type Store } from '@wamux/core/stores'
import { type Contact, createEmulator, type Group, type Phone, trustEmulator } from '@wamux/emulator'
import { afterEach, expect, test, vi } from 'vitest'
import { type Blow, BrokenStore, FaultyStore } from '../harness/faulty-store.ts'
import { MAX, qrOf, until } from '../harness/story.ts'

const OWN = '491700000001'
/** After so long a session whose store failed tries again. */
const STORE_RETRY_MS = 30_000
/** Nobody asks the store for so long: there is nothing to be done. How far listeners were told is written behind. */
const QUIET_MS = 60

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

interface Scene {
  /** The one behind it, which never fails. */
  inner: Store
  store: FaultyStore
  session: Session
  phone: Phone
  max: Contact
  group: Group
  /** States that the session was in, in order. */
  states: string[]
  /** Messages that listeners were told of, by id. */
  told: Set<string>
  /** Messages that somebody could not decrypt and asked for again. */
  askedAgain: string[]
}

/** A linked session on a store that can be made to fail. */
async function world(): Promise<Scene> {
  // The wait is the real one, only shorter. An ack may take as long: that timer stays.
  const { setTimeout: real } = globalThis
  const isRetry = (work: () => void, ms?: number) => ms === STORE_RETRY_MS && String(work).includes('waited')
  const quick = ((work: () => void, ms?: number, ...rest: []) =>
    real(work, isRetry(work, ms) ? 20 : ms, ...rest)) as typeof setTimeout
  vi.stubGlobal('setTimeout', quick)
  open.push(async () => void vi.unstubAllGlobals())
  const askedAgain: string[] = []
  const emulator = await createEmulator({
    strict: true,
    pretendPreKeys: 100,
    trace: (line) => void (/<receipt[^>]* type="retry"/.test(line) && askedAgain.push(line)),
  })
  open.push(() => emulator.close())
  trustEmulator(emulator.rootPublicKey)
  const inner = await openMemoryStore()
  const store = new FaultyStore(inner)
  const manager = new SessionManager({
    store,
    sendWaitMs: 500,
    pacing: { minMs: 0, maxMs: 0 },
    baileys: emulator.socketConfig,
    logger: { debug() {}, info() {}, warn() {}, error() {} }, // it is told of every blow
  })
  open.push(() => manager.stop())
  const states: string[] = []
  manager.on('state', ({ data }) => void states.push(data.reason ?? data.state))
  const told = new Set<string>()
  manager.on('message', ({ data }) => void told.add(data.id))
  await manager.start()
  const session = await manager.create({ id: 'demo' })
  const ready = new Promise((told) => session.once('ready', told))
  const phone = emulator.phone(OWN)
  await phone.scans(await qrOf(session))
  await ready
  const max = emulator.contact(MAX, { name: 'Max Mustermann' })
  const group = emulator.group({ subject: 'Familie', members: [max, OWN] })
  return { inner, store, session, phone, max, group, states, told, askedAgain }
}

const blows = ['read', 'write', 'confirmation'] as const satisfies readonly Blow[]
/** More calls than any of these makes; that the last blow found nothing to hit is what ends a row. */
const MANY = 60

test.each(blows)('a message received is kept once, whichever %s of the store fails', async (blow) => {
  const scene = await world()
  const { max, group } = scene
  const sent: string[] = []
  for (const [kind, to] of [
    ['direct', OWN],
    ['group', group.id],
  ] as const) {
    let n = 1
    for (; n < MANY; n++) {
      scene.store.strike(blow, n)
      const { id } = await max.says(to, `${kind} ${blow} ${n}`)
      sent.push(id)
      await kept(scene, id)
      await quiet(scene)
      if (!scene.store.disarm()) break
    }
    expect(n, `${kind}: calls of the store that failed`).toBeGreaterThan(1)
    expect(n).toBeLessThan(MANY)
    sent.push((await max.says(to, `${kind} after ${blow}`)).id)
    await kept(scene, sent.at(-1) ?? '')
  }
  await nothingIsWrong(scene)
  expect((await inJournal(scene, 'message')).map(idOf)).toEqual(sent)
})

test.each(blows)('a message sent is heard once, whichever %s of the store fails', async (blow) => {
  const scene = await world()
  const { session, max, group } = scene
  for (const [kind, to] of [
    ['direct', MAX],
    ['group', group.id],
  ] as const) {
    let n = 1
    for (; n < MANY; n++) {
      const text = `${kind} ${blow} ${n}`
      scene.store.strike(blow, n)
      // Whoever is told of an error asks again under the same key, as the client does.
      for (let isAccepted = false; !isAccepted; ) {
        await until(async () => session.snapshot().state === 'ready')
        isAccepted = await session.send(to, text, { idempotencyKey: `${kind}-${blow}-${n}` }).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof BrokenStore || isWamuxError(error, 'WHATSAPP_DISCONNECTED'))) throw error
            return false
          },
        )
      }
      await max.hears(text)
      await quiet(scene)
      if (!scene.store.disarm()) break
    }
    expect(n, `${kind}: calls of the store that failed`).toBeGreaterThan(1)
    expect(n).toBeLessThan(MANY)
    await session.send(to, `${kind} after ${blow}`)
    await max.hears(`${kind} after ${blow}`)
  }
  await nothingIsWrong(scene)
  const heard = max.messages().map(({ text }) => text)
  expect(new Set(heard).size).toBe(heard.length)
  await until(async () => (await inJournal(scene, 'message_sent')).length === heard.length)
  expect(new Set((await inJournal(scene, 'message_sent')).map(idOf))).toEqual(
    new Set(max.messages().map(({ id }) => id)),
  )
})

test.each(blows)('what the phone changed is known, whichever %s of the store fails', async (blow) => {
  const scene = await world()
  const { phone } = scene
  let n = 1
  for (; n < MANY; n++) {
    scene.store.strike(blow, n)
    phone.renamesContact(MAX, `Max ${n}`)
    await until(async () => (await nameOf(scene, MAX)) === `Max ${n}`)
    await quiet(scene)
    if (!scene.store.disarm()) break
  }
  expect(n, 'calls of the store that failed').toBeGreaterThan(1)
  expect(n).toBeLessThan(MANY)
  await nothingIsWrong(scene)
})

const idOf = ({ data }: { data: unknown }) => (data as { id: string }).id // all events of messages have one

async function inJournal({ inner }: Scene, name: string) {
  return (await inner.read(() => journal.after('demo', 0, 10_000))).filter(({ event }) => event === name)
}

async function nameOf({ inner }: Scene, phone: string) {
  const sql = 'SELECT name FROM contacts WHERE session = ? AND phone = ?'
  return (await inner.read(() => row<{ name: string | null }>(sql, 'demo', phone)))?.name
}

async function kept(scene: Scene, id: string): Promise<void> {
  await until(async () => (await inJournal(scene, 'message')).some((entry) => idOf(entry) === id))
  await until(async () => scene.told.has(id))
}

/** What follows a message (its receipt, how far listeners were told) has been written, and the session is back. */
async function quiet({ store, session }: Scene): Promise<void> {
  for (let seen = -1; seen !== store.calls || session.snapshot().state !== 'ready'; ) {
    seen = store.calls
    await new Promise((again) => setTimeout(again, QUIET_MS))
  }
}

async function nothingIsWrong(scene: Scene): Promise<void> {
  expect(await inJournal(scene, 'message_undecryptable')).toEqual([])
  expect(await inJournal(scene, 'message_failed')).toEqual([])
  expect(scene.askedAgain).toEqual([])
  expect(scene.states).toContain('STORE_FAILED')
  // Every state that is no failure of the store is one of the way back from it.
  expect(scene.states.filter((state) => !['STORE_FAILED', 'connecting', 'linking', 'ready'].includes(state))).toEqual(
    [],
  )
}
