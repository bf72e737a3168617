import type { Broken } from './broken.ts'

const LIFECYCLE = 'packages/core/src/lifecycle.ts'
const MANAGER = 'packages/core/src/session-manager.ts'
const VAULT = 'packages/core/src/whatsapp/vault.ts'
const SQLITE = 'packages/core/src/stores/sqlite/group-commit.ts'

/** What a disk that fails could do to builds that trust it. */
export const brokenOnBadDisks: Readonly<Record<string, Broken>> = {
  'store-not-latched': {
    about: 'A store that failed is told to Baileys only, which takes it for a message that cannot be read.',
    edits: [{ file: VAULT, from: 'if (!mayBeAtFault || !isFaultOfWork(error)) this.fail(error)\n', to: '' }],
  },
  'error-swallowed': {
    about: 'A commit that failed is taken for one that succeeded.',
    edits: [
      {
        file: SQLITE,
        from: 'for (const unit of units) unit.reject(error)',
        to: 'for (const [unit, value] of done) unit.resolve(value)\n      for (const unit of units) unit.reject(error)',
      },
    ],
  },
  'never-again': {
    about: 'An account whose store failed stays closed when there is room again.',
    edits: [
      {
        file: LIFECYCLE,
        from: "why.reason === 'STORE_FAILED' ? [{ do: 'wait'",
        to: "(why.reason as string) === 'NEVER' ? [{ do: 'wait'",
      },
    ],
  },
  'only-who-noticed': {
    about: 'An account that has nothing to write stays open on a full disk.',
    edits: [{ file: MANAGER, from: 'if (!isOfWholeStore(error)) return', to: 'if (isOfWholeStore(error)) return' }],
  },
}
