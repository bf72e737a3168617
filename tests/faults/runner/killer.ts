import type { Emulator, Fault } from '@wamux/emulator'
import { AT_A_MOMENT } from './lives.ts'
import { drawPlan, EACH_POINT, type Plan, type PlanOptions, pointsOf } from './plan.ts'
import type { Random } from './random.ts'
import type { VictimServer } from './server.ts'
import type { Run } from './suite.ts'

/** How long a server takes on a machine with nothing else to do: from listening to ready, and to a first QR. */
export const USUAL_MS = { ready: 200, qr: 150 } as const

export interface KillerOptions {
  run: Run
  server: VictimServer
  emulator: Emulator
  /** Whose line goes dead. */
  phone: string
}

/** Ends the processes of a server, where and when chance has it. */
export class Killer {
  readonly #options: KillerOptions
  readonly #random: Random
  /** How often it was killed at which point. */
  readonly #points = new Map<string, number>()
  /** So many lives in a row have come to no place that is new. */
  #idle = 0
  #slowness = 1

  constructor(options: KillerOptions) {
    this.#options = options
    this.#random = options.run.random.fork()
  }

  /**
   * Something took so long that takes `usual` on a machine with nothing else to do: on a slow one kills would all come
   * before anything happens.
   */
  measured(ms: number, usual: number): void {
    // A single measurement on a busy machine may be far off, and a short form shall stay short.
    const most = this.#options.run.kills > 3 ? 4 : 1.5
    this.#slowness = Math.min(most, Math.max(1, ms / usual))
  }

  /**
   * One life, from its start to its kill. In some, a fifth by default, the line goes dead before it, in one direction or
   * both.
   */
  async once(options: PlanOptions = {}): Promise<void> {
    const { run, server, emulator, phone } = this.#options
    await server.end()
    const startMs = run.store === 'postgres' ? 800 : 250
    const plan = this.#draw({ startMs, ...options })
    const isHole = !this.#isAtEachPoint && this.#random.chance(options.deadLines ?? 0.2)
    const after = this.#random.below(plan.ms)
    const direction = this.#random.pick(DIRECTIONS)
    const begun = Date.now()
    const dead = new Set<Fault>()
    const life = await server.begin(plan)
    if (plan.from === 'listening') await life.listening
    const timers = [setTimeout(() => void life.kill(), plan.ms)]
    if (isHole) {
      const go = () => void dead.add(emulator.faults.blackhole({ phone, ...LINES[direction] }))
      timers.push(setTimeout(go, after))
    }
    await this.#dies(timers)
    for (const fault of dead) fault.lift()
    if (dead.size > 0) run.report.count('dead_lines')
    run.report.count('lived_ms', Date.now() - begun)
  }

  /** Kills the process that lives now at some point of what it does from here on; resolves when it is dead. */
  async fromHere(options: PlanOptions = {}): Promise<void> {
    const { life } = this.#options.server
    if (!life) throw new Error('There is nothing to kill.')
    const plan = this.#draw({ startMs: 1, ...options })
    life.arm(plan)
    await this.#dies([setTimeout(() => void life.kill(), plan.ms)])
  }

  /** Kills until {@link isDone}. Options that are a function are asked for each kill. */
  all(options: PlanOptions | (() => PlanOptions) = {}): Promise<void> {
    return this.untilDone(() => this.once(typeof options === 'function' ? options() : options))
  }

  /** Does `work`, which kills once, as often as the run wants kills, and tells how far it is. */
  async untilDone(work: (kill: number) => Promise<void>): Promise<void> {
    const { log, report } = this.#options.run
    const begun = Date.now()
    let kills = 0
    const each = () => Math.round((Date.now() - begun) / Math.max(1, kills))
    while (!this.#isDone(kills, Date.now() - begun)) {
      await work(++kills)
      if (kills % 25 === 0)
        log(`${kills} kills, ${each()} ms each${this.#isAtEachPoint ? `, ${this.#points.size} points` : ''}`)
    }
    report.count('ms_per_kill', each())
    if (this.#isAtEachPoint) report.count('points', this.#points.size)
  }

  /** `kills` of a run at each point are for each of them. */
  #isDone(kills: number, forMs: number): boolean {
    const { run } = this.#options
    if (!this.#isAtEachPoint) return kills >= run.kills
    return this.#idle >= IDLE_LIVES || kills >= MOST_POINTS * run.kills || forMs >= run.withinMs
  }

  get #isAtEachPoint(): boolean {
    return this.#options.run.at === EACH_POINT
  }

  #draw(options: PlanOptions): Plan {
    const { at, kills } = this.#options.run
    if (this.#isAtEachPoint) {
      const except = [...this.#points].filter(([, count]) => count >= kills).map(([point]) => point)
      const ms = Math.round(2 * this.#slowness * (options.withinMs ?? 900))
      return { ms, from: 'listening', except, skip: this.#idle > 0 ? 0 : this.#random.below(4) }
    }
    return drawPlan(this.#random, { ...options, at: at ?? options.at, slowness: this.#slowness })
  }

  async #dies(timers: NodeJS.Timeout[]): Promise<void> {
    const where = await this.#options.server.dies()
    for (const timer of timers) clearTimeout(timer)
    const { report } = this.#options.run
    if (!this.#isAtEachPoint) return report.died(where)
    const points = pointsOf(where)
    for (const point of points) report.died(point)
    const isPlace = where !== AT_A_MOMENT
    this.#idle = isPlace ? 0 : this.#idle + 1
    if (isPlace) for (const point of points) this.#points.set(point, (this.#points.get(point) ?? 0) + 1)
  }
}

const IDLE_LIVES = 5
const MOST_POINTS = 150

const DIRECTIONS = ['from', 'to', 'both'] as const
const LINES = { from: { direction: 'from-client' }, to: { direction: 'to-client' }, both: {} } as const
