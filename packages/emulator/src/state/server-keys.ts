import { Curve } from '@whiskeysockets/baileys'
import { type CertificateAuthority, issueChain } from '../noise/certificates.ts'
import type { Store } from './database.ts'
import type { Random } from './random.ts'

/** A raw X25519 pair, 32 bytes each. */
export interface RawKeyPair {
  readonly public: Buffer
  readonly private: Buffer
}

export interface ServerKeys {
  /** The static key of the Noise handshake; clients may remember it, so it outlives restarts. */
  readonly noise: RawKeyPair
  readonly root: RawKeyPair
  readonly intermediate: RawKeyPair
  readonly chain: Buffer
}

/** Reads the server's long-lived keys, or makes them once. The chain is signed anew at each start, so it never expires. */
export function loadServerKeys(store: Store, random: Random): ServerKeys {
  const authority: CertificateAuthority = {
    root: loadPair(store, random, 'root'),
    intermediate: loadPair(store, random, 'intermediate'),
  }
  const noise = loadPair(store, random, 'noise')
  return { noise, ...authority, chain: issueChain(authority, noise.public) }
}

function loadPair(store: Store, random: Random, name: string): RawKeyPair {
  const saved = store.first<{ value: Buffer }>('SELECT value FROM meta WHERE name = ?', `key:${name}`)
  if (saved) return { public: saved.value.subarray(0, 32), private: saved.value.subarray(32) }
  const pair = random.pair(`server/${name}`)
  store.run('INSERT INTO meta (name, value) VALUES (?, ?)', `key:${name}`, Buffer.concat([pair.public, pair.private]))
  return pair
}

export function newPair(): RawKeyPair {
  const pair = Curve.generateKeyPair()
  return { public: Buffer.from(pair.public), private: Buffer.from(pair.private) }
}
