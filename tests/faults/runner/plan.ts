import type { Random } from './random.ts'

/** When a process is killed. */
export interface Plan {
  /** So long after it was told to start; of a plan with an `effect`: when that has not come by then. */
  ms: number
  /** Before or after so many effects, from 1; `during` a commit only its answer is missing. */
  effect?: number
  when?: 'before' | 'during' | 'after'
  /** Counts only effects whose name holds this. */
  like?: string
}

export interface PlanOptions {
  /** The latest moment. A process is online after about 300 ms. */
  withinMs?: number
  /** About as many effects happen in that time. */
  effects?: number
  like?: string | undefined
  /** In how many lives the line goes dead before the kill: what was handed to the system is lost then, too. */
  deadLines?: number
}

/** A quarter of the kills that come at a moment come before the process is online. */
export const ONLINE_MS = 300

/** Half of the kills come at a moment, the other half between two effects. */
export function drawPlan(random: Random, { withinMs = 1_200, effects = 120, like }: PlanOptions = {}): Plan {
  const ms = random.chance(0.25) ? 20 + random.below(ONLINE_MS) : ONLINE_MS + random.below(withinMs - ONLINE_MS)
  const when = random.pick(['before', 'during', 'after', 'after'] as const)
  const effect = 1 + random.below(effects)
  if (like !== undefined) return { ms: 2 * withinMs, effect: 1 + (effect % 8), when, like }
  return random.chance(0.5) ? { ms } : { ms: withinMs, effect, when }
}
