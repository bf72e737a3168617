import { describe, expect, test } from 'vitest'
import { type Closed, type Disconnect, readDisconnect } from '../src/disconnects.ts'

const closed = (statusCode: number | undefined, more: Partial<Closed> = {}): Closed => ({
  statusCode,
  message: 'the stream ended',
  wasLinking: false,
  storeFailed: false,
  ...more,
})
const lost: Disconnect = { kind: 'lost', cause: 'the stream ended' }
const failed = (reason: Extract<Disconnect, { kind: 'failed' }>['reason']): Disconnect => ({
  kind: 'failed',
  reason,
  until: null,
})

describe('each row of the table', () => {
  const rows: [what: string, closed: Closed, means: Disconnect][] = [
    ['515 is a restart', closed(515), { kind: 'restart' }],
    [
      '515 while linking is a restart: it always follows a scan',
      closed(515, { wasLinking: true }),
      { kind: 'restart' },
    ],
    ['408 is a loss', closed(408), lost],
    ['428 is a loss', closed(428), lost],
    ['500 is a loss', closed(500), lost],
    ['503 is a loss', closed(503), lost],
    ['no code is a loss', closed(undefined), lost],
    ['an unknown code is a loss', closed(599), lost],
    ['1006, a number of the WebSocket, is a loss', closed(1006), lost],
    ['408 while linking: the QRs ran out', closed(408, { wasLinking: true }), failed('LINKING_EXPIRED')],
    ['428 while linking is a loss', closed(428, { wasLinking: true }), lost],
    ['401 is a log-out', closed(401), { kind: 'logged_out', cause: '401' }],
    ['403 is a log-out', closed(403), { kind: 'logged_out', cause: '403' }],
    ['406 is a log-out', closed(406), { kind: 'logged_out', cause: '406' }],
    ['440: another place took the account', closed(440), failed('REPLACED')],
    ['405: outdated', closed(405), failed('OUTDATED')],
    ['411: outdated', closed(411), failed('OUTDATED')],
    ['402 without a date: banned', closed(402), failed('BANNED')],
    [
      '402 with a date: banned until then',
      closed(402, { bannedUntil: 1_800_000_000_000 }),
      { kind: 'failed', reason: 'BANNED', until: 1_800_000_000_000 },
    ],
  ]
  for (const [what, input, means] of rows) test(what, () => expect(readDisconnect(input)).toEqual(means))
})

test('a failed store wins over every code: a 401 that followed from it must not log anybody out', () => {
  for (const code of [undefined, 401, 402, 403, 405, 406, 408, 411, 428, 440, 500, 503, 515]) {
    expect(readDisconnect(closed(code, { storeFailed: true }))).toEqual(failed('STORE_FAILED'))
  }
})

test('no code but the three of a log-out ever costs the credentials', () => {
  for (let code = 0; code < 1_100; code++) {
    for (const wasLinking of [false, true]) {
      const { kind } = readDisconnect(closed(code, { wasLinking }))
      expect(kind === 'logged_out').toBe([401, 403, 406].includes(code))
    }
  }
})
