import type { Random } from './random.ts'
import type { Report } from './report.ts'

/** What a suite is run with. */
export interface Run {
  readonly kills: number
  readonly random: Random
  readonly store: 'sqlite' | 'postgres'
  /** The name of a broken build for the processes that are killed; undefined: the real one. */
  readonly broken: string | undefined
  /** Kills only at effects whose name holds this. */
  readonly at: string | undefined
  /** A run at each point kills no more after so long. */
  readonly withinMs: number
  /** Messages that arrive in a second, however far behind the server is; undefined: as fast as it tells of them. */
  readonly rate: number | undefined
  /** A folder that goes away with the run. */
  readonly folder: string
  /** Findings and figures go here. What a suite throws counts as a finding too. */
  readonly report: Report
  /** Called in the end, the last first. */
  defer(close: () => Promise<void>): void
  /** Says how it goes. */
  log(line: string): void
}

export interface Failing {
  /** So many kills surely show it. */
  kills: number
  /** Kills come at these effects only. */
  at?: string
}

/**
 * Something that has to hold whatever fails. It works on real processes, with the emulator as the truth, and hands
 * what it found to `run.report`.
 */
export interface Suite {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  /** How many kills when nobody says. Suites that kill nothing take it as how often they repeat what they do. */
  readonly kills: number
  /** The same for `npm test`; 3 when nobody says. */
  readonly short?: number
  /** The only store that it is about; it runs on any when nobody says. */
  readonly store?: Run['store']
  /** The broken builds (`broken.ts`) on which it has to fail, and what it takes to see that. */
  readonly fails: Readonly<Record<string, Failing>>
  run(run: Run): Promise<void>
}
