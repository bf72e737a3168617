import { parseArgs } from 'node:util'
import { isWamuxError } from '@wamux/core'
import { ConfigError, loadConfig, settings } from '../config.ts'
import { version } from '../version.ts'
import { serve } from './serve.ts'
import { help } from './words.ts'

/** The `wamux` command. Ends with 64 for a wrong call, 78 for a wrong setting, 1 when it could not start. */
class UsageError extends Error {}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) fail(`${error.message}\nTry: wamux --help`, 64)
  else if (error instanceof ConfigError) fail(error.message, 78)
  else if (isWamuxError(error)) fail(error.message, 1)
  else throw error
}

async function main(args: string[]): Promise<void> {
  const { command, flags, file } = read(args)
  if (flags.version !== undefined) console.log(version)
  else if (flags.help !== undefined || command === undefined || command === 'help') console.log(help())
  else if (command === 'serve')
    await serve(loadConfig({ flags, env: process.env, ...(file !== undefined && { file }) }))
  else throw new UsageError(`There is no command "${command}".`)
}

function read(args: string[]) {
  const names = Object.values<{ flag: string | undefined }>(settings).flatMap(({ flag }) => flag ?? [])
  const texts = names.filter((name) => name !== 'sandbox')
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...Object.fromEntries(texts.map((name) => [name, { type: 'string' as const }])),
        config: { type: 'string' },
        sandbox: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    })
    const [command, surplus] = positionals
    if (surplus !== undefined) throw new TypeError(`Unexpected argument "${surplus}".`)
    const flags: Record<string, string | undefined> = {}
    for (const [name, value] of Object.entries(values)) flags[name] = value === undefined ? undefined : String(value)
    return { command, flags, file: flags.config }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'The arguments cannot be read.')
  }
}

function fail(message: string, code: number): void {
  console.error(`wamux: ${message}`)
  process.exit(code)
}
