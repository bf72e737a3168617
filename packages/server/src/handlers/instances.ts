import { randomUUID } from 'node:crypto'
import type { Instance } from '@wamux/contract'
import { invalid, type Session, WamuxError } from '@wamux/core'
import { apiKeys, ports } from '@wamux/core/stores'
import { holdsKey, makeKey } from '../auth/api-keys.ts'
import type { Services } from '../services.ts'
import type { Call, Handler } from './handler.ts'

/** Instances: the wire's word for sessions, with a port of their own if they have one. */
export const instances: {
  [N in
    | 'createInstance'
    | 'listInstances'
    | 'getInstance'
    | 'updateInstance'
    | 'deleteInstance'
    | 'startInstance'
    | 'stopInstance'
    | 'restartInstance'
    | 'logoutInstance']: Handler<N>
} = {
  createInstance: async ({ body: { id = randomUUID(), name, port } }, { services }) => {
    const { manager, now } = services
    if (holdsKey(id)) throw invalid('id', 'must not look like an API key: no URL with it would be answered')
    // Asked first, because opening the port of an instance that exists would be the wrong thing to fail at.
    if (manager.sessions().some((session) => session.id === id)) {
      throw new WamuxError('INSTANCE_EXISTS', `There is an instance ${id} already.`, { id })
    }
    const opened = port === undefined ? undefined : await services.ports.open(id, port)
    const key = makeKey()
    try {
      const session = await manager.create({
        id,
        ...(name !== undefined && { name }),
        // In the transaction of the session itself: an instance without its key could not be used by anybody.
        setup: function* () {
          yield* apiKeys.add({ id: key.id, session: id, hash: key.hash, createdAt: now() })
          if (port !== undefined) yield* ports.set(id, port)
        },
      })
      opened?.keep()
      return { data: { ...(await describe(session, services)), apiKey: key.apiKey } }
    } catch (error) {
      await opened?.close()
      throw error
    }
  },

  listInstances: async ({ query: { limit = 50, cursor } }, { services }) => {
    const { manager, store } = services
    const [infos, all] = await Promise.all([
      Promise.all(manager.sessions().map((session) => session.info())),
      store.read(() => ports.all()),
    ])
    const portOf = new Map(all.map(({ session, port }) => [session, port]))
    const place = ({ createdAt, id }: { createdAt: number; id: string }) =>
      `${String(createdAt).padStart(16, '0')} ${id}`
    const after = cursor === undefined ? undefined : readCursor(cursor)
    const newestFirst = infos
      .filter((info) => after === undefined || place(info) < after)
      .sort((a, b) => (place(a) < place(b) ? 1 : -1))
    const page = newestFirst.slice(0, limit)
    const last = page.at(-1)
    return {
      data: page.map((info) => ({ ...info, port: portOf.get(info.id) ?? null })),
      nextCursor: last && newestFirst.length > limit ? Buffer.from(place(last)).toString('base64url') : null,
    }
  },

  getInstance: (_, call) => shown(call),

  updateInstance: async ({ body: { name, port } }, call) => {
    const { services } = call
    const { id } = call.session()
    // The port first: it is what can fail, and then nothing may be changed.
    if (port === null) await services.ports.remove(id)
    else if (port !== undefined) await services.ports.change(id, port)
    if (name !== undefined) await services.manager.rename(id, name)
    return shown(call)
  },

  deleteInstance: async ({ params: { id } }, { services }) => {
    await services.manager.remove(id)
    await services.ports.close(id)
    return { data: null }
  },

  startInstance: async (_, call) => {
    await call.session().start()
    return shown(call)
  },

  stopInstance: async (_, call) => {
    await call.session().stop()
    return shown(call)
  },

  restartInstance: async (_, call) => {
    await call.session().restart()
    return shown(call)
  },

  logoutInstance: async (_, call) => {
    await call.session().logout()
    return shown(call)
  },
}

async function shown({ session, services }: Call): Promise<{ data: Instance }> {
  return { data: await describe(session(), services) }
}

async function describe(session: Session, { store }: Services): Promise<Instance> {
  const [info, port] = await Promise.all([session.info(), store.read(() => ports.get(session.id))])
  return { ...info, port }
}

function readCursor(cursor: string): string {
  const place = Buffer.from(cursor, 'base64url').toString()
  if (!/^\d{16} [A-Za-z0-9_-]{1,64}$/.test(place)) throw invalid('cursor', 'is not the nextCursor of a page')
  return place
}
