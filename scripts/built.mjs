/** Notes that a build finished whole. */
import { writeFileSync } from 'node:fs'
import { STAMP } from './outdated.mjs'

writeFileSync(STAMP, `${new Date().toISOString()}\n`)
