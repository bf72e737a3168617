import { isWamuxError } from '@wamux/core'
import { row } from '@wamux/core/stores'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Blow, BrokenStore, FaultyStore } from '../harness/faulty-store.ts'
import { MAX, until } from '../harness/story.ts'
import { idOf, inJournal, KINDS, type Kind, OWN, openScene, type Scene } from './scene.ts'

/** After so long a session whose store failed tries again. */
const STORE_RETRY_MS = 30_000
/** Nobody asks the store for so long: there is nothing to be done. How far listeners were told is written behind. */
const QUIET_MS = 60
/** More calls than anything here makes; that the last blow found nothing to hit is what ends a row. */
const MANY = 60
/** On PostgreSQL, where each of them takes longer, every call fails in the long form only. */
const isLong = process.env.WAMUX_LONG !== undefined
const SOME = [2]
const LONG_MS = 120_000

type Faulty = Scene<FaultyStore>
const blows = ['read', 'write', 'confirmation'] as const satisfies readonly Blow[]

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function world(kind: Kind): Promise<Faulty> {
  // The wait is the real one, only shorter. An ack may take as long: that timer stays.
  const { setTimeout: real } = globalThis
  const isRetry = (work: () => void, ms?: number) => ms === STORE_RETRY_MS && String(work).includes('waited')
  const quick = ((work: () => void, ms?: number, ...rest: []) =>
    real(work, isRetry(work, ms) ? 20 : ms, ...rest)) as typeof setTimeout
  vi.stubGlobal('setTimeout', quick)
  open.push(async () => void vi.unstubAllGlobals())
  const scene = await openScene(kind, (inner) => new FaultyStore(inner))
  open.push(() => scene.close())
  return scene
}

describe.each(KINDS)('on %s', (kind) => {
  test.runIf(kind === 'PostgreSQL' && !isLong)(
    'some calls of the store fail, and nothing is lost or doubled',
    async () => {
      const scene = await world(kind)
      for (const blow of blows) {
        await receives(scene, blow, SOME)
        await sends(scene, blow, SOME)
        await learns(scene, blow, SOME)
      }
      await nothingIsWrong(scene)
    },
    LONG_MS,
  )

  describe.runIf(kind === 'SQLite' || isLong)('every call of the store fails once', () => {
    test.each(blows)(
      'a message received is kept once, whichever %s it is',
      async (blow) => {
        const scene = await world(kind)
        await receives(scene, blow)
        await nothingIsWrong(scene)
      },
      LONG_MS,
    )
    test.each(blows)(
      'a message sent is heard once, whichever %s it is',
      async (blow) => {
        const scene = await world(kind)
        await sends(scene, blow)
        await nothingIsWrong(scene)
      },
      LONG_MS,
    )
    test.each(blows)(
      'what the phone changed is known, whichever %s it is',
      async (blow) => {
        const scene = await world(kind)
        await learns(scene, blow)
        await nothingIsWrong(scene)
      },
      LONG_MS,
    )
  })
})

async function receives(scene: Faulty, blow: Blow, some?: readonly number[]): Promise<void> {
  const max = scene.emulator.contact(MAX)
  const before = (await inJournal(scene, 'message')).map(idOf)
  const sent: string[] = []
  for (const [kind, to] of [
    ['direct', OWN],
    ['group', familyOf(scene, blow)],
  ] as const) {
    const comes = async (text: string) => {
      const { id } = await max.says(to, text)
      sent.push(id)
      await until(async () => (await inJournal(scene, 'message')).some((entry) => idOf(entry) === id))
      await until(async () => scene.told.includes(id))
    }
    await whichever(scene, blow, (n) => comes(`${kind} ${blow} ${n}`), some)
    await comes(`${kind} after ${blow}`)
  }
  expect((await inJournal(scene, 'message')).map(idOf)).toEqual([...before, ...sent])
}

async function sends(scene: Faulty, blow: Blow, some?: readonly number[]): Promise<void> {
  const { session } = scene
  const max = scene.emulator.contact(MAX)
  for (const [kind, to] of [
    ['direct', MAX],
    ['group', familyOf(scene, blow)],
  ] as const) {
    const goes = async (n: number) => {
      const text = `${kind} ${blow} ${n}`
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
    }
    await whichever(scene, blow, goes, some)
    await session.send(to, `${kind} after ${blow}`)
    await max.hears(`${kind} after ${blow}`)
  }
  const heard = max.messages().map(({ text }) => text)
  expect(new Set(heard).size).toBe(heard.length)
  await until(async () => (await inJournal(scene, 'message_sent')).length === heard.length)
  expect(new Set((await inJournal(scene, 'message_sent')).map(idOf))).toEqual(
    new Set(max.messages().map(({ id }) => id)),
  )
}

async function learns(scene: Faulty, blow: Blow, some?: readonly number[]): Promise<void> {
  scene.emulator.contact(MAX)
  const is = async (name: string) => {
    scene.phone.renamesContact(MAX, name)
    await until(async () => (await nameOf(scene, MAX)) === name)
  }
  await whichever(scene, blow, (n) => is(`Max ${blow} ${n}`), some)
  await is(`Max after ${blow}`)
}

/** Does it again and again, each time with another call of the store failing: all that it makes, or `some`. */
async function whichever(
  scene: Faulty,
  blow: Blow,
  does: (n: number) => Promise<void>,
  some?: readonly number[],
): Promise<void> {
  const { store } = scene
  const fallen: number[] = []
  for (const n of some ?? Array.from({ length: MANY }, (_, index) => index + 1)) {
    store.strike(blow, n)
    await does(n)
    await quiet(scene)
    if (!store.disarm()) break
    fallen.push(n)
  }
  expect(fallen.length, `${blow}: calls of the store that failed`).toBeGreaterThan(0)
  expect(fallen.length).toBeLessThan(MANY)
}

function familyOf({ emulator }: Faulty, blow: Blow): string {
  return emulator.group({ subject: `Familie ${blow}`, members: [emulator.contact(MAX), OWN] }).id
}

async function nameOf({ inner }: Faulty, phone: string) {
  const sql = 'SELECT name FROM contacts WHERE session = ? AND phone = ?'
  return (await inner.read(() => row<{ name: string | null }>(sql, 'demo', phone)))?.name
}

/** What follows a message (its receipt, how far listeners were told) has been written, and the session is back. */
async function quiet({ store, session }: Faulty): Promise<void> {
  for (let seen = -1; seen !== store.calls || session.snapshot().state !== 'ready'; ) {
    seen = store.calls
    await new Promise((again) => setTimeout(again, QUIET_MS))
  }
}

async function nothingIsWrong(scene: Faulty): Promise<void> {
  expect(await inJournal(scene, 'message_undecryptable')).toEqual([])
  expect(await inJournal(scene, 'message_failed')).toEqual([])
  expect(scene.askedAgain).toEqual([])
  expect(scene.states).toContain('STORE_FAILED')
  // Every state that is no failure of the store is one of the way back from it.
  expect(scene.states.filter((state) => !['STORE_FAILED', 'connecting', 'linking', 'ready'].includes(state))).toEqual(
    [],
  )
}
