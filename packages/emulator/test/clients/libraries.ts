import { createRequire } from 'node:module'
import * as six from 'baileys-6'
import * as rc9 from 'baileys-rc9'
import type { Library } from '../baileys.ts'

/** CommonJS, whose types are not asked for. */
const whaileys = createRequire(import.meta.url)('whaileys') as Library & { default: Library['makeWASocket'] }

/**
 * Other versions of Baileys, and a fork, as npm has them. Their types differ from the present ones in details that no
 * test here touches.
 */
export const LIBRARIES: Readonly<Record<string, Library>> = {
  'Baileys 7.0.0-rc.9': rc9 as unknown as Library,
  'Baileys 6.7.24': six as unknown as Library,
  'whaileys 6.4.9': { ...whaileys, makeWASocket: whaileys.default },
}
