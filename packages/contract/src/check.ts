import type { z } from 'zod'

/** Whether two types are the same and not only assignable: the usual comparison of two deferred conditionals. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Unfolds intersections and `extends`, so that {@link Same} compares fields and not how they were written. */
export type Flat<T> = T extends (infer U)[] ? Flat<U>[] : T extends object ? { [K in keyof T]: Flat<T[K]> } : T

/** `like<Message>()(schema)` compiles only while the schema's output is exactly `Message`. */
export const like =
  <T>() =>
  <S extends z.ZodType>(
    schema: Same<Flat<z.output<S>>, Flat<T>> extends true ? S : ['the schema drifted from', T],
  ): S =>
    // The parameter is S whenever the call compiles; the other branch only carries the message.
    schema as S
