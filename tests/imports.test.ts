import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** The arrows of the design: who may import what. Read from the files that git knows, so nobody has to list them. */
const ROOT = fileURLToPath(new URL('..', import.meta.url))

const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT })
  .toString()
  .split('\0')
  .filter((file) => file !== '')

/** Undefined for one that is deleted and not committed yet. */
const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(join(ROOT, file), 'utf8')
  } catch {
    return undefined
  }
}

interface Import {
  file: string
  /** A package, `node:fs`, or a path from the root of the repository. */
  of: string
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`, `require('x')`, `typeof import('x')`. */
const SPECIFIER = /(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*|\brequire(?:\.resolve)?\s*\(\s*)(['"])([^'"\n]+)\1/g
const COMMENT = /\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm

function importsOf(file: string): Import[] {
  const text = (textOf(file) ?? '').replace(COMMENT, '$1')
  return [...text.matchAll(SPECIFIER)].map(([, , specifier = '']) => ({
    file,
    of: specifier.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), specifier)) : specifier,
  }))
}

const isSource = (file: string) => /^packages\/[^/]+\/src\/.*\.[cm]?[jt]s$/.test(file)
const imports = files.filter(isSource).flatMap(importsOf)
const all = files.filter((file) => /^packages\/.*\.[cm]?[jt]sx?$/.test(file)).flatMap(importsOf)

const isPackage = ({ of }: Import, name: string) => of === name || of.startsWith(`${name}/`)
const within = (...places: string[]) => {
  return ({ file }: Import) => places.some((place) => file === place || (place.endsWith('/') && file.startsWith(place)))
}
const shown = ({ file, of }: Import) => `${file} imports ${of}`

describe('each third party is touched in one place', () => {
  test.each([
    ['bottleneck', ['packages/core/src/pacer.ts']],
    ['keyv', ['packages/core/src/stores/']],
    ['@keyv', ['packages/core/src/stores/']],
    ['pg', ['packages/core/src/stores/postgres/']],
    ['better-sqlite3', ['packages/core/src/stores/', 'packages/emulator/src/']],
    ['@whiskeysockets/baileys', ['packages/core/src/whatsapp/', 'packages/emulator/src/']],
    ['libsignal', ['packages/core/src/whatsapp/', 'packages/emulator/src/']],
    ['eventemitter3', ['packages/core/src/events.ts']],
    ['h3', ['packages/server/src/']],
    ['srvx', ['packages/server/src/']],
    ['ofetch', ['packages/client/src/http.ts']],
    ['zod', ['packages/contract/src/', 'packages/server/src/', 'packages/emulator/src/']],
  ])('%s', (name, places) => {
    const found = imports.filter((one) => isPackage(one, name))
    expect(found.length, `nobody imports ${name}: is its name right?`).toBeGreaterThan(0)
    expect(found.filter((one) => !within(...places)(one)).map(shown)).toEqual([])
  })
})

test('only the store of core knows SQL', () => {
  const sql = /\b(SELECT\s[^;]*?\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s)/
  const found = files
    .filter(isSource)
    .filter((file) => file.startsWith('packages/core/') || file.startsWith('packages/server/'))
    .filter((file) => !file.startsWith('packages/core/src/stores/'))
    .filter((file) => sql.test((textOf(file) ?? '').replace(COMMENT, '$1')))
  expect(found).toEqual([])
})

test('core knows no HTTP and no schemas, and none of our other packages', () => {
  const core = imports.filter(within('packages/core/'))
  const foreign = ['zod', 'h3', 'srvx', 'ofetch', 'undici', 'node:http', 'node:https', '@wamux']
  expect(core.filter((one) => foreign.some((name) => isPackage(one, name))).map(shown)).toEqual([])
})

test('the client is its own files, ofetch and node:', () => {
  const foreign = imports
    .filter(within('packages/client/'))
    .filter(({ of }) => !(of.startsWith('packages/client/src/') || of === 'ofetch' || of.startsWith('node:')))
  expect(foreign.map(shown)).toEqual([])
})

test('the emulator knows nothing of wamux', () => {
  const emulator = imports.filter(within('packages/emulator/'))
  expect(emulator.filter((one) => isPackage(one, '@wamux')).map(shown)).toEqual([])
})

test('a package is imported by its name, never through its folder', () => {
  const owner = (path: string) => path.split('/').slice(0, 2).join('/')
  const through = imports.filter(({ file, of }) => of.startsWith('packages/') && owner(file) !== owner(of))
  expect(through.map(shown)).toEqual([])
})

test('nothing under packages/ imports tests or examples', () => {
  expect(all.filter(({ of }) => /^(tests|examples|bench)\//.test(of)).map(shown)).toEqual([])
})

test('the modules of Node.js are named as such', () => {
  expect(imports.filter(({ of }) => builtinModules.includes(of)).map(shown)).toEqual([])
})

test('core and client print nothing', () => {
  const found = files
    .filter(isSource)
    .filter((file) => file.startsWith('packages/core/') || file.startsWith('packages/client/'))
    .filter((file) => /\bconsole\.log\b/.test((textOf(file) ?? '').replace(COMMENT, '$1')))
  expect(found).toEqual([])
})

test('no file names a folder of a machine', () => {
  // In pieces, so that this file does not name one either.
  const machine = new RegExp(
    `(^|[\\s'"\`(=:]|file://)/(${['work', 'root', 'home'].join('|')})(/[\\w.-]|\\b(?=['"\`]))`,
    'm',
  )
  const found = files.filter((file) => {
    const text = textOf(file)
    return text !== undefined && !text.includes('\0') && machine.test(text)
  })
  expect(found).toEqual([])
})
