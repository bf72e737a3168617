/** For Vitest: sets `WAMUX_TEST_POSTGRES`. */
export default function setup(): Promise<() => Promise<void>>

export interface Cluster {
  readonly url: string
  stop(): Promise<void>
}
export function start(options?: { fsync?: boolean }): Promise<Cluster | undefined>
