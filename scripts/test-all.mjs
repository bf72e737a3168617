/** `npm run test:all`, after the checks: the benches, the stories on PostgreSQL, then every test in its long form. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (args, env = {}) => {
  const { status } = spawnSync('npm', ['run', ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, WAMUX_LONG: '1', ...env },
  })
  return status === 0
}
const ok = [
  run(['bench']),
  run(['bench:emulator']),
  run(['vitest', '--', '--project', 'stories'], { WAMUX_STORE: 'postgres', WAMUX_LONG: '' }),
  run(['vitest']),
] // both, so that one failure does not hide another; the counting line is last
process.exit(ok.every(Boolean) ? 0 : 1)
