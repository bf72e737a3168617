import { describe, expect, test } from 'vitest'
import type { Disconnect } from '../src/disconnects.ts'
import { type Effect, type Input, isRunning, type Life, next, STEADY_MS } from '../src/lifecycle.ts'
import { DEFAULT_STORE_RETRY_MS as STORE_RETRY_MS } from '../src/options.ts'

const NOW = 1_000_000
/** The longest that jitter gives. */
const chance = { now: NOW, random: () => 1 }
const closed = (why: Disconnect): Input => ({ type: 'closed', why })

const lives = {
  stopped: { name: 'stopped' },
  connecting: { name: 'connecting', attempt: 3, restarts: 0 },
  linking: { name: 'linking', attempt: 3, restarts: 1 },
  'ready a moment': { name: 'ready', since: NOW - STEADY_MS + 1, attempt: 3, restarts: 1 },
  'ready for long': { name: 'ready', since: NOW - STEADY_MS, attempt: 3, restarts: 2 },
  waiting: { name: 'waiting', attempt: 3, until: NOW + 1 },
  logged_out: { name: 'logged_out', cause: '401' },
  'failed (replaced)': { name: 'failed', reason: 'REPLACED', until: null },
  'failed (store)': { name: 'failed', reason: 'STORE_FAILED', until: null },
} satisfies Record<string, Life>

const inputs = {
  start: { type: 'start' },
  stop: { type: 'stop' },
  'a QR': { type: 'linking' },
  opened: { type: 'opened' },
  waited: { type: 'waited' },
  'log out': { type: 'logout' },
  restart: closed({ kind: 'restart' }),
  lost: closed({ kind: 'lost', cause: 'x' }),
  'logged out': closed({ kind: 'logged_out', cause: '403' }),
  banned: closed({ kind: 'failed', reason: 'BANNED', until: NOW + 5 }),
  'store failed': closed({ kind: 'failed', reason: 'STORE_FAILED', until: null }),
} satisfies Record<string, Input>

const OPEN: Effect = { do: 'open' }
const CLOSE: Effect = { do: 'close' }
const FORGET: Effect = { do: 'forget_credentials' }
const wait = (ms: number): Effect => ({ do: 'wait', ms })

const connecting = (attempt: number, restarts: number): Life => ({ name: 'connecting', attempt, restarts })
const ready = (attempt: number, restarts: number): Life => ({ name: 'ready', since: NOW, attempt, restarts })
const linking = (attempt: number, restarts: number): Life => ({ name: 'linking', attempt, restarts })
const waiting = (attempt: number, ms: number): Life => ({ name: 'waiting', attempt, until: NOW + ms })
const out = (cause: string): Life => ({ name: 'logged_out', cause })
const banned: Life = { name: 'failed', reason: 'BANNED', until: NOW + 5 }
const storeFailed: Life = { name: 'failed', reason: 'STORE_FAILED', until: null }

type Means = [life: Life, ...effects: Effect[]]
/** What every input means in every state; what is not named changes nothing, like all that an old socket still says. */
const table: Record<keyof typeof lives, Partial<Record<keyof typeof inputs, Means>>> = {
  stopped: {
    start: [connecting(0, 0), OPEN],
    stop: [{ name: 'stopped' }],
    'log out': [out('requested'), CLOSE, FORGET],
  },
  connecting: {
    stop: [{ name: 'stopped' }, CLOSE],
    'a QR': [linking(3, 0)],
    opened: [ready(3, 0)],
    'log out': [out('requested'), CLOSE, FORGET],
    restart: [connecting(3, 1), OPEN],
    lost: [waiting(4, 8_000), wait(8_000)],
    'logged out': [out('403'), FORGET],
    banned: [banned],
    'store failed': [storeFailed, wait(STORE_RETRY_MS)],
  },
  linking: {
    stop: [{ name: 'stopped' }, CLOSE],
    opened: [ready(3, 1)],
    'log out': [out('requested'), CLOSE, FORGET],
    restart: [connecting(3, 2), OPEN],
    lost: [waiting(4, 8_000), wait(8_000)],
    'logged out': [out('403'), FORGET],
    banned: [banned],
    'store failed': [storeFailed, wait(STORE_RETRY_MS)],
  },
  'ready a moment': {
    stop: [{ name: 'stopped' }, CLOSE],
    'log out': [out('requested'), CLOSE, FORGET],
    restart: [connecting(3, 2), OPEN],
    lost: [waiting(4, 8_000), wait(8_000)],
    'logged out': [out('403'), FORGET],
    banned: [banned],
    'store failed': [storeFailed, wait(STORE_RETRY_MS)],
  },
  'ready for long': {
    stop: [{ name: 'stopped' }, CLOSE],
    'log out': [out('requested'), CLOSE, FORGET],
    restart: [connecting(0, 1), OPEN],
    lost: [waiting(1, 1_000), wait(1_000)],
    'logged out': [out('403'), FORGET],
    banned: [banned],
    'store failed': [storeFailed, wait(STORE_RETRY_MS)],
  },
  waiting: {
    start: [connecting(0, 0), OPEN],
    stop: [{ name: 'stopped' }, CLOSE],
    waited: [connecting(3, 0), OPEN],
    'log out': [out('requested'), CLOSE, FORGET],
  },
  logged_out: {
    start: [connecting(0, 0), OPEN],
    stop: [{ name: 'stopped' }, CLOSE],
    'log out': [out('requested'), CLOSE, FORGET],
  },
  'failed (replaced)': {
    start: [connecting(0, 0), OPEN],
    stop: [{ name: 'stopped' }, CLOSE],
    'log out': [out('requested'), CLOSE, FORGET],
  },
  'failed (store)': {
    start: [connecting(0, 0), OPEN],
    stop: [{ name: 'stopped' }, CLOSE],
    waited: [connecting(0, 0), OPEN],
    'log out': [out('requested'), CLOSE, FORGET],
  },
}

for (const state of Object.keys(lives) as (keyof typeof lives)[]) {
  describe(`in ${state}`, () => {
    for (const input of Object.keys(inputs) as (keyof typeof inputs)[]) {
      const means = table[state][input]
      test(`${input} ${means ? `leads to ${means[0].name}` : 'changes nothing'}`, () => {
        const [life, ...effects] = means ?? [lives[state]]
        expect(next(lives[state], inputs[input], chance)).toEqual({ life, effects })
      })
    }
  })
}

test('a state is running while a connection is wanted', () => {
  const running = Object.entries(lives).filter(([, life]) => isRunning(life))
  expect(running.map(([name]) => name)).toEqual([
    'connecting',
    'linking',
    'ready a moment',
    'ready for long',
    'waiting',
  ])
})

/** Goes through inputs one after the other, each at its time. */
function through(life: Life, ...steps: [at: number, input: Input][]): Life {
  return steps.reduce((now, [at, input]) => next(now, input, { now: at, random: () => 1 }).life, life)
}

describe('a new process', () => {
  const after = (attempt: number): Input => ({ type: 'resume', last: { attempt, at: NOW } })

  test('connects at once what nobody dialled for lately', () => {
    expect(next({ name: 'stopped' }, after(0), chance)).toEqual({ life: connecting(0, 0), effects: [OPEN] })
  })
  test('waits for what was dialled for again and again, and counts on', () => {
    const step = next({ name: 'stopped' }, after(4), chance)
    expect(step).toEqual({ life: waiting(4, 8_000), effects: [wait(8_000)] })
    const life = through(step.life, [NOW + 8_000, inputs.waited], [NOW + 8_001, inputs.lost])
    expect(life).toMatchObject({ name: 'waiting', attempt: 5 })
  })
  test('leaves alone what somebody has started meanwhile', () => {
    expect(next(lives.connecting, after(4), chance)).toEqual({ life: lives.connecting, effects: [] })
  })
})

describe('restarts', () => {
  test('one after a scan is nothing special', () => {
    const life = through(
      { name: 'stopped' },
      [0, inputs.start],
      [1, inputs['a QR']],
      [2, inputs.restart],
      [3, inputs.opened],
    )
    expect(life.name).toBe('ready')
  })
  test('three in a row count as a loss', () => {
    const life = through(connecting(0, 0), [0, inputs.restart], [1, inputs.restart], [2, inputs.restart])
    expect(life).toEqual({ name: 'waiting', attempt: 1, until: 1_002 })
  })
  test('three in a row count as a loss even when each lets us in for a moment', () => {
    const moment: [number, Input][] = [
      [0, inputs.opened],
      [10, inputs.restart],
    ]
    expect(through(connecting(0, 0), ...moment, ...moment, ...moment).name).toBe('waiting')
  })
  test('a connection that held ends the row', () => {
    const held: [number, Input][] = [
      [0, inputs.opened],
      [STEADY_MS, inputs.restart],
    ]
    expect(through(connecting(0, 0), ...held, ...held, ...held, ...held).name).toBe('connecting')
  })
  test('do not make a session that was often lost forget it', () => {
    const life = through(connecting(5, 0), [0, inputs.restart], [1, inputs.lost])
    expect(life).toMatchObject({ name: 'waiting', attempt: 6 })
  })
})

describe('the back-off', () => {
  const round: [number, Input][] = [
    [0, inputs.waited],
    [0, inputs.opened],
    [STEADY_MS - 1, inputs.lost],
  ]
  test('grows over connections that do not hold for 30 s', () => {
    expect(through(waiting(1, 0), ...round, ...round, ...round)).toMatchObject({ name: 'waiting', attempt: 4 })
  })
  test('grows over a linking that is lost again and again', () => {
    const linkings: [number, Input][] = [
      [0, inputs.waited],
      [0, inputs['a QR']],
      [1, inputs.lost],
    ]
    expect(through(waiting(1, 0), ...linkings, ...linkings, ...linkings)).toMatchObject({ attempt: 4 })
  })
  test('begins anew after 30 s of ready', () => {
    const held = through(waiting(7, 0), [0, inputs.waited], [0, inputs.opened], [STEADY_MS, inputs.lost])
    expect(held).toMatchObject({ name: 'waiting', attempt: 1 })
  })
  test('begins anew when a person starts the session', () => {
    expect(through(waiting(7, 0), [0, inputs.start], [1, inputs.lost])).toMatchObject({ attempt: 1 })
  })
})
