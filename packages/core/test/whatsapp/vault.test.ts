import { initAuthCreds } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { openMemoryStore, type Store } from '../../src/stores/index.ts'
import { Vault } from '../../src/whatsapp/vault.ts'

/** A vault whose next write fails with what is not the database's own error. */
async function broken() {
  const kept = await openMemoryStore()
  const fault = new TypeError('a fault of ours')
  const store: Store = {
    ...kept,
    read: (work) => kept.read(work),
    write: () => Promise.reject(fault),
    close: () => kept.close(),
  }
  const failures: unknown[] = []
  const vault = new Vault({
    store,
    session: 's',
    creds: initAuthCreds(),
    account: null,
    onFailed: (error) => failures.push(error),
    onAccount() {},
    onCommitted() {},
  })
  return { vault, failures, fault }
}

test('credentials that could not be kept close the vault, whatever the reason', async () => {
  const { vault, failures, fault } = await broken()
  vault.credsChanged()
  await vault.saving
  expect(failures).toEqual([fault])
  expect(vault.closedBecause).toBe(fault)
})

test('keys that could not be kept close the vault, whatever the reason', async () => {
  const { vault, failures, fault } = await broken()
  await expect(vault.commit({ 'device-list': { '491234567890': ['0'] } })).rejects.toBe(fault)
  expect(failures).toEqual([fault])
})

test('a fault of what is written beside keys is only told to who asked for it', async () => {
  const { vault, failures, fault } = await broken()
  await expect(vault.commit({}, [function* () {}])).rejects.toBe(fault)
  expect(failures).toEqual([])
  expect(vault.isOpen).toBe(true)
})
