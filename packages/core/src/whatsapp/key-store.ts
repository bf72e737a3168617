import { initAuthCreds, type SignalDataSet, type SignalDataTypeMap, type SignalKeyStore } from '@whiskeysockets/baileys'
import type { Store } from '../stores/store.ts'
import { Vault } from './vault.ts'

export type { SignalDataSet, SignalDataTypeMap, SignalKeyStore }

/** A session's keys in a store, as a connection reads and writes them. Without a connection: for tests of stores. */
export function keysIn(store: Store, session: string): SignalKeyStore {
  const vault = new Vault({
    store,
    session,
    creds: initAuthCreds(), // never touched, and so never written
    account: null,
    onFailed() {}, // whoever calls is told
    onAccount() {},
    onCommitted() {},
  })
  return { get: (type, ids) => vault.get(type, ids), set: (data) => vault.commit(data) }
}
