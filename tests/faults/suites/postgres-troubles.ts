import type { Cluster } from '../runner/cluster.ts'
import type { Random } from '../runner/random.ts'
import type { Fate } from '../runner/wire.ts'

/** Something that comes between a server and its PostgreSQL, for a while. */
export interface Interference {
  readonly name: string
  /** Whoever writes or reads meanwhile has to close. */
  readonly isAway: boolean
  /** It lasts until they are back, if they come back before it is over: they should not. */
  readonly isOutstayed?: true
  /** Resolves when it has happened to somebody, or is there for whoever comes. */
  begin(): Promise<void>
  end(): Promise<void>
}

/** How every text begins that is sent: what is accepted is a commit of its own. */
export const OUTGOING = 'Antwort'
/** So often connections are ended in a row. */
const TERMINATIONS = 6

export function interferences(cluster: Cluster, random: Random): Interference[] {
  const { wire } = cluster
  const mend = async () => wire.mend()
  const restart = (name: string, signal: 'SIGINT' | 'SIGQUIT'): Interference => ({
    name,
    isAway: true,
    begin: () => cluster.halt(signal),
    end: () => cluster.resume(),
  })
  const commit = (name: string, fate: Fate, likes: readonly string[] = ['', OUTGOING]): Interference => ({
    name,
    isAway: false,
    begin: () => wire.onNextCommit(fate, random.pick(likes)),
    end: mend,
  })
  return [
    restart('restart-fast', 'SIGINT'),
    restart('restart-immediate', 'SIGQUIT'),
    {
      name: 'terminated',
      isAway: false,
      begin: () => cluster.terminate(Array.from({ length: TERMINATIONS }, () => (random.chance(0.3) ? 'all' : 'busy'))),
      end: async () => {},
    },
    {
      name: 'slow',
      isAway: false,
      begin: async () => {
        wire.delayMs = 10 + random.below(50)
      },
      end: mend,
    },
    {
      name: 'half-open',
      isAway: true,
      begin: async () => wire.silence(),
      end: async () => wire.mend(random.pick(['late', 'dead'])),
    },
    { name: 'cut', isAway: true, begin: async () => wire.cut(), end: mend },
    commit('commit-lost', 'lost'),
    commit('commit-unanswered', 'unanswered'),
    // What is accepted late is found by who reads late enough only.
    { ...commit('commit-late', 'late', ['', OUTGOING, OUTGOING]), isOutstayed: true },
  ]
}
