import { type Config, settings } from '../config.ts'
import { CONTACT, DEMO, type Sandbox } from '../sandbox.ts'
import { version } from '../version.ts'

/** What the command says to people. */
export function help(): string {
  const rows = Object.values<(typeof settings)[keyof Config]>(settings).map(({ flag, env, fallback, help }) => {
    const name = flag === undefined ? '' : flag === 'sandbox' ? `--${flag}` : `--${flag} <value>`
    const normal = toNormal(fallback)
    return `  ${name.padEnd(26)}${env.padEnd(24)}${help}${normal}`
  })
  return `wamux ${version}: many WhatsApp accounts behind one REST and webhook API

Usage: wamux serve [options]

Options, the same settings as environment variables, and what they mean:
${rows.join('\n')}
  ${'--config <file>'.padEnd(26)}${'WAMUX_CONFIG'.padEnd(24)}Settings as JSON (./wamux.json when there is one)
  ${'--help, -h'.padEnd(50)}This text
  ${'--version, -v'.padEnd(50)}The version

Try it without a phone: wamux serve --sandbox`
}

const HOUR_MS = 3_600_000

/** The default as one would write it. */
function toNormal(fallback: unknown): string {
  if (fallback === undefined || fallback === false || String(fallback) === '') return ''
  return ` (${fallback === HOUR_MS ? '1h' : fallback})`
}

export function setupHint(url: string, token: string, username: string): string {
  return `
There is no administrator yet. Within 15 minutes, with a password of 12 characters or more:

  curl -X POST ${url}/api/auth/setup \\
    -H 'Content-Type: application/json' \\
    -d '{"token": "${token}", "username": "${username}", "password": "…"}'
`
}

export function started({ server, emulatorUrl, apiKey, adminPassword, file }: Sandbox, username: string): string {
  const admin =
    adminPassword === undefined ? `${username}, with the password you gave` : `${username} / ${adminPassword}`
  return `
wamux listens on ${server.url}

Sandbox: WhatsApp is an emulator on ${emulatorUrl}. Instance "${DEMO}" is linked,
and ${CONTACT.phone} (${CONTACT.name}) answers what you write.

  API key  ${apiKey}
  Admin    ${admin}
  Kept in  ${file}

Send a message:

  curl -X POST ${server.url}/api/send-message \\
    -H 'X-API-Key: ${apiKey}' \\
    -H 'Content-Type: application/json' \\
    -d '{"phone": "${CONTACT.phone}", "message": "Hallo!"}'

Then read the answer:

  curl -H 'X-API-Key: ${apiKey}' '${server.url}/api/instances/${DEMO}/messages/recent?limit=5'
`
}
