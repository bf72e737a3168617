import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AdminToken } from '@wamux/contract'
import { WamuxError } from '@wamux/core'
import { type Store, settings } from '@wamux/core/stores'
import { jwtVerify, SignJWT } from 'jose'
import { checkPassword, hashPassword, type PasswordHash } from './passwords.ts'
import { attempt, bucketOfAddress, bucketOfUser, forget } from './throttle.ts'

const SETUP_MS = 15 * 60_000
const ISSUER = 'wamux'
const AUDIENCE = 'wamux-admin'
const ALGORITHM = 'HS256'

interface Stored extends PasswordHash {
  username: string
  /** Changes with the password; tokens carry it, so that they end with the password they were given for. */
  version: string
}

export interface AdminOptions {
  username?: string | undefined
  password?: string | undefined
  ttlMs: number
  now: () => number
}

/** The one administrator: password, tokens, and the first set-up. */
export class Admin {
  readonly #store: Store
  readonly #options: AdminOptions
  readonly #secret: Uint8Array
  #admin: Stored | undefined
  #setup: { token: string; expiresAt: number } | undefined

  static async open(store: Store, options: AdminOptions): Promise<Admin> {
    const { secret, stored } = await store.write(function* () {
      const found = yield* settings.get('jwt_secret')
      const secret = found ?? randomBytes(32).toString('base64')
      if (found === undefined) yield* settings.set('jwt_secret', secret)
      return { secret, stored: yield* settings.get('admin') }
    })
    const admin = new Admin(store, options, Buffer.from(secret, 'base64'))
    // Only this class writes that setting.
    admin.#admin = stored === undefined ? undefined : (JSON.parse(stored) as Stored)
    const { username = 'admin', password } = options
    if (password === undefined) return admin
    const isKnown = stored !== undefined && (await admin.#is(username, password))
    if (!isKnown) await admin.#save(username, password)
    return admin
  }

  private constructor(store: Store, options: AdminOptions, secret: Uint8Array) {
    this.#store = store
    this.#options = options
    this.#secret = secret
  }

  get needsSetup(): boolean {
    return this.#admin === undefined
  }

  /** A new one-time token for {@link setUp}, good for 15 minutes. An earlier one is void. */
  makeSetupToken(): string {
    const token = randomBytes(32).toString('base64url')
    this.#setup = { token, expiresAt: this.#options.now() + SETUP_MS }
    return token
  }

  /** @throws UNAUTHENTICATED when the token is wrong, used or too old */
  async setUp(token: string, username: string, password: string): Promise<AdminToken> {
    const setup = this.#setup
    const isGood = setup && this.#options.now() < setup.expiresAt && isSame(token, setup.token)
    if (!isGood || this.#admin) throw new WamuxError('UNAUTHENTICATED', 'This set-up token is not valid (any more).')
    // Used up before anything is awaited: two requests at once must not both become the administrator.
    this.#setup = undefined
    try {
      await this.#save(username, password)
    } catch (error) {
      this.#setup = setup
      throw error
    }
    return this.#issue()
  }

  /** @throws UNAUTHENTICATED, RATE_LIMITED, SETUP_REQUIRED */
  async login(username: string, password: string, ip: string | undefined): Promise<AdminToken> {
    this.assertSetUp()
    const buckets = [bucketOfUser(username), bucketOfAddress(ip)]
    const retryAfterMs = await this.#store.write(() => attempt(buckets, this.#options.now()))
    if (retryAfterMs > 0) throw new WamuxError('RATE_LIMITED', 'Too many attempts. Wait.', { retryAfterMs })
    if (!(await this.#is(username, password))) {
      throw new WamuxError('UNAUTHENTICATED', 'The user name or the password is wrong.')
    }
    await this.#store.write(() => forget(buckets))
    return this.#issue()
  }

  /** Whether `token` is one of ours, in time, and given for the password as it is now. */
  async verify(token: string): Promise<boolean> {
    try {
      const { payload } = await jwtVerify(token, this.#secret, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ['exp', 'sub', 'version'],
        currentDate: new Date(this.#options.now()),
      })
      return this.#admin !== undefined && payload.version === this.#admin.version
    } catch {
      return false // jose says why it is not valid; a caller is not told
    }
  }

  /** @throws SETUP_REQUIRED */
  assertSetUp(): void {
    if (!this.needsSetup) return
    throw new WamuxError(
      'SETUP_REQUIRED',
      'There is no administrator yet: POST /api/auth/setup with the token that the server printed at its start.',
    )
  }

  async #is(username: string, password: string): Promise<boolean> {
    const isRight = await checkPassword(password, this.#admin)
    return isSame(username, this.#admin?.username ?? '') && isRight
  }

  async #save(username: string, password: string): Promise<void> {
    const admin: Stored = { username, ...(await hashPassword(password)), version: randomUUID() }
    await this.#store.write(() => settings.set('admin', JSON.stringify(admin)))
    this.#admin = admin
  }

  async #issue(): Promise<AdminToken> {
    const { now, ttlMs } = this.#options
    const issuedAt = Math.floor(now() / 1000)
    const expiresAt = issuedAt + Math.floor(ttlMs / 1000)
    const token = await new SignJWT({ version: this.#admin?.version })
      .setProtectedHeader({ alg: ALGORITHM })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(this.#admin?.username ?? '')
      .setJti(randomUUID())
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#secret)
    return { token, expiresAt: expiresAt * 1000 }
  }
}

/** Compares in the same time whatever the two are: by their hashes, which are of one length. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}
