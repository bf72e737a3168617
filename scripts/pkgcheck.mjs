/** Packs every published package and lets publint and attw look at what a user would install. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

for (const name of ['core', 'server', 'client', 'emulator']) {
  const cwd = join('packages', name)
  const packed = execFileSync('npm', ['pack', '--json'], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
  const [{ filename }] = JSON.parse(packed)
  try {
    execFileSync('publint', ['run', filename, '--strict'], { cwd, stdio: 'inherit' })
    execFileSync('attw', [filename, '--profile', 'esm-only', '--quiet'], { cwd, stdio: 'inherit' })
  } finally {
    rmSync(join(cwd, filename))
  }
  console.log(`${name}: publint and attw ok`)
}
