import { initAuthCreds } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import * as keys from '../../src/stores/sql/keys.ts'
import { rows, run, type Store } from '../../src/stores/store.ts'
import { CREDENTIALS, loadCredentials, writeCredentials } from '../../src/whatsapp/credentials.ts'
import { Vault } from '../../src/whatsapp/vault.ts'
import { memory } from '../stores/open.ts'

const account = { phone: '4911111111', lid: null, name: '' }
const put = (store: Store, text: string) => store.write(() => keys.put('s', CREDENTIALS.type, CREDENTIALS.id, text))
const stored = async (store: Store) =>
  (await store.read(() => keys.get('s', CREDENTIALS.type, [CREDENTIALS.id]))).get(CREDENTIALS.id)

describe('credentials', () => {
  test('are made for a session that has none and is not linked, and are on disk before anybody has them', async () => {
    const store = await memory()
    const creds = await loadCredentials(store, 's', null)
    expect(await stored(store)).toBe(writeCredentials(creds))
    expect(writeCredentials(await loadCredentials(store, 's', null))).toBe(writeCredentials(creds))
  })

  test('that are missing although an account is linked are never made anew', async () => {
    const store = await memory()
    await expect(loadCredentials(store, 's', account)).rejects.toMatchObject({
      code: 'CREDENTIALS_UNREADABLE',
      details: { id: 's' },
    })
    expect(await stored(store)).toBeUndefined()
  })

  const creds = initAuthCreds()
  const broken: [what: string, text: string][] = [
    ['nothing', ''],
    ['half of them', writeCredentials(creds).slice(0, 200)],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['a short key', JSON.stringify({ ...creds, noiseKey: { private: [1] } })],
    ['no registration', JSON.stringify({ ...JSON.parse(writeCredentials(creds)), registrationId: null })],
    ['no identity', JSON.stringify({ ...JSON.parse(writeCredentials(creds)), signedIdentityKey: undefined })],
    ['no signed pre-key', JSON.stringify({ ...JSON.parse(writeCredentials(creds)), signedPreKey: undefined })],
  ]
  for (const [what, text] of broken) {
    for (const linked of [null, account]) {
      test(`that are ${what} are an error and stay as they are (${linked ? 'linked' : 'not linked'})`, async () => {
        const store = await memory()
        await put(store, text)
        await expect(loadCredentials(store, 's', linked)).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' })
        expect(await stored(store)).toBe(text)
      })
    }
  }

  test('that a store cannot read are an error of the store, and no new identity', async () => {
    const store = await memory()
    await store.write(() => run('ALTER TABLE keys RENAME TO gone'))
    await expect(loadCredentials(store, 's', null)).rejects.toThrow('keys')
    expect(await store.read(() => rows('SELECT * FROM gone'))).toEqual([])
  })

  test('that are just being written are seen by the next connection, not those before', async () => {
    const store = await memory()
    await put(store, writeCredentials({ ...creds, nextPreKeyId: 1 }))
    const write = put(store, writeCredentials({ ...creds, nextPreKeyId: 31 }))
    expect((await loadCredentials(store, 's', null)).nextPreKeyId).toBe(31)
    await write
  })

  test('of a pairing code that nobody typed forget whom they were for', async () => {
    const store = await memory()
    const me = { id: '4911111111@s.whatsapp.net' }
    await put(store, writeCredentials({ ...creds, me, pairingCode: 'ABCDEFGH' }))
    const loaded = await loadCredentials(store, 's', null)
    expect(loaded.me).toBeUndefined()
    expect(loaded.pairingCode).toBeUndefined()
  })
})

describe('the vault', () => {
  const linked = {
    ...creds(),
    me: { id: '4911111111:5@s.whatsapp.net', lid: '99999:5@lid', name: 'Taxi' },
    account: { details: new Uint8Array([1]) },
  }
  function creds() {
    return initAuthCreds()
  }
  const vaultOn = (store: Store, values = creds()) =>
    new Vault({
      store,
      session: 's',
      creds: values,
      account: null,
      onFailed: () => {},
      onAccount: () => {},
      onCommitted: () => {},
    })

  test('writes changed credentials with the next keys, in one commit', async () => {
    const store = await memory()
    const values = creds()
    const vault = vaultOn(store, values)
    await vault.commit({ 'pre-key': {} })
    expect(await stored(store)).toBeUndefined()
    values.nextPreKeyId = 31
    vault.touchCreds()
    await vault.commit({ 'device-list': { a: ['1'] } })
    expect(JSON.parse((await stored(store)) ?? '{}').nextPreKeyId).toBe(31)
  })

  test('says while changed credentials are being written, and writes what changes meanwhile too', async () => {
    const store = await memory()
    const values = creds()
    const vault = vaultOn(store, values)
    expect(vault.saving).toBeUndefined()
    values.nextPreKeyId = 2
    vault.credsChanged()
    values.nextPreKeyId = 3
    vault.credsChanged()
    while (vault.saving) await vault.saving
    expect(JSON.parse((await stored(store)) ?? '{}').nextPreKeyId).toBe(3)
  })

  test('notes the account in the commit that first holds its signature', async () => {
    const store = await memory()
    await store.write(() => run("INSERT INTO sessions VALUES ('s', 's', 'running', NULL, NULL, 0, 1, 0, 0)"))
    const vault = vaultOn(store, linked)
    expect(vault.account).toEqual({ phone: '4911111111', lid: '99999@lid', name: 'Taxi' })
    vault.credsChanged()
    while (vault.saving) await vault.saving
    const [row] = await store.read(() => rows<{ account: string }>('SELECT account FROM sessions'))
    expect(JSON.parse(row?.account ?? '')).toEqual(vault.account)
  })

  test('knows no account before the signature: asking for a pairing code already writes a name', () => {
    const { account: _, ...asked } = linked
    expect(
      new Vault({
        store: neverAsked,
        session: 's',
        creds: asked,
        account: null,
        onFailed() {},
        onAccount() {},
        onCommitted() {},
      }).account,
    ).toBeNull()
  })
  const neverAsked: Store = {
    read: () => Promise.reject(new Error('asked')),
    write: () => Promise.reject(new Error('asked')),
    close: async () => {},
  }

  test('an ended one leaves no rejection behind, even when the store is closed as well', async () => {
    const store = await memory()
    const vault = vaultOn(store)
    vault.close()
    await store.close()
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    try {
      for (const asked of [
        vault.get('session', ['a']),
        vault.idsFrom('session', 'a'),
        vault.plaintext('h'),
        vault.commit({ session: {} }),
      ])
        await expect(asked).rejects.toMatchObject({ code: 'STOPPING' })
      vault.credsChanged()
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})
