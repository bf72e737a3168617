import type { Closed } from '../disconnects.ts'

/** What an error says with which Baileys ended a socket, or we did. Pure. */
export function readEnd(error: unknown, now: number): Pick<Closed, 'statusCode' | 'message' | 'bannedUntil'> {
  // Baileys ends its sockets with Boom errors; others have none of this.
  const { output, data } = (error ?? {}) as { output?: { statusCode?: number }; data?: { expire?: unknown } }
  const status = output?.statusCode
  // A temporary ban says for how many seconds more.
  const banned = Number(data?.expire)
  return {
    ...(banned > 0 && { bannedUntil: now + banned * 1000 }),
    statusCode: typeof status === 'number' ? status : undefined,
    message: error instanceof Error ? error.message : 'the connection ended',
  }
}
