import makeWASocket, { type AuthenticationState, type SocketConfig } from '@whiskeysockets/baileys'
import type { Resends } from './resends.ts'
import type { RetryCounts } from './retry-counts.ts'
import { sending } from './sending.ts'
import type { Signal } from './signal.ts'
import { silentBaileysLogger } from './silent-logger.ts'

export type BaileysOptions = Partial<SocketConfig>

/** What a socket stands on. */
export interface Below {
  auth: AuthenticationState
  signal: Signal
  retries: RetryCounts
  /** What was sent, for whoever asks for it again. */
  resends: Resends
}

/** Dials. What `baileys` says comes before our habits, and after what the promises need. */
export function makeSocket({ auth, signal, retries, resends }: Below, baileys: BaileysOptions) {
  const sock = makeWASocket({
    logger: silentBaileysLogger,
    markOnlineOnConnect: false,
    syncFullHistory: false,
    // Own sends are recorded by the outbox; the retry manager stays on, or an unreadable message holds its lane 2 s.
    emitOwnEvents: false,
    enableRecentMessageCache: true,
    retryRequestDelayMs: 0,
    ...baileys,
    auth,
    makeSignalRepository: signal.makeRepository,
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    msgRetryCounterCache: retries,
    cachedGroupMetadata: async () => sending.getStore()?.group,
    getMessage: async ({ id }) => (id ? resends.message(id) : undefined),
  })
  resends.over(sock)
  return sock
}
