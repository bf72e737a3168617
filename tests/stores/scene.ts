import { type Session, SessionManager } from '@wamux/core'
import { journal, openMemoryStore, openPostgresStore, type Store } from '@wamux/core/stores'
import { createEmulator, type Emulator, type Phone, trustEmulator } from '@wamux/emulator'
import { newDatabase } from '../harness/postgres.ts'
import { qrOf } from '../harness/story.ts'

export const OWN = '491700000001'

export type Kind = 'SQLite' | 'PostgreSQL'
/** PostgreSQL where there is one. */
export const KINDS: readonly Kind[] = process.env.WAMUX_TEST_POSTGRES ? ['SQLite', 'PostgreSQL'] : ['SQLite']

/** A linked session on a store that is looked at, and disturbed, from below. */
export interface Scene<S extends Store> {
  emulator: Emulator
  /** The one behind `store`, which is never disturbed. */
  inner: Store
  store: S
  session: Session
  phone: Phone
  /** States that the session was in, in order. */
  states: string[]
  /** Messages that listeners were told of, in order, by id. */
  told: string[]
  /** Messages that somebody could not decrypt and asked for again. */
  askedAgain: string[]
  close(): Promise<void>
}

/** A linked session on what `wrap` makes of a store. `before` it is linked to it, a phone may get a past, or a fault. */
export async function openScene<S extends Store>(
  kind: Kind,
  wrap: (inner: Store) => S,
  before: (emulator: Emulator, phone: Phone) => void = () => {},
): Promise<Scene<S>> {
  const closing: (() => Promise<void>)[] = []
  const close = async () => {
    for (const one of closing.splice(0).reverse()) await one()
  }
  try {
    const askedAgain: string[] = []
    const emulator = await createEmulator({
      strict: true,
      pretendPreKeys: 100,
      trace: (line) => void (/<receipt[^>]* type="retry"/.test(line) && askedAgain.push(line)),
    })
    closing.push(() => emulator.close())
    trustEmulator(emulator.rootPublicKey)
    const database = await newDatabase(kind === 'PostgreSQL')
    if (database) closing.push(() => database.drop())
    const inner = await (database ? openPostgresStore(database.url) : openMemoryStore())
    closing.push(() => inner.close())
    const store = wrap(inner)
    const manager = new SessionManager({
      store,
      sendWaitMs: 500,
      pacing: { minMs: 0, maxMs: 0 },
      baileys: emulator.socketConfig,
      logger: { debug() {}, info() {}, warn() {}, error() {} }, // it is told of every disturbance
    })
    closing.push(() => manager.stop())
    const states: string[] = []
    manager.on('state', ({ data }) => void states.push(data.reason ?? data.state))
    const told: string[] = []
    manager.on('message', ({ data }) => void told.push(data.id))
    await manager.start()
    const session = await manager.create({ id: 'demo' })
    const ready = new Promise((told) => session.once('ready', told))
    const phone = emulator.phone(OWN)
    before(emulator, phone)
    await phone.scans(await qrOf(session))
    await ready
    return { emulator, inner, store, session, phone, states, told, askedAgain, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** All events of messages have one. */
export const idOf = ({ data }: { data: unknown }) => (data as { id: string }).id

export async function inJournal({ inner }: Pick<Scene<Store>, 'inner'>, name: string) {
  return (await inner.read(() => journal.after('demo', 0, 10_000))).filter(({ event }) => event === name)
}
