import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Curve } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { createEmulator, type EmulatorOptions } from '../src/index.ts'
import { Random } from '../src/state/random.ts'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

/** What a run shows of the values that the network makes up, down to what a client gets to see of them. */
async function run(options: EmulatorOptions) {
  const shown: Record<string, unknown> = {}
  await withEmulator(async (emulator, client) => {
    shown.root = emulator.rootPublicKey.toString('hex')
    const max = emulator.contact(MAX)
    const phone = emulator.phone(ALICE, { name: 'Alice' })
    const group = emulator.group({ subject: 'Team', members: [phone, max] })
    const alice = client().connect()
    const qr = await alice.until(() => alice.qr)
    shown.ref = qr.slice(0, qr.indexOf(',')) // what follows are keys of the client
    await phone.scans(qr)
    await alice.synced()
    shown.group = group.id
    shown.invite = await alice.sock.groupInviteCode(group.id)
    const { id } = await max.says(ALICE, 'Hallo')
    await alice.hears('Hallo')
    const accountKey = alice.auth.creds.account?.accountSignatureKey ?? []
    Object.assign(shown, { id, identity: Buffer.from(accountKey).toString('hex'), lids: [max.lid, phone.lid] })
  }, options)
  return shown
}

test('two runs with one seed show the same keys, ids, refs and invites; another seed shows others', async () => {
  const first = await run({ seed: 'one' })
  expect(await run({ seed: 'one' })).toEqual(first)
  const other = await run({ seed: 'two' })
  const unlike = Object.keys(first).filter((name) => name !== 'lids') // those follow from the numbers
  for (const name of unlike) expect(other[name], name).not.toEqual(first[name])
  expect(other.lids).toEqual(first.lids)
})

test('what was given out before a restart does not come again after it, with the same seed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const options = { seed: 7, file: join(folder, 'network.db') }
  const ids: string[] = []
  for (let start = 0; start < 2; start++) {
    const emulator = await createEmulator(options)
    emulator.contact(ALICE)
    ids.push((await emulator.contact(MAX).says(ALICE, 'Hallo')).id)
    await emulator.close()
  }
  expect(new Set(ids).size).toBe(2)
  rmSync(folder, { recursive: true })
})

test('a stream gives its own values, whatever is taken from others in between', () => {
  const [alone, disturbed] = [new Random('seed'), new Random('seed')]
  disturbed.bytes(8, 'other')
  expect(disturbed.bytes(8, 'mine')).toEqual(alone.bytes(8, 'mine'))
  expect(disturbed.bytes(8, 'mine')).toEqual(alone.bytes(8, 'mine'))
  expect(new Set([0, 1, 2].map(() => alone.bytes(8, 'mine').toString('hex'))).size).toBe(3)
})

test('a pair from a seed is a pair: both sides agree on a secret', () => {
  const random = new Random('seed')
  const [ours, theirs] = [random.pair('a'), random.pair('b')]
  expect(ours.private).toHaveLength(32)
  expect(Curve.sharedKey(ours.private, theirs.public)).toEqual(Curve.sharedKey(theirs.private, ours.public))
})
