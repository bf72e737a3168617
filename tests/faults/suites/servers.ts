import type { Suite } from '../runner/suite.ts'
import { serverCertificates } from './server-certificates.ts'
import { serverDecrypt } from './server-decrypt.ts'
import { serverDrop } from './server-drop.ts'
import { serverFlap } from './server-flap.ts'
import { serverFrames } from './server-frames.ts'
import { serverLies } from './server-lies.ts'
import { serverNacks } from './server-nacks.ts'
import { serverOrder } from './server-order.ts'
import { serverSlow } from './server-slow.ts'

/** S1–S10: what servers can do to us. */
export const servers: readonly Suite[] = [
  serverDrop,
  serverNacks,
  serverFlap,
  serverFrames,
  serverOrder,
  serverCertificates,
  serverDecrypt,
  serverSlow,
  serverLies,
]
