import type { Random } from './random.ts'

/** When a process is killed. */
export interface Plan {
  /** So long after it was told to start, or after it listened; of a plan with an `effect`: when that has not come by then. */
  ms: number
  from: 'start' | 'listening'
  /** Before or after so many effects, from 1; `during` a commit only its answer is missing. */
  effect?: number
  when?: 'before' | 'during' | 'after'
  /** Counts only effects whose name holds this. */
  like?: string
  /** Instead of all that: where the first of {@link pointsOf} a place is none of these, after `skip` others. */
  except?: readonly string[]
  skip?: number
}

export interface PlanOptions {
  /** The latest moment, after the server listens. It is online about 150 ms later. */
  withinMs?: number
  /** How long a server takes until it listens. */
  startMs?: number
  /** About as many effects happen in that time. */
  effects?: number
  /** By how much the machine is slower than it could be. */
  slowness?: number
  /** See {@link readAt}. */
  at?: string | undefined
  /** In how many lives the line goes dead before the kill: what was handed to the system is lost then, too. */
  deadLines?: number
}

/** `--at` that kills at every effect that there is. */
export const EACH_POINT = 'each-point'

/**
 * The points of a place such as `after commit keys/session+messages`: of a commit one for each thing that is in it. What
 * happens to be committed together is different each time.
 */
export function pointsOf(place: string): string[] {
  const [, commit, parts] = /^(\w+ commit )(.*)$/.exec(place) ?? []
  return commit === undefined || parts === undefined ? [place] : parts.split('+').map((part) => commit + part)
}

/** Half of the kills come at a moment, a quarter of these before the server listens; the other half between two effects. */
export function drawPlan(random: Random, options: PlanOptions = {}): Plan {
  const { slowness = 1, effects = 120, at } = options
  const withinMs = Math.round(slowness * (options.withinMs ?? 900))
  const startMs = Math.round(slowness * (options.startMs ?? 250))
  const isEarly = random.chance(0.25)
  const ms = 20 + random.below(isEarly ? startMs : withinMs)
  const when = random.pick(['before', 'during', 'after', 'after'] as const)
  const effect = 1 + random.below(effects)
  if (at !== undefined) return { ms: 5 * withinMs, from: 'listening', effect: 1 + (effect % 8), when, ...readAt(at) }
  if (random.chance(0.5)) return { ms: withinMs, from: 'listening', effect, when }
  return { ms, from: isEarly ? 'start' : 'listening' }
}

/** `keys/creds`, `before keys/creds`, or `before 1. keys/creds`: which effects, and of these which one. */
function readAt(text: string): Pick<Plan, 'like' | 'when' | 'effect'> {
  const [, when, place, like = ''] = /^(?:(before|during|after) )?(?:(\d+)\. )?(.*)$/.exec(text) ?? []
  return {
    like,
    ...(when !== undefined && { when: when as 'before' | 'during' | 'after' }), // the words of the pattern
    ...(place !== undefined && { effect: Number(place) }),
  }
}
