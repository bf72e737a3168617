/** How long the end of a connection waits for the other side to close, before we just hang up. */
const CLOSE_MS = 2_000

/** Baileys' websocket, as far as it is closed. */
export interface Closing {
  readonly socket: { terminate(): void } | null
  close(): Promise<void>
}

/**
 * Baileys says that a connection has ended only when the other side has closed it too, and on a dead line nobody does:
 * until `ws` gives up, after 30 s, whoever asked something waits, and nobody connects again.
 */
export function hangUpSoon(ws: Closing, ms = CLOSE_MS): void {
  const close = ws.close.bind(ws)
  ws.close = async () => {
    const { socket } = ws
    const hangUp = setTimeout(() => socket?.terminate(), ms)
    try {
      await close()
    } finally {
      clearTimeout(hangUp)
    }
  }
}
