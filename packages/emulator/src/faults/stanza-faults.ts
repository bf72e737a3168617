import type { Fault, StanzaFaults } from '../faults.ts'
import { type Act, type Direction, describe, type Where } from './rules.ts'

/** Sets a trap for the stanzas that `where` names. */
type SetUp = (rule: { act: Act; what: string; times: number | undefined }) => Fault

/** The faults that can be asked for, as one reads them aloud. */
export function stanzaFaults(where: Where, setUp: SetUp): StanzaFaults {
  const add = (act: Act, times: number | undefined) => setUp({ act, what: describe(act, where), times })
  const only = (direction: Direction, what: string) => {
    if (where.direction === direction) return
    throw new TypeError(`${what} is for stanzas of the direction ${direction}.`)
  }
  return {
    drop: (times) => add({ kind: 'drop' }, times),
    delay: (ms, times) => add({ kind: 'delay', ms }, times),
    slow: (ms, { jitterMs = 0 } = {}, times) => add({ kind: 'slow', ms, jitterMs }, times),
    hold: (times) => add({ kind: 'hold' }, times),
    duplicate: (times) => add({ kind: 'duplicate' }, times),
    swap: (times) => add({ kind: 'swap' }, times),
    refuse: (code, { text } = {}, times) => {
      only('from-client', 'Refusing')
      return add({ kind: 'refuse', code, text }, times)
    },
    corrupt: (times) => add({ kind: 'corrupt' }, times),
    kick: (reason, times) => add({ kind: 'kick', reason }, times),
    tear: (times) => {
      only('to-client', 'Tearing')
      return add({ kind: 'tear' }, times)
    },
    rewrite: (change, times) => add({ kind: 'rewrite', change }, times),
  }
}
