/** What is not so by then never will be. */
const PATIENCE_MS = 30_000

/** Asks until it is so; false when it is not in time. What rejects is asked again: the server may be away. */
export async function until(isSo: () => Promise<boolean>, withinMs = PATIENCE_MS): Promise<boolean> {
  const end = Date.now() + withinMs
  for (;;) {
    if (await isSo().catch(() => false)) return true
    if (Date.now() > end) return false
    // Not to wait for something, but so that the one who is asked gets to work.
    await new Promise((again) => setTimeout(again, 10))
  }
}

/** The same, for what nothing can go on without. */
export async function must(what: string, isSo: () => Promise<boolean>): Promise<void> {
  let why: unknown
  const asked = () =>
    isSo().catch((error: unknown) => {
      why = error
      return false
    })
  if (!(await until(asked))) throw new Error(`The server did not ${what}.`, { cause: why })
}
