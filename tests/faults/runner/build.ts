import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { broken } from './broken.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Loaded as they are: what is patched where it lies, native, or only tried. */
const EXTERNAL = ['@whiskeysockets/baileys', 'ws', 'pg', 'better-sqlite3', 'bun:sqlite']

export interface VictimBuild {
  /** The program. */
  file: string
  /** Where Node.js may keep what it has compiled of it. */
  compiled: string
}

/** The good one, which all suites of a process share, until {@link removeVictim}. */
let good: { made: Promise<VictimBuild>; remove(): void } | undefined

/** What there is to kill: the real one, or the broken build of that name, which goes away with the run. */
export function buildVictim(run: {
  broken: string | undefined
  defer(close: () => Promise<void>): void
}): Promise<VictimBuild> {
  const { broken: name } = run
  if (name === undefined && good) return good.made
  const { folder, remove } = newFolder()
  const made = make(folder, name)
  if (name === undefined) good = { made, remove }
  else run.defer(async () => remove())
  return made
}

/** For the end of a process, or of a file of tests. */
export function removeVictim(): void {
  good?.remove()
  good = undefined
}

function newFolder() {
  // Below the packages that it does not contain.
  const cache = join(ROOT, 'node_modules', '.cache', 'wamux-faults')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'victim-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/**
 * Makes one file of the victim and all that it imports: a process that has one file to load begins to work in a third of
 * the time, and there are hundreds. A broken build is made here too, so that nothing of it is in what is shipped.
 */
async function make(folder: string, name: string | undefined): Promise<VictimBuild> {
  const file = join(folder, 'victim.mjs')
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
    plugins: [sources(name)],
  })
  return { file, compiled: join(folder, 'compiled') }
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
