import type { SessionManager } from '@wamux/core'
import type { Store } from '@wamux/core/stores'
import type { Logger } from 'pino'
import type { Access } from './auth/access.ts'
import type { Admin } from './auth/admin.ts'
import type { InstancePorts } from './instance-ports.ts'
import type { Clock } from './webhooks/clock.ts'
import type { Dispatcher } from './webhooks/dispatcher.ts'
import type { OutboundGuard } from './webhooks/guard.ts'

/** What the handlers work with. */
export interface Services {
  manager: SessionManager
  store: Store
  admin: Admin
  access: Access
  ports: InstancePorts
  webhooks: Dispatcher
  guard: OutboundGuard
  logger: Logger
  version: string
  clock: Clock
  /** {@link Clock.now}. */
  now: () => number
  /** Aborted when the server begins to stop: streams end then. */
  stopping: AbortSignal
}
