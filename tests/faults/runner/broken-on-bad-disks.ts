import type { Broken } from './broken.ts'

const LIFECYCLE = 'packages/core/src/lifecycle.ts'
const MANAGER = 'packages/core/src/session-manager.ts'
const VAULT = 'packages/core/src/whatsapp/vault.ts'
const KEYS = 'packages/core/src/stores/sql/keys.ts'
const CREDENTIALS = 'packages/core/src/whatsapp/credentials.ts'
const SQLITE_STORE = 'packages/core/src/stores/sqlite/store.ts'
const POSTGRES = 'packages/core/src/stores/postgres/group-commit.ts'
const OUTBOX = 'packages/core/src/outbox.ts'
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
  'unknown-is-done': {
    about: 'A commit whose answer never came is taken for one that was kept.',
    edits: [
      {
        file: POSTGRES,
        from: "await client.query('RELEASE unit; COMMIT')\n",
        to: "await client.query('RELEASE unit; COMMIT').catch(() => {})\n",
      },
    ],
  },
  'unknown-is-repeated': {
    about: 'A message whose commit was not confirmed is written once more.',
    edits: [
      {
        file: OUTBOX,
        from: 'this.#unsettled = undefined // counted again\n        throw error\n',
        to: `if (entries.length > 1) throw error
        const again = entries.map((entry) => ({ ...entry, id: entry.id.slice(0, -4) + 'BEEF' }))
        return store.write(() => acceptAll(session, account, again, now))
`,
      },
    ],
  },
  'late-is-never': {
    about: 'A commit that was given up is taken for one that nobody will carry out.',
    edits: [{ file: POSTGRES, from: 'if (this.#isInDoubt) await client', to: 'if (this.#epoch() < 0) await client' }],
  },
  'swallowed-on-postgres': {
    about: 'A commit that failed is taken for one that succeeded.',
    edits: [
      {
        file: POSTGRES,
        from: 'for (const unit of units) unit.reject(error)',
        to: 'for (const settle of settled) settle()\n      for (const unit of units) unit.reject(error)',
      },
    ],
  },
  'log-forgotten': {
    about: 'The log is opened whatever it looks like.',
    edits: [{ file: SQLITE_STORE, from: 'assertWholeLog(file)\n', to: '\n' }],
  },
}
