import type { Line } from '../faults.ts'
import type { Connection, Silence } from '../stream/connection.ts'
import { DIRECTIONS, type Direction } from './rules.ts'
import type { Trouble } from './trouble.ts'

interface DeadLine {
  readonly line: Line
  readonly how: Silence
  readonly trouble: Trouble
}

/** Where several are on one line, the worst is felt. */
const WORST_FIRST: readonly Silence[] = ['lost', 'held', 'swallowed']

/** Lines on which nothing gets through. */
export class Lines {
  readonly #connections: () => Iterable<Connection>
  readonly #dead = new Set<DeadLine>()
  /** Those that each one has struck. */
  readonly #struck = new WeakMap<DeadLine, WeakSet<Connection>>()

  constructor(connections: () => Iterable<Connection>) {
    this.#connections = connections
  }

  add(dead: DeadLine): void {
    this.#dead.add(dead)
    this.#struck.set(dead, new WeakSet())
    this.#settleAll()
    dead.trouble.onLifted(() => {
      this.#dead.delete(dead)
      this.#settleAll()
    })
  }

  /** Makes a connection feel what is wrong with its line. */
  settle(connection: Connection): void {
    for (const direction of DIRECTIONS) {
      const felt = [...this.#dead].filter((dead) => isOn(dead.line, direction, connection))
      for (const dead of felt) this.#count(dead, connection)
      connection.silence(
        direction,
        WORST_FIRST.find((how) => felt.some((dead) => dead.how === how)),
      )
    }
  }

  #count(dead: DeadLine, connection: Connection): void {
    const struck = this.#struck.get(dead)
    if (struck?.has(connection)) return
    struck?.add(connection)
    dead.trouble.strikes()
  }

  #settleAll(): void {
    for (const connection of this.#connections()) this.settle(connection)
  }
}

function isOn(line: Line, direction: Direction, { who }: Connection): boolean {
  if (line.direction !== undefined && line.direction !== direction) return false
  if (line.phone !== undefined && line.phone !== who?.phone) return false
  return line.device === undefined || line.device === who?.device
}
