import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import type { Store } from './database.ts'
import { newPair, type RawKeyPair } from './server-keys.ts'

/** What precedes the 32 bytes of a private X25519 key in PKCS #8, and those of a public one in SPKI. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_LENGTH = 12

/**
 * Where the network gets its random values from: keys, ids, refs, invites. With a seed, from the seed: the same calls
 * then get the same values in every run. Each purpose has a stream of its own, named by the caller, so that what
 * happens elsewhere at the same time does not shift its values.
 */
export class Random {
  readonly #seed: string | undefined
  readonly #taken = new Map<string, number>()

  /** `run` tells the starts on one file apart: an id that was given out before the restart must not come again. */
  constructor(seed?: string, run = 0) {
    this.#seed = seed === undefined ? undefined : `${seed}/${run}`
  }

  /** The next bytes of a stream, such as `message/491234567890`. */
  bytes(length: number, stream: string): Buffer {
    if (this.#seed === undefined) return randomBytes(length)
    const taken = this.#taken.get(stream) ?? 0
    this.#taken.set(stream, taken + 1)
    const name = `${this.#seed}/${stream}/${taken}`
    return createHash('shake256', { outputLength: length }).update(name).digest()
  }

  /** An X25519 pair. */
  pair(stream: string): RawKeyPair {
    if (this.#seed === undefined) return newPair()
    const secret = this.bytes(32, stream)
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, secret]), format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    return { private: secret, public: spki.subarray(SPKI_LENGTH) }
  }

  /** A number from 0 up to, but not including, 1. */
  fraction(stream: string): number {
    return this.bytes(6, stream).readUIntBE(0, 6) / 2 ** 48
  }
}

/** Counts the starts with a seed in the file: the first one is 0. */
export function loadRandom(store: Store, seed: string | number | undefined): Random {
  if (seed === undefined) return new Random()
  const saved = store.first<{ value: Buffer }>("SELECT value FROM meta WHERE name = 'runs'")
  const run = saved ? Number(saved.value.toString()) : 0
  store.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('runs', ?)", Buffer.from(String(run + 1)))
  return new Random(String(seed), run)
}
