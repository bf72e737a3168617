import type { Broken } from './broken.ts'

const LIFECYCLE = 'packages/core/src/lifecycle.ts'
const MANAGER = 'packages/core/src/session-manager.ts'
const VAULT = 'packages/core/src/whatsapp/vault.ts'
const KEYS = 'packages/core/src/stores/sql/keys.ts'
const CREDENTIALS = 'packages/core/src/whatsapp/credentials.ts'
const SQLITE_STORE = 'packages/core/src/stores/sqlite/store.ts'
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
  'sums-ignored': {
    about: 'A key that is damaged is used.',
    edits: [
      { file: KEYS, from: 'if (sum !== null && sum !== sumOf(session, type, id, value))', to: 'if (sum === 0.5)' },
    ],
  },
  'damaged-is-missing': {
    about: 'What is damaged counts as missing, and credentials that are missing are made anew.',
    edits: [
      {
        file: KEYS,
        from: 'sum !== sumOf(session, type, id, value))\n',
        to: 'sum !== sumOf(session, type, id, value)) continue\n      if (sum === 0.5)\n',
      },
      { file: CREDENTIALS, from: "if (account) throw unreadable(session, ROW, 'is missing')", to: '' },
    ],
  },
  'log-forgotten': {
    about: 'The log is opened whatever it looks like.',
    edits: [{ file: SQLITE_STORE, from: 'assertWholeLog(file)\n', to: '\n' }],
  },
}
