import type { ListOptions } from '@wamux/core'
import { invalid } from '@wamux/core'

/** A page of a list that is short enough to be read whole. @throws INVALID_INPUT for a cursor of no page */
export function pageOf<T extends { id: string }>(all: readonly T[], { limit = 50, cursor }: ListOptions) {
  const start = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1
  if (cursor !== undefined && start === 0) throw invalid('cursor', 'is not the nextCursor of a page')
  const page = all.slice(start, start + limit)
  return { page, nextCursor: start + limit < all.length ? (page.at(-1)?.id ?? null) : null }
}
