import type { Fault, KeyFaults } from '../faults.ts'
import type { Trouble } from './trouble.ts'

export type KeyFault =
  | { readonly kind: 'refuse'; readonly code: number }
  | { readonly kind: 'withoutOneTimeKey' | 'forge' }

interface KeyRule {
  readonly of: { readonly phone?: string; readonly device?: number }
  readonly fault: KeyFault
  readonly trouble: Trouble
}

/** What is wrong with the keys that the server hands out. */
export class KeyRules {
  #rules: KeyRule[] = []

  faultsFor(of: KeyRule['of'], trouble: (what: string, times?: number) => Trouble): KeyFaults {
    const add = (fault: KeyFault, times?: number): Fault => {
      const whose =
        of.phone === undefined ? 'everybody' : `${of.phone}${of.device === undefined ? '' : `:${of.device}`}`
      const rule = { of, fault, trouble: trouble(`keys of ${whose}: ${fault.kind}`, times) }
      this.#rules.push(rule)
      rule.trouble.onLifted(() => {
        this.#rules = this.#rules.filter((other) => other !== rule)
      })
      return rule.trouble
    }
    return {
      refuse: (code = 404, times) => add({ kind: 'refuse', code }, times),
      withoutOneTimeKey: (times) => add({ kind: 'withoutOneTimeKey' }, times),
      forge: (times) => add({ kind: 'forge' }, times),
    }
  }

  take(phone: string, device: number): KeyFault | undefined {
    return this.#rules.find(
      ({ of, trouble }) =>
        (of.phone ?? phone) === phone && (of.device ?? device) === device && !trouble.isOver && trouble.strikes(),
    )?.fault
  }
}
