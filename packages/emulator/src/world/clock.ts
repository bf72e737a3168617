/** Seconds since the epoch, as stanzas count time. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
