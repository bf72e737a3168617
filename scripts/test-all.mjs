/** `npm run test:all`, after the checks: every test in its long form, then the bench. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (...args) => {
  const { status } = spawnSync('npm', ['run', ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, WAMUX_LONG: '1' },
  })
  return status === 0
}
const ok = [run('bench'), run('vitest')] // both, so that one failure does not hide another; the counting line is last
process.exit(ok.every(Boolean) ? 0 : 1)
