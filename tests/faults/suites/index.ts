import type { Suite } from '../runner/suite.ts'
import { corrupt } from './corrupt.ts'
import { disk } from './disk.ts'
import { inbound } from './inbound.ts'
import { firstConnection, pairing } from './linking.ts'
import { outbound } from './outbound.ts'
import { postgres } from './postgres.ts'
import { servers } from './servers.ts'
import { webhook } from './webhook.ts'

/** What `npm run test:faults -- <suite>` knows. */
export const suites: readonly Suite[] = [
  inbound,
  outbound,
  pairing,
  firstConnection,
  webhook,
  disk,
  corrupt,
  postgres,
  ...servers,
]
