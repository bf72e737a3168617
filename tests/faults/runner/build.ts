import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { broken } from './broken.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Loaded as they are: what is patched where it lies, native, or only tried. */
const EXTERNAL = ['@whiskeysockets/baileys', 'ws', 'pg', 'better-sqlite3', 'bun:sqlite']

/**
 * Makes one file of the victim and all that it imports: a process that has one file to load begins to work in a third of
 * the time, and there are hundreds. A broken build is made here too, so that nothing of it is in what is shipped.
 * Resolves with the file.
 */
export async function buildVictim(run: {
  broken: string | undefined
  defer(close: () => Promise<void>): void
}): Promise<string> {
  // Below the packages that it does not contain.
  const file = join(ROOT, 'node_modules', '.cache', 'wamux-faults', `victim-${process.pid}-${Date.now()}.mjs`)
  run.defer(async () => rmSync(file, { force: true }))
  await build({
    entryPoints: [fileURLToPath(new URL('victim.ts', import.meta.url))],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['@wamux/source'],
    external: EXTERNAL,
    logLevel: 'error',
    // For what is CommonJS in it.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    plugins: [sources(run.broken)],
  })
  return file
}

/** Loads our own files: as if each were where it is, and broken where it is to be. */
function sources(name: string | undefined): Plugin {
  return {
    name: 'sources',
    setup({ onLoad, onEnd }) {
      const edits = new Map(Object.entries(name === undefined ? {} : editsOf(name)))
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const edit = edits.get(path) ?? ((text: string) => text)
        edits.delete(path)
        const here = JSON.stringify(pathToFileURL(path).href)
        return { contents: edit(readFileSync(path, 'utf8')).replaceAll('import.meta.url', here), loader: 'ts' }
      })
      onEnd(() => {
        const missed = [...edits.keys()]
        return missed.length > 0
          ? { errors: [{ text: `${name} would change ${missed}, which nothing imports` }] }
          : undefined
      })
    },
  }
}

/** By file, what makes the broken text of the good one. @throws when the text is no longer what the build was made for */
export function editsOf(name: string): Record<string, (text: string) => string> {
  const build = broken[name]
  if (!build) throw new Error(`There is no broken build ${name}.`)
  const edits: Record<string, (text: string) => string> = {}
  for (const { file, from, to } of build.edits) {
    const path = join(ROOT, file)
    const before = edits[path] ?? ((text: string) => text)
    edits[path] = (text) => {
      const parts = before(text).split(from)
      if (parts.length !== 2)
        throw new Error(`${name} expects once in ${file}, and found ${parts.length - 1} times: ${from}`)
      return parts.join(to)
    }
  }
  return edits
}
