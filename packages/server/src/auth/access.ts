import type { Operation } from '@wamux/contract'
import { WamuxError } from '@wamux/core'
import type { Store } from '@wamux/core/stores'
import type { Admin } from './admin.ts'
import { type KeyOwner, verifyKey } from './api-keys.ts'

/** Who a request comes from, and whether that one may. The one place that decides it. */
export type Caller = { kind: 'nobody' } | { kind: 'admin' } | ({ kind: 'instance' } & KeyOwner)

const NOBODY: Caller = { kind: 'nobody' }

/** The same words for an instance that does not exist and for one that is somebody else's. */
export const noInstance = (id: string) => new WamuxError('INSTANCE_NOT_FOUND', `There is no instance ${id}.`, { id })

export class Access {
  readonly #store: Store
  readonly #admin: Admin

  constructor(store: Store, admin: Admin) {
    this.#store = store
    this.#admin = admin
  }

  /**
   * Who calls `operation` on the instance `id` (of the path, and of nowhere else).
   * @throws UNAUTHENTICATED, FORBIDDEN, INSTANCE_NOT_FOUND, SETUP_REQUIRED
   */
  async admit(operation: Operation, headers: Headers, id: string | undefined): Promise<Caller> {
    if (operation.who === 'none') return NOBODY
    // Before the credentials: without an administrator no token can be valid, and that is what one has to be told.
    if (operation.who === 'admin') this.#admin.assertSetUp()
    const [admin, owner] = await Promise.all([this.#readToken(headers), this.#readKey(headers)])

    if (admin && operation.who !== 'instance') return { kind: 'admin' }
    if (!owner) {
      if (admin) throw new WamuxError('FORBIDDEN', "This route needs an instance's API key (X-API-Key).")
      if (operation.who === 'either') this.#admin.assertSetUp()
      throw new WamuxError('UNAUTHENTICATED', wanted(operation))
    }
    if (id !== undefined && id !== owner.session) throw noInstance(id)
    if (operation.who === 'admin') throw new WamuxError('FORBIDDEN', 'This route needs the admin token.')
    return { kind: 'instance', ...owner }
  }

  /** For routes that anybody may call and that tell an administrator more. */
  async admitOptionally(headers: Headers): Promise<Caller> {
    return (await this.#readToken(headers)) ? { kind: 'admin' } : NOBODY
  }

  /** For an instance's own port, where the key has to be the one of that instance. */
  async admitKeyOf(id: string, headers: Headers): Promise<Caller> {
    const owner = await this.#readKey(headers)
    if (!owner) throw new WamuxError('UNAUTHENTICATED', 'This route needs the API key of its instance (X-API-Key).')
    if (owner.session !== id) throw noInstance(id)
    return { kind: 'instance', ...owner }
  }

  // A credential that is given has to be valid, also beside another one that is: nobody sends a wrong one on purpose.
  async #readToken(headers: Headers): Promise<boolean> {
    const header = headers.get('authorization')
    if (header === null) return false
    const [, token] = /^Bearer +(\S+)$/i.exec(header) ?? []
    if (token === undefined || !(await this.#admin.verify(token))) {
      if (this.#admin.needsSetup) this.#admin.assertSetUp()
      throw new WamuxError('UNAUTHENTICATED', 'The admin token is not valid (any more).')
    }
    return true
  }

  async #readKey(headers: Headers): Promise<KeyOwner | undefined> {
    const header = headers.get('x-api-key')
    if (header === null) return undefined
    const owner = await verifyKey(this.#store, header)
    if (!owner) throw new WamuxError('UNAUTHENTICATED', 'The API key is not valid.')
    return owner
  }
}

function wanted({ who }: Operation): string {
  if (who === 'admin') return 'This route needs the admin token (Authorization: Bearer …).'
  if (who === 'instance') return "This route needs an instance's API key (X-API-Key)."
  return 'This route needs the admin token (Authorization: Bearer …) or the API key of the instance (X-API-Key).'
}
