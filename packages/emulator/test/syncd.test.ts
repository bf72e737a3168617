import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LT_HASH_ANTI_TAMPERING } from '@whiskeysockets/baileys'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { createEmulator } from '../src/index.ts'
import { syncKeyId, turnOf } from '../src/syncd/keys.ts'
import { EMPTY_HASH, foldHash } from '../src/syncd/lt-hash.ts'
import { openMutation, sealMutation } from '../src/syncd/mutations.ts'

const mac = (n: number) => createHash('sha256').update(String(n)).digest()
const macs = Array.from({ length: 20 }, (_, n) => mac(n))
const key = { id: syncKeyId(1), data: mac(99), madeAt: 0 }
const action = { index: ['pin_v1', 'someone'], value: { pinAction: { pinned: true } }, version: 5 }

test('the hash of a collection is the one that WhatsApp’s own code computes', () => {
  const all = foldHash(EMPTY_HASH, [], macs)
  expect(all.equals(LT_HASH_ANTI_TAMPERING.subtractThenAdd(EMPTY_HASH, [], macs))).toBe(true)
  const some = foldHash(all, macs.slice(0, 7), [mac(100)])
  expect(some.equals(LT_HASH_ANTI_TAMPERING.subtractThenAdd(all, macs.slice(0, 7), [mac(100)]))).toBe(true)
  expect(foldHash(EMPTY_HASH, [], [...macs.slice(7), mac(100)]).equals(some)).toBe(true)
  expect(foldHash(all, macs, [])).toEqual(EMPTY_HASH)
})

test('a mutation opens with its key only, and not when a bit of it was changed', () => {
  const sealed = sealMutation(key, action, 'set', Buffer.alloc(16, 1))
  expect(openMutation(key, sealed)).toMatchObject(action)
  expect(() => openMutation({ ...key, data: mac(98) }, sealed)).toThrow('MAC of a value')
  expect(() => openMutation(key, { ...sealed, operation: 'remove' })).toThrow('MAC of a value')
  expect(() => openMutation(key, { ...sealed, indexMac: mac(1) })).toThrow('MAC of an index')
  for (let at = 0; at < sealed.blob.length; at += 5) {
    const blob = Buffer.from(sealed.blob)
    blob.writeUInt8(blob.readUInt8(at) ^ 1, at)
    expect(() => openMutation(key, { ...sealed, blob })).toThrow('MAC of a value')
  }
})

test('keys are named by the turn in which they were made', () => {
  expect(syncKeyId(1)).toEqual(Buffer.from([0, 0, 0, 0, 0, 1]))
  expect(turnOf(syncKeyId(70_000))).toBe(70_000)
})

test('state lasts in the file, also in one of an earlier version, which held nothing but patches', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emulator-'))
  const file = join(folder, 'network.db')
  try {
    let emulator = await createEmulator({ file })
    emulator.contact('491234567890')
    const phone = emulator.phone('15550001001')
    phone.pinsChat('491234567890')
    phone.pinsChat('491234567890', false)
    phone.renamesContact('491234567890', 'Max')
    phone.mutesChat('491234567890')
    phone.renamesContact('491234567890')
    const state = phone.state()
    expect(state.map(({ index }) => index[0])).toEqual(['mute', 'pin_v1'])
    await emulator.close()
    for (const table of ['app_state_heads', 'app_state_records']) {
      const db = new Database(file)
      db.exec(`DELETE FROM ${table}`)
      db.close()
    }
    emulator = await createEmulator({ file })
    expect(emulator.phone('15550001001').state()).toEqual(state)
    await emulator.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
