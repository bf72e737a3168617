type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without the fields that are undefined: options objects leave out what is not said. */
export function definedOnly<T extends object>(values: T): Defined<T> {
  // What is left has no undefined in it; a field that was optional still is.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
}
