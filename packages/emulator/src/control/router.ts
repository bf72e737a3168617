import { InputError } from './input.ts'
import type { Operation } from './operation.ts'

interface Route {
  readonly operation: Operation
  readonly pattern: RegExp
  readonly names: readonly string[]
}

/** Finds the operation of a path. Where two fit, the one with fewer parameters: `messages/next` is no message id. */
export class Router {
  readonly #routes: readonly Route[]

  constructor(operations: readonly Operation[]) {
    this.#routes = operations.map(toRoute).sort((one, two) => one.names.length - two.names.length)
  }

  /** Throws an `InputError` when there is none. */
  find(method: string, path: string): { operation: Operation; params: Record<string, string> } {
    for (const { operation, pattern, names } of this.#routes) {
      const found = operation.method === method ? pattern.exec(path) : null
      if (!found) continue
      const params = names.map((name, index) => [name, decode(found[index + 1] ?? '')] as const)
      return { operation, params: Object.fromEntries(params) }
    }
    throw new InputError('path', `There is no route ${method} ${path}.`, 404)
  }
}

function toRoute(operation: Operation): Route {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const pattern = operation.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '([^/]+)')
  return { operation, pattern: new RegExp(`^${pattern}$`), names }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InputError('path', `${text} is not how a path is written.`)
  }
}
