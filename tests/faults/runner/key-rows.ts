import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import type { Random } from './random.ts'
import type { Trial } from './trial.ts'

export interface Key {
  session: string
  type: string
  id: string
  value: Buffer
}

/** The keys of a server that is not there, past all of its code: to damage them, and to mend them again. */
export class KeyRows {
  readonly #trial: Pick<Trial, 'data' | 'database' | 'run'>
  readonly #random: Random

  constructor(trial: Pick<Trial, 'data' | 'database' | 'run'>, random: Random) {
    this.#trial = trial
    this.#random = random
  }

  of(session: string): Promise<Key[]> {
    const bytes = this.#trial.database === undefined ? 'CAST(value AS BLOB)' : "convert_to(value, 'UTF8')"
    const sql = `SELECT session, type, id, ${bytes} AS value FROM keys WHERE session = '${session}' ORDER BY type, id`
    return this.#all(sql)
  }

  /** Turns bits of a row. Resolves with it as it is now. */
  async damage(key: Key, bits: number): Promise<Key> {
    const value = Buffer.from(key.value)
    for (let bit = 0; bit < bits; bit++) {
      const at = this.#random.below(value.length)
      const turned = (value[at] ?? 0) ^ (1 << this.#random.below(this.#trial.database === undefined ? 8 : 7))
      // PostgreSQL keeps nothing that is no text.
      const isText = turned >= 0x20 && turned < 0x7f && (value[at] ?? 0) < 0x7f
      if (this.#trial.database === undefined || isText) value[at] = turned
    }
    if (value.equals(key.value)) return this.damage(key, bits)
    await this.#write({ ...key, value })
    return { ...key, value }
  }

  /** Turns one bit, so that a letter becomes another one: what comes of it still looks like a key. */
  async falsify(key: Key): Promise<Key> {
    const value = Buffer.from(key.value)
    const isLetter = (at: number) => /[A-Za-z]/.test(String.fromCharCode(value[at] ?? 0))
    // Most of a row is keys; beginning anywhere, the next letter is one of theirs.
    let at = this.#random.below(value.length)
    for (let left = value.length; left > 0 && !isLetter(at); left--) at = (at + 1) % value.length
    if (!isLetter(at)) return this.damage(key, 1)
    value[at] = (value[at] ?? 0) ^ 0x20
    await this.#write({ ...key, value })
    return { ...key, value }
  }

  /** Puts back what is still as it was damaged; whoever refused it must not have touched it. */
  async mend(damaged: readonly Key[], good: readonly Key[], isKept: boolean): Promise<void> {
    const now = new Map((await this.of(damaged[0]?.session ?? '')).map((key) => [`${key.type}/${key.id}`, key.value]))
    for (const [index, key] of damaged.entries()) {
      const name = `${key.type}/${key.id}`
      const original = good[index]
      const isSame = now.get(name)?.equals(key.value) === true
      if (isSame && original) await this.#write(original)
      if (!isSame && isKept) this.#trial.run.report.broke('lost', `${name} was written over after it was damaged`)
    }
  }

  async #write({ session, type, id, value }: Key): Promise<void> {
    const { database } = this.#trial
    const text = database === undefined ? 'CAST(? AS TEXT)' : "convert_from(?, 'UTF8')"
    await this.#all(
      `UPDATE keys SET value = ${text} WHERE session = ? AND type = ? AND id = ?`,
      value,
      session,
      type,
      id,
    )
  }

  async #all(sql: string, ...values: unknown[]): Promise<Key[]> {
    const { data, database } = this.#trial
    if (database === undefined) {
      const db = new Database(join(data, 'wamux.db'))
      try {
        const statement = db.prepare(sql)
        // The columns are named in the queries above.
        if (statement.reader) return statement.all(...values) as Key[]
        statement.run(...values)
        return []
      } finally {
        db.close()
      }
    }
    const client = new pg.Client({ connectionString: database })
    await client.connect()
    try {
      let place = 0
      return (
        await client.query(
          sql.replaceAll('?', () => `$${++place}`),
          values,
        )
      ).rows
    } finally {
      await client.end()
    }
  }
}
