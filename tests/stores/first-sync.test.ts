import { row, type Store } from '@wamux/core/stores'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect, onTestFinished, test } from 'vitest'
import { MAX, until } from '../harness/story.ts'
import { KINDS, OWN, openScene, type Scene } from './scene.ts'

test.each(KINDS)(
  'names whose keys came after the first connection had ended are read in the next one: %s',
  async (kind) => {
    let isLost = false
    const scene = await openScene(
      kind,
      (inner) => inner,
      (emulator, phone) => {
        emulator.contact(MAX, { name: 'Max' })
        phone.renamesContact(MAX, 'Onkel Max')
        // The first that a phone tells a new device are the keys. WhatsApp delivers them again in the next connection.
        const isFirst = ({ attrs }: BinaryNode) => attrs.category === 'peer'
        const keys = emulator.faults
          .on({ phone: OWN, direction: 'to-client', tag: 'message', matches: isFirst })
          .drop(1)
        void keys.struck().then(() => {
          isLost = true
        })
      },
    )
    onTestFinished(() => scene.close())
    await until(async () => (await syncs(scene)) > 0)
    expect([isLost, await nameOf(scene)]).toEqual([true, null])
    scene.emulator.faults.kick(OWN, 'drop')
    await until(async () => (await nameOf(scene)) === 'Onkel Max')
  },
)

async function nameOf({ inner }: Scene<Store>): Promise<string | null> {
  const sql = 'SELECT name FROM contacts WHERE session = ? AND phone = ?'
  return (await inner.read(() => row<{ name: string | null }>(sql, 'demo', MAX)))?.name ?? null
}

/** How often Baileys thinks that it has read what the devices share, as it is on disk. */
async function syncs({ inner }: Scene<Store>): Promise<number> {
  const sql = "SELECT value FROM keys WHERE session = ? AND type = 'creds'"
  const creds = await inner.read(() => row<{ value: Uint8Array | string }>(sql, 'demo'))
  return Number(/"accountSyncCounter":(\d+)/.exec(Buffer.from(creds?.value ?? '').toString())?.[1] ?? 0)
}
