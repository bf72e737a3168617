/** Whether `dist` of every package is there and not older than what it is made of. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
export const STAMP = fileURLToPath(new URL('node_modules/.wamux-built', root))
const SOURCES = [
  'packages/core/src',
  'packages/contract/src',
  'packages/server/src',
  'packages/client/src',
  'packages/emulator/src',
]
const FILES = ['tsup.config.ts', 'tsconfig.base.json', 'package-lock.json']

export function isOutdated() {
  if (!existsSync(STAMP)) return true
  const built = statSync(STAMP).mtimeMs
  if (
    ['core', 'server', 'client', 'emulator'].some(
      (name) => !existsSync(new URL(`packages/${name}/dist/index.js`, root)),
    )
  ) {
    return true
  }
  const newest = (folder) =>
    readdirSync(new URL(`${folder}/`, root), { withFileTypes: true }).some((entry) => {
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? newest(path) : statSync(new URL(path, root)).mtimeMs > built
    })
  return FILES.some((file) => statSync(new URL(file, root)).mtimeMs > built) || SOURCES.some(newest)
}
