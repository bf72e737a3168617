import { type Backoff, backoffMs, type Dial, goOn } from './backoff.ts'
import type { Disconnect } from './disconnects.ts'
import { DEFAULT_STORE_RETRY_MS } from './options.ts'
import type { FailureReason } from './shared.ts'

/** After this long in `ready` the next loss counts as the first again. */
export const STEADY_MS = 30_000
/** More 515 in a row than this are a server that only says "restart": back off like after any loss. */
const RESTARTS_IN_A_ROW = 2

export type Life =
  | { name: 'stopped' }
  | { name: 'connecting'; attempt: number; restarts: number }
  | { name: 'linking'; attempt: number; restarts: number }
  | { name: 'ready'; since: number; attempt: number; restarts: number }
  | { name: 'waiting'; attempt: number; until: number }
  | { name: 'logged_out'; cause: string }
  | { name: 'failed'; reason: FailureReason; until: number | null }

export type Input =
  | { type: 'start' }
  | { type: 'resume'; last: Dial }
  | { type: 'stop' }
  | { type: 'linking' }
  | { type: 'opened' }
  | { type: 'closed'; why: Disconnect }
  | { type: 'waited' }
  | { type: 'logout' }

export type Effect = { do: 'open' } | { do: 'close' } | { do: 'wait'; ms: number } | { do: 'forget_credentials' }

export interface Step {
  life: Life
  effects: Effect[]
}

export interface Chance {
  now: number
  random?: () => number
  backoff?: Backoff
  /** After how long a session whose store failed tries again. */
  storeRetryMs?: number
}

/** Decides what a session does next. Pure: `supervisor.ts` carries the effects out. */
export function next(life: Life, input: Input, chance: Chance): Step {
  switch (input.type) {
    case 'start':
      if (isRunning(life) && life.name !== 'waiting') return stay(life)
      return { life: { name: 'connecting', attempt: 0, restarts: 0 }, effects: [{ do: 'open' }] }
    case 'resume': {
      if (isRunning(life)) return stay(life)
      const { attempt, ms } = goOn(input.last, chance.now, chance.random, chance.backoff)
      return ms === 0
        ? { life: { name: 'connecting', attempt, restarts: 0 }, effects: [{ do: 'open' }] }
        : waiting(attempt, ms, chance.now)
    }
    case 'stop':
      return { life: { name: 'stopped' }, effects: life.name === 'stopped' ? [] : [{ do: 'close' }] }
    case 'linking':
      if (life.name !== 'connecting') return stay(life)
      return { life: { name: 'linking', attempt: life.attempt, restarts: life.restarts }, effects: [] }
    case 'opened':
      if (life.name !== 'connecting' && life.name !== 'linking') return stay(life)
      return {
        life: { name: 'ready', since: chance.now, attempt: life.attempt, restarts: life.restarts },
        effects: [],
      }
    case 'waited':
      if (life.name === 'waiting') {
        return { life: { name: 'connecting', attempt: life.attempt, restarts: 0 }, effects: [{ do: 'open' }] }
      }
      if (life.name === 'failed' && life.reason === 'STORE_FAILED') {
        return { life: { name: 'connecting', attempt: 0, restarts: 0 }, effects: [{ do: 'open' }] }
      }
      return stay(life)
    case 'logout':
      return {
        life: { name: 'logged_out', cause: 'requested' },
        effects: [{ do: 'close' }, { do: 'forget_credentials' }],
      }
    case 'closed':
      // While it waits there is no connection that could close: this is said by an old one.
      return isRunning(life) && life.name !== 'waiting' ? closed(life, input.why, chance) : stay(life)
  }
}

/** Whether the session wants a connection now. */
export function isRunning(life: Life): boolean {
  return life.name === 'connecting' || life.name === 'linking' || life.name === 'ready' || life.name === 'waiting'
}

function closed(life: Life, why: Disconnect, chance: Chance): Step {
  switch (why.kind) {
    case 'restart': {
      const { attempt, restarts } = countsOf(life, chance.now)
      if (restarts >= RESTARTS_IN_A_ROW) return lost(life, chance)
      return { life: { name: 'connecting', attempt, restarts: restarts + 1 }, effects: [{ do: 'open' }] }
    }
    case 'lost':
      return lost(life, chance)
    case 'logged_out':
      return { life: { name: 'logged_out', cause: why.cause }, effects: [{ do: 'forget_credentials' }] }
    case 'failed':
      return {
        life: { name: 'failed', reason: why.reason, until: why.until },
        effects:
          why.reason === 'STORE_FAILED' ? [{ do: 'wait', ms: chance.storeRetryMs ?? DEFAULT_STORE_RETRY_MS }] : [],
      }
  }
}

function lost(life: Life, { now, random, backoff }: Chance): Step {
  const attempt = countsOf(life, now).attempt + 1
  return waiting(attempt, backoffMs(attempt, random, backoff), now)
}

const waiting = (attempt: number, ms: number, now: number): Step => ({
  life: { name: 'waiting', attempt, until: now + ms },
  effects: [{ do: 'wait', ms }],
})

const stay = (life: Life): Step => ({ life, effects: [] })

/** How often it was lost or restarted in a row; only a connection that held ends the row. */
export function countsOf(life: Life, now: number): { attempt: number; restarts: number } {
  if (life.name === 'connecting' || life.name === 'linking') return life
  return life.name === 'ready' && now - life.since < STEADY_MS ? life : { attempt: 0, restarts: 0 }
}
