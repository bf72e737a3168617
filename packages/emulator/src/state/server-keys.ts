import { Curve } from '@whiskeysockets/baileys'
import { type CertificateAuthority, issueChain } from '../noise/certificates.ts'
import type { Store } from './database.ts'

/** A raw X25519 pair, 32 bytes each. */
export interface RawKeyPair {
  readonly public: Buffer
  readonly private: Buffer
}

export interface ServerKeys {
  /** The static key of the Noise handshake; clients may remember it, so it outlives restarts. */
  readonly noise: RawKeyPair
  readonly root: RawKeyPair
  readonly chain: Buffer
}

/** Reads the server's long-lived keys, or makes them once. The chain is signed anew at each start, so it never expires. */
export function loadServerKeys(store: Store): ServerKeys {
  const authority: CertificateAuthority = {
    root: loadPair(store, 'root'),
    intermediate: loadPair(store, 'intermediate'),
  }
  const noise = loadPair(store, 'noise')
  return { noise, root: authority.root, chain: issueChain(authority, noise.public) }
}

function loadPair(store: Store, name: string): RawKeyPair {
  const saved = store.first<{ value: Buffer }>('SELECT value FROM meta WHERE name = ?', `key:${name}`)
  if (saved) return { public: saved.value.subarray(0, 32), private: saved.value.subarray(32) }
  const pair = newPair()
  store.run('INSERT INTO meta (name, value) VALUES (?, ?)', `key:${name}`, Buffer.concat([pair.public, pair.private]))
  return pair
}

export function newPair(): RawKeyPair {
  const pair = Curve.generateKeyPair()
  return { public: Buffer.from(pair.public), private: Buffer.from(pair.private) }
}
