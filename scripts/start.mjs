/** `npm start`: builds what is missing or older than its source, then runs the server in sandbox mode. */
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isOutdated } from './outdated.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
if (isOutdated()) {
  console.log('Building wamux …')
  const built = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  })
  if (built.status !== 0) {
    console.error(built.stdout, built.stderr)
    process.exit(built.status ?? 1)
  }
}
const args = ['packages/server/bin/wamux.js', 'serve', '--sandbox', ...process.argv.slice(2)]
const server = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
// npm sends the signal to the whole group of a terminal; under a process manager only to us.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal))
server.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
