import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** Memory-hard hashes of passwords: 32 MiB and about a quarter of a second each. */
export interface PasswordHash {
  salt: string
  hash: string
}

const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }
const LENGTH = 32

// One after the other: somebody who knocks a thousand times must not take a thousand times 32 MiB.
let tail: Promise<unknown> = Promise.resolve()

function derive(password: string, salt: string): Promise<Buffer> {
  const next = tail.then(
    () =>
      new Promise<Buffer>((resolve, reject) => {
        scrypt(password.normalize('NFKC'), Buffer.from(salt, 'base64'), LENGTH, COST, (error, key) =>
          error ? reject(error) : resolve(key),
        )
      }),
  )
  // The failure belongs to the caller of `next`; the queue goes on.
  tail = next.catch(() => {})
  return next
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16).toString('base64')
  return { salt, hash: (await derive(password, salt)).toString('base64') }
}

/** Takes the same time without `expected`, so that an unknown name cannot be told from a wrong password. */
export async function checkPassword(password: string, expected: PasswordHash | undefined): Promise<boolean> {
  const { salt, hash } = expected ?? { salt: '', hash: '' }
  const found = await derive(password, salt)
  const wanted = Buffer.alloc(LENGTH)
  wanted.set(Buffer.from(hash, 'base64').subarray(0, LENGTH))
  return timingSafeEqual(found, wanted) && expected !== undefined
}
