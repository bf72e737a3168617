import type { EventName, SessionApi, SessionState } from '@wamux/core'
import { type Contact, createEmulator, type Emulator, type Phone, trustEmulator } from '@wamux/emulator'
import { describe, expect, test } from 'vitest'
import { type Door, type DoorOptions, type OpenDoor, openHttp, openSdk, type Told } from './door.ts'

const DOORS: OpenDoor[] = [openSdk, openHttp]

/** What a story stands on. */
export interface Scene {
  door: Door
  emulator: Emulator
  /** The next event of this name that matches, also one that was already told. */
  told(event: EventName, match?: (data: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  /** How many events of this name that match were told so far. */
  count(event: EventName, match?: (data: Record<string, unknown>) => boolean): number
  /** Makes a session and links it to a phone. */
  link(id?: string, phone?: string): Promise<{ session: SessionApi; phone: Phone }>
  /** Max Mustermann, who only listens; another number is another contact. */
  contact(phone?: string, name?: string): Contact
  /** Resolves when the session is in this state. */
  reaches(session: SessionApi, state: SessionState): Promise<void>
}

/** WhatsApp then wants no 812 new keys of each new device: linking takes a third. */
const CHEAP_LINKING = { pretendPreKeys: 100 }

export const MAX = '491234567890'
const OWN = '491700000001'

/** Tells the same story through the SDK and through server and client. It fails on anything that was not expected. */
export function story(title: string, tell: (scene: Scene) => Promise<void>, options: DoorOptions = {}): void {
  tellThrough(DOORS, title, tell, options)
}

/** The same, for what is decided in the core and takes long. */
export function sdkStory(title: string, tell: (scene: Scene) => Promise<void>, options: DoorOptions = {}): void {
  tellThrough([openSdk], title, tell, options)
}

function tellThrough(
  doors: readonly OpenDoor[],
  title: string,
  tell: (scene: Scene) => Promise<void>,
  options: DoorOptions,
): void {
  describe(title, () => {
    for (const open of doors) {
      test(open === openSdk ? 'through the SDK' : 'through server and client', async () => {
        const emulator = await createEmulator({ strict: true, ...CHEAP_LINKING })
        trustEmulator(emulator.rootPublicKey)
        const door = await open(emulator, options)
        try {
          await tell(sceneOf(door, emulator))
          expect(door.errors).toEqual([])
        } finally {
          await door.close()
          await emulator.close()
        }
      })
    }
  })
}

function sceneOf(door: Door, emulator: Emulator): Scene {
  const scene: Scene = {
    door,
    emulator,
    told: async (event, match = () => true) =>
      (await door.told.next((told: Told) => told.event === event && match(told.data))).data,
    count: (event, match = () => true) =>
      door.told.all.filter((told: Told) => told.event === event && match(told.data)).length,
    contact: (phone = MAX, name = 'Max Mustermann') => emulator.contact(phone, { name }),
    link: async (id = 'demo', number = OWN) => {
      const session = await door.create(id)
      const phone = emulator.phone(number, { name: 'Erika' })
      await phone.scans(await qrOf(session))
      await scene.told('ready', (data) => data.phone === number)
      return { session, phone }
    },
    reaches: (session, state) => until(async () => (await session.info()).state === state),
  }
  return scene
}

/** The QR, once WhatsApp has sent one. */
export async function qrOf(session: SessionApi): Promise<string> {
  let qr: string | null = null
  await until(async () => {
    qr = (await session.qr()).qr
    return qr !== null
  })
  return qr ?? ''
}

/**
 * Asks until it is so; the test's time limit ends it. For what nobody tells: a state behind HTTP, a file of another
 * process. It waits a little between two questions only so that the one who is asked gets to work.
 */
export async function until(so: () => Promise<boolean>): Promise<void> {
  while (!(await so())) await new Promise((again) => setTimeout(again, 5))
}
