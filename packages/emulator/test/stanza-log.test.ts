import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { StanzaLog } from '../src/stanza-log.ts'
import { Store } from '../src/state/database.ts'
import { el } from '../src/stream/nodes.ts'
import { NetworkClock } from '../src/world/clock.ts'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('every stanza is in the file, both ways, with its time and device, and as the client sent or got it', async () => {
  const file = join(folder, 'wire.xml')
  let id = ''
  await withEmulator(
    async (emulator, client) => {
      const max = emulator.contact(MAX)
      const alice = await client().link(emulator.phone(ALICE))
      id = await alice.says(MAX, 'Hallo')
      await max.hears('Hallo')
      await max.says(ALICE, 'Selber')
      await alice.hears('Selber')
    },
    { xmlLog: { file } },
  )
  const log = readFileSync(file, 'utf8')
  const entries = [...log.matchAll(/<(in|out) at='(\S+Z)' device='([^']+)'>\n {2}<(\S+)([\s\S]*?)\n<\/\1>\n/g)]
  expect(entries.map(([entry]) => entry).join('')).toBe(log) // nothing else is in it
  const shown = (direction: string, device: string, tag: string, text: string) =>
    entries.some(([, ...e]) => e[0] === direction && e[2] === device && e[3] === tag && e[4]?.includes(text))
  expect(shown('out', 'new client', 'iq', '<pair-device>')).toBe(true)
  expect(shown('in', 'new client', 'iq', '<pair-device-sign>')).toBe(true)
  expect(shown('in', `${ALICE}:1`, 'message', `id='${id}'`)).toBe(true)
  expect(shown('out', `${ALICE}:1`, 'ack', `id='${id}'`)).toBe(true)
  expect(shown('out', `${ALICE}:1`, 'message', `from='${MAX}@s.whatsapp.net'`)).toBe(true)
  const times = entries.map(([, , at = '']) => at)
  expect(times).toEqual(times.toSorted())
})

function makeLog(maxBytes: number) {
  const file = join(folder, `${maxBytes}.xml`)
  const warnings: string[] = []
  const clock = new NetworkClock(new Store(undefined), {}, () => undefined)
  const outlets = { trace: undefined, xmlLog: { file, maxBytes }, warn: (line: string) => warnings.push(line) }
  return { file, warnings, log: new StanzaLog(outlets, clock) }
}

test('a file that is full becomes the old one; both together keep the newest stanzas, whole and in order', async () => {
  const { file, log } = makeLog(2_000)
  for (let index = 0; index < 200; index++) {
    log.stanza('in', ALICE, el('message', { id: index }))
    await new Promise((resolve) => setImmediate(resolve))
  }
  log.close()
  const kept = readFileSync(`${file}.1`, 'utf8') + readFileSync(file, 'utf8')
  const ids = [...kept.matchAll(/<in [^\n]*\n {2}<message id='(\d+)'\/>\n<\/in>\n/g)].map(([, id]) => Number(id))
  expect(ids.at(-1)).toBe(199)
  expect(ids.length).toBeGreaterThan(20)
  expect(ids).toEqual(ids.map((_, index) => 200 - ids.length + index))
  for (const part of [file, `${file}.1`]) expect(statSync(part).size).toBeLessThan(2_200)
})

test('a log that cannot be written ends with a warning, and nothing else does', async () => {
  const { file, log, warnings } = makeLog(10)
  rmSync(file)
  log.stanza('in', ALICE, el('message'))
  log.close()
  expect(warnings.join()).toContain('the XML log ends here')
  expect(log.isOn).toBe(false)
  expect(existsSync(file)).toBe(false)
})
