import { decodeBinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { withDefaults } from '../src/options.ts'
import { Store } from '../src/state/database.ts'
import { newPair } from '../src/state/server-keys.ts'
import { World } from '../src/world/world.ts'

const ALICE = '15550001001'

function newWorld(): World {
  const world = new World(withDefaults({}), new Store(undefined), () => [])
  world.accounts.ensure(ALICE, 'phone')
  const key = newPair().public
  world.devices.add({
    phone: ALICE,
    device: 1,
    keyIndex: 1,
    noiseKey: key,
    identityKey: key,
    registrationId: 7,
    signedPreKey: { id: 1, value: key, signature: Buffer.alloc(64) },
    signedIdentity: Buffer.from('signed'),
    platform: 'web',
    linkedAt: 0,
    isSettled: true,
  })
  return world
}

test('a one-time key of a companion is handed out once, and the owner is asked for more when few are left', async () => {
  const world = newWorld()
  const keys = Array.from({ length: 6 }, (_, index) => ({ id: index + 3, value: newPair().public }))
  world.bundles.upload(ALICE, 1, keys)
  world.bundles.upload(ALICE, 1, keys.slice(0, 2)) // the same ids again: replaced, not doubled
  expect(world.bundles.count(ALICE, 1)).toBe(6)
  const taken = Array.from({ length: 7 }, () => world.takeBundle(ALICE, 1)?.oneTimeKey?.id)
  expect(taken).toEqual([3, 4, 5, 6, 7, 8, undefined])
  const asked = await Promise.all(world.post.after(ALICE, 1, 0, 10).map(({ body }) => decodeBinaryNode(body)))
  expect(asked).toMatchObject([
    { attrs: { type: 'encrypt', from: '@s.whatsapp.net' }, content: [{ tag: 'count', attrs: { value: '4' } }] },
  ])
})

test('a phone never runs out of one-time keys', () => {
  const world = newWorld()
  const taken = Array.from({ length: 3 }, () => world.takeBundle(ALICE, 0)?.oneTimeKey?.id)
  expect(taken).toEqual([1, 2, 3])
})

test('the digest names the keys that are left', () => {
  const world = newWorld()
  world.bundles.upload(ALICE, 1, [
    { id: 9, value: newPair().public },
    { id: 4, value: newPair().public },
  ])
  expect(world.bundles.digest(ALICE, 1)).toMatchObject({ ids: [4, 9], hash: expect.any(Buffer) })
  expect(world.bundles.digest(ALICE, 1)?.hash).toHaveLength(20)
})
