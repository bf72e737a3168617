#!/usr/bin/env node
// Committed as it is (not built), so that npm can link it before the first build; old syntax, so that an old Node.js
// reaches the message: better-sqlite3 ends such a process without one.
var v = process.versions.node.split('.').map(Number)
if (v[0] < 22 || (v[0] === 22 && v[1] < 19)) {
  console.error(
    'wamux-emulator needs Node.js >= 22.19; this is ' +
      process.version +
      ' (' +
      process.execPath +
      ').\n' +
      'Inside the repository use "npm start" or "npx wamux-emulator".',
  )
  process.exit(78)
}
import('../dist/cli.js').catch((error) => {
  console.error(error)
  process.exit(70)
})
