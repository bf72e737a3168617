import type { Suite } from '../runner/suite.ts'
import { inbound } from './inbound.ts'
import { outbound } from './outbound.ts'

/** What `npm run test:faults -- <suite>` knows. */
export const suites: readonly Suite[] = [inbound, outbound]
