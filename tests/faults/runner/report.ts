import { writeFileSync } from 'node:fs'
import { EACH_POINT } from './plan.ts'

/** What must be empty at the end of every run. Suites with invariants of their own add names. */
export const INVARIANTS = [
  'lost',
  'dup_in_log',
  'dup_ids_on_phone',
  'undecryptable',
  'order_violations',
  'identity_changes',
  'stuck',
] as const

export interface Facts {
  suite: string
  seed: number
  kills: number
  store: 'sqlite' | 'postgres'
  /** The broken build that was run, or null. */
  broken: string | null
  /** Where it killed only, or null. */
  at: string | null
}

/** What a run found: what it counted, where the processes died, and every broken invariant with its evidence. */
export class Report {
  readonly facts: Facts
  readonly figures: Record<string, number> = {}
  readonly deaths: Record<string, number> = {}
  readonly findings: Record<string, string[]> = Object.fromEntries(INVARIANTS.map((name) => [name, []]))
  readonly #startedAt = Date.now()

  constructor(facts: Facts) {
    this.facts = facts
  }

  /** An invariant that was broken, with what shows it. */
  broke(invariant: string, evidence: string): void {
    this.findings[invariant] ??= []
    this.findings[invariant].push(evidence)
  }

  /** Adds to a figure. */
  count(figure: string, by = 1): void {
    this.figures[figure] = (this.figures[figure] ?? 0) + by
  }

  /** The largest of what is measured. */
  most(figure: string, value: number): void {
    this.figures[figure] = Math.max(this.figures[figure] ?? 0, Math.round(value))
  }

  died(where: string): void {
    this.deaths[where] = (this.deaths[where] ?? 0) + 1
  }

  get isGood(): boolean {
    return Object.values(this.findings).every((found) => found.length === 0)
  }

  get durationMs(): number {
    return Date.now() - this.#startedAt
  }

  toJSON(): object {
    const { facts, figures, deaths, findings, durationMs, isGood } = this
    return { ...facts, isGood, node: process.version, durationMs, figures, deaths, findings }
  }

  write(file: string): void {
    writeFileSync(file, `${JSON.stringify(this, null, 2)}\n`)
  }

  /** For people. */
  print(): string {
    const { suite, seed, kills, store, broken, at } = this.facts
    const number = (record: Record<string, number>) => Object.entries(record).map(([name, count]) => `${name} ${count}`)
    const byCount = Object.fromEntries(Object.entries(this.deaths).sort(([, a], [, b]) => b - a))
    return [
      `${suite}: kills=${kills} seed=${seed} store=${store}${broken ? ` broken=${broken}` : ''} in ${Math.round(this.durationMs / 1000)} s`,
      `  ${number(this.figures).join(', ')}`,
      `  ${Object.entries(this.findings)
        .map(([name, found]) => `${name}=${found.length}`)
        .join(' ')}`,
      ...Object.entries(this.findings).flatMap(([name, found]) =>
        found.slice(0, 10).map((one) => `    ${name}: ${one}`),
      ),
      ...(at === EACH_POINT ? ['  killed at:', ...number(byCount).map((line) => `    ${line}`)] : []),
      ...(at !== EACH_POINT && kills > 0
        ? [`  died: ${number(byCount).slice(0, 12).join('; ')}${Object.keys(byCount).length > 12 ? '; …' : ''}`]
        : []),
      this.isGood ? '  every invariant held' : '  INVARIANTS WERE BROKEN',
    ].join('\n')
  }
}
