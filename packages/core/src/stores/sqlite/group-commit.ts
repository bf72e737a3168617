import type Database from 'better-sqlite3'
import type { Row, Statement, Work } from '../store.ts'

interface Unit {
  work: () => Work<unknown>
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

/**
 * Runs the writes of one turn of the event loop in one transaction, so that with `synchronous=FULL` they share one
 * flush to disk. Each promise settles after the commit.
 */
export class GroupCommit {
  readonly #db: Database.Database
  readonly #prepared = new Map<string, Database.Statement>()
  #waiting: Unit[] = []
  #scheduled: NodeJS.Immediate | undefined

  constructor(db: Database.Database) {
    this.#db = db
  }

  write<T>(work: () => Work<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      // `resolve` only ever gets what `work` returned, so unknown is T here.
      this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject })
      this.#scheduled ??= setImmediate(() => this.flush())
    })
  }

  /** Commits what waits, now. */
  flush(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const units = this.#waiting
    this.#waiting = []
    if (units.length > 0) this.#commit(units)
  }

  run<T>(work: Work<T>, { mustOnlyRead = false } = {}): T {
    let step = work.next()
    while (!step.done) {
      let result: Row[]
      try {
        result = this.#execute(step.value, mustOnlyRead)
      } catch (error) {
        step = work.throw(error) // lets a work's own `finally` run; it may not swallow a failed statement
        throw error
      }
      step = work.next(result)
    }
    return step.value
  }

  #commit(units: Unit[]): void {
    const done: [Unit, unknown][] = []
    const failed: [Unit, unknown][] = []
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const unit of units) {
        this.#db.exec('SAVEPOINT unit')
        try {
          done.push([unit, this.run(unit.work())])
        } catch (error) {
          failed.push([unit, error])
          // SQLite ends the whole transaction on its own after errors of the disk: then nothing was kept.
          if (!this.#db.inTransaction) throw error
          this.#db.exec('ROLLBACK TO unit')
        }
        this.#db.exec('RELEASE unit')
      }
      this.#db.exec('COMMIT')
    } catch (error) {
      // First told, then undone: an undo that fails too must not leave anybody waiting.
      for (const unit of units) unit.reject(error)
      this.#rollBack()
      return
    }
    for (const [unit, value] of done) unit.resolve(value)
    for (const [unit, error] of failed) unit.reject(error)
  }

  /** When even this fails the next BEGIN says so to whoever writes next; thrown from here it would end the process. */
  #rollBack(): void {
    try {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
    } catch {}
  }

  #execute({ sql, params }: Statement, mustOnlyRead: boolean): Row[] {
    let statement = this.#prepared.get(sql)
    if (!statement) {
      statement = this.#db.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    if (mustOnlyRead && !statement.readonly) throw new TypeError(`A read must not write: ${sql}`)
    // The schema has no types but those of Value; better-sqlite3 gives Buffers, which are Uint8Arrays.
    if (statement.reader) return statement.all(...params) as Row[]
    statement.run(...params)
    return []
  }
}
