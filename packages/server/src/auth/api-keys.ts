import { createHash, randomInt, timingSafeEqual } from 'node:crypto'
import { apiKeys, type Store } from '@wamux/core/stores'

/** `wapi_<keyid>_<secret>`: the id finds the row, the secret (256 bits) proves it. Only its hash is stored. */
const FORM = /wapi_([A-Za-z0-9]{12})_([A-Za-z0-9]{43})/
const KEY = new RegExp(`^${FORM.source}$`)
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export interface NewKey {
  id: string
  /** The whole key, shown once. */
  apiKey: string
  hash: string
}

export interface KeyOwner {
  keyId: string
  session: string
}

export function makeKey(): NewKey {
  const id = randomText(12)
  const secret = randomText(43)
  return { id, apiKey: `wapi_${id}_${secret}`, hash: hashOf(secret) }
}

/** A key that was made elsewhere, as makeKey would have given it. */
export function readKey(apiKey: string): NewKey | undefined {
  const [, id, secret] = KEY.exec(apiKey) ?? []
  return id === undefined || secret === undefined ? undefined : { id, apiKey, hash: hashOf(secret) }
}

/** Whether there is a key in `text`, or something that could be one. */
export const holdsKey = (text: string) => FORM.test(text)

/** Whose key it is. The same work is done for one that does not exist. */
export async function verifyKey(store: Store, apiKey: string): Promise<KeyOwner | undefined> {
  const key = readKey(apiKey)
  if (!key) return undefined
  const row = await store.read(() => apiKeys.find(key.id))
  const isRight = timingSafeEqual(Buffer.from(key.hash), Buffer.from(row?.hash ?? hashOf('')))
  if (!row || !isRight || row.revokedAt !== null) return undefined
  return { keyId: row.id, session: row.session }
}

// The secret has the entropy of a key, so a plain hash is enough: there is nothing to guess.
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

const randomText = (length: number) => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('')
