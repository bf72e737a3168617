/** Says what everything runs on, and refuses a Node.js on which better-sqlite3 would end the process without a word. */
import { readFileSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`wamux needs Node.js >= 22.19; npm scripts run on ${process.version}. Is node_modules complete?`)
  process.exit(1)
}
const version = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version
const baileys = version('@whiskeysockets/baileys')
console.log(
  `node ${process.versions.node} · baileys ${baileys} · typescript ${version('typescript')} · vitest ${version('vitest')}`,
)
if (baileys !== '7.0.0-rc14') {
  console.error('Baileys must be exactly 7.0.0-rc14: the seams that core relies on were checked with it.')
  process.exit(1)
}
