/** For Vitest: sets `WAMUX_TEST_POSTGRES`. */
export default function setup(): Promise<() => Promise<void>>

export interface Cluster {
  readonly url: string
  /** As whom it runs, where that is not who started it. */
  readonly owner?: { uid: number; gid: number }
  /** SIGINT: it undoes what runs, and ends. SIGQUIT: it ends at once, and has to recover. Resolves when it is gone. */
  halt(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>
  /** The same data on the same port. */
  resume(): Promise<void>
  stop(): Promise<void>
}
export function start(options?: { fsync?: boolean }): Promise<Cluster | undefined>
