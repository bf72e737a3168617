import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startBot } from '../examples/bot.ts'
import { CliProcess } from './cli-process.ts'

const FOLDER = fileURLToPath(new URL('..', import.meta.url))
const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const run = promisify(execFile)

/** The fenced blocks of a section, in order. */
function blocks(heading: string, language: string): string[] {
  const [, section = ''] = README.split(`\n## ${heading}\n`)
  const [own = ''] = section.split('\n## ')
  return [...own.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text)
}

test('the snippets are one story, which runs word for word', { timeout: 60_000 }, async () => {
  const [beginning = '', end = '', ...groups] = blocks('In a test', 'ts')
  const story = [beginning, ...groups, ...blocks('When things go wrong', 'ts'), ...blocks('Files', 'ts')]
  expect(story).toHaveLength(4)
  const text = [...story, `console.log('the end')`, end].join('\n')
  const node = ['--conditions=@wamux/source', '--input-type=module', '--eval', text]
  const { stdout } = await run(process.execPath, node, { cwd: FOLDER, timeout: 50_000 })
  expect(stdout).toContain('the end')
})

test('the commands of the control API do what they say', { timeout: 60_000 }, async () => {
  const [commands = ''] = blocks('Control API', '')
  const emulator = await new CliProcess().start()
  const bot = await startBot(emulator.url)
  try {
    const [contact = '', scan = '', ...rest] = commands.trim().split('\n')
    const qr = await bot.qr
    const type = async (line: string): Promise<unknown> => {
      const script = line.replace('http://127.0.0.1:3001', emulator.controlUrl).replace('curl', 'curl --silent')
      const { stdout } = await run('sh', ['-c', script], { env: { ...process.env, QR: qr } })
      return JSON.parse(stdout)
    }
    expect(await type(contact)).toMatchObject({ phone: '491234567890' })
    expect(await type(scan)).toMatchObject({ phone: '15550000001' })
    const answers: unknown[] = []
    for (const line of rest) answers.push(await type(line))
    expect(answers).toEqual([
      { id: expect.any(String) },
      expect.objectContaining({ text: 'pong', from: '15550000001' }),
    ])
  } finally {
    await bot.stop()
    await emulator.end()
  }
})

test('every option of the command line is in the table', async () => {
  const { stdout } = await run(process.execPath, [fileURLToPath(new URL('../src/cli.ts', import.meta.url)), '--help'])
  const options = [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option = '']) => option)
  expect(options.length).toBeGreaterThan(5)
  const own = options.filter((option) => option !== '--help' && option !== '--version')
  expect(own.filter((option) => !README.includes(`\`${option}`))).toEqual([])
})
