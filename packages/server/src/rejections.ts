import type { Logger } from 'pino'

/**
 * Promises that were rejected and had no listener. Node.js ends a process for one of them, and with it every account in
 * it. An exception that nobody caught still does: nobody knows what it left half done.
 */
let count = 0

/** How many there were in this process since {@link surviveRejections}. */
export const unhandledRejections = () => count

/** From now on each is logged as the error that it is, and counted for whoever watches the health. */
export function surviveRejections(logger: Logger): void {
  process.on('unhandledRejection', (error) => {
    count++
    logger.error({ err: error }, 'a promise was rejected and nobody listened')
  })
}
