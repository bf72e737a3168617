const begun = Date.now() - performance.now()

/**
 * ms since the epoch, by a clock that nobody can set while the process runs. What may be done only so often is counted
 * by it: a clock that is set forward must not give what was used up back, nor one that is set back take it away.
 */
export const steadyNow = (): number => Math.round(begun + performance.now())

/** A time of {@link steadyNow} as the clock on the wall will show it. */
export const onTheWall = (steady: number): number => steady - steadyNow() + Date.now()
