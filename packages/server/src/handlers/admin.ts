import { type Health, openApi } from '@wamux/contract'
import type { SessionState } from '@wamux/core'
import { outbox } from '@wamux/core/stores'
import { unhandledRejections } from '../rejections.ts'
import type { Services } from '../services.ts'
import type { Handler } from './handler.ts'

/** The server itself: health, its description, and the administrator. */
export const admin: { [N in 'health' | 'openapi' | 'login' | 'setup']: Handler<N> } = {
  health: async (_, { caller, services }) => {
    const data: Health = { status: 'ok', version: services.version }
    return { data: caller.kind === 'admin' ? { ...data, ...(await look(services)) } : data }
  },

  openapi: async (_, { services }) => Response.json(openApi({ version: services.version })),

  login: async ({ body }, { services, request }) => ({
    data: await services.admin.login(body.username, body.password, request.ip),
  }),

  setup: async ({ body }, { services }) => ({
    data: await services.admin.setUp(body.token, body.username, body.password),
  }),
}

async function look({ manager, store }: Services): Promise<Required<Omit<Health, 'status' | 'version'>>> {
  const sessions: Record<SessionState, number> = {
    stopped: 0,
    connecting: 0,
    linking: 0,
    ready: 0,
    waiting: 0,
    logged_out: 0,
    failed: 0,
  }
  for (const { state } of await Promise.all(manager.sessions().map((session) => session.info()))) sessions[state]++
  const { count, oldestAt } = await store.read(() => outbox.waiting())
  return { sessions, queue: { depth: count, oldestAt }, unhandledRejections: unhandledRejections() }
}
