import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Emulator } from './emulator.ts'
import type { Registry } from './stanzas/registry.ts'
import type { World } from './world/world.ts'

export function controlHandler(_emulator: Emulator, _world: World, _registry: Registry) {
  return async (_request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(404).end()
  }
}
