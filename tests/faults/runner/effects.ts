import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import pg from 'pg'
import { WebSocket } from 'ws'
import { type Plan, pointsOf } from './plan.ts'

/**
 * Everything that a process changes outside itself: what it commits, the frames that it sends to WhatsApp, the
 * webhooks that it posts. Whatever else it does dies with it, so that between two of these it does not matter where it
 * is killed: a kill before and after each is a kill at every instant. They are counted where they leave the process,
 * below the code that is tested, which knows nothing of this.
 */
class Effects {
  #plan: Plan | undefined
  #seen = 0

  plan(plan: Plan): void {
    this.#plan = plan
    this.#seen = 0
  }

  /** Says that something is about to leave; the process may end here. Returns whether it is to end after it. */
  about(name: string, places: readonly Place[] = ['before', 'after']): 'during' | 'after' | undefined {
    const plan = this.#plan
    if (!plan) return undefined
    if (plan.except) return this.#aboutNew(name, places, plan.except, plan.skip ?? 0)
    if (plan.effect === undefined) return undefined
    if (plan.like !== undefined && !name.includes(plan.like)) return undefined
    if (++this.#seen !== plan.effect) return undefined
    if (plan.when === 'before') die(`before ${name}`)
    return plan.when
  }

  #aboutNew(
    name: string,
    places: readonly Place[],
    known: readonly string[],
    skip: number,
  ): Exclude<Place, 'before'> | undefined {
    const place = places.find((one) => !pointsOf(`${one} ${name}`).every((point) => known.includes(point)))
    if (place === undefined || this.#seen++ < skip) return undefined
    if (place === 'before') die(`before ${name}`)
    return place
  }
}

type Place = 'before' | 'during' | 'after'

const effects = new Effects()
export const planEffects = (plan: Plan): void => effects.plan(plan)

function die(where: string): never {
  // Written to the pipe before the signal: nothing of this process happens after it.
  writeSync(1, `${JSON.stringify({ died: where })}\n`)
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered when the call returns; this is for the type.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

const WRITE = /^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)/i
/** Follow from what else is in the commit, or say nothing. */
const DULL = new Set(['contacts', 'chats', 'migrations', 'settings'])

/** What a statement writes, as far as it says what kind of a commit this is. */
function nameOf(sql: string, values: readonly unknown[]): string | undefined {
  const table = WRITE.exec(sql)?.[1]
  if (table === undefined || DULL.has(table)) return undefined
  // The column after the session's.
  if (table === 'keys') return `keys/${values[1]}`
  if (table === 'events') return `events/${values[3]}`
  if (table === 'stanzas') return `stanzas/${stanzaOf(String(values[1]))}`
  if (table === 'outbox') return sql.startsWith('INSERT') ? 'outbox/accept' : 'outbox'
  return table
}

/** `unhandled message …`, `change …`: what is kept of it, and of which kind it is when that is kept too. */
function stanzaOf(id: string): string {
  const [kept = '', tag] = id.split(' ')
  return WHOLE.has(kept) ? `${kept} ${tag}` : kept
}
const WHOLE = new Set(['unhandled', 'handled', 'suspect', 'refused'])

const titleOf = (written: Set<string>): string => `commit ${[...written].sort().join('+') || 'dull'}`

/** SQLite's commits are over when the call returns. */
function watchSqlite(): void {
  let written = new Set<string>()
  let isWriting = false
  const { prepare, exec } = Database.prototype
  Database.prototype.prepare = function (this: Database.Database, sql: string) {
    const statement = prepare.call(this, sql)
    if (!WRITE.test(sql)) return statement
    for (const how of ['run', 'all'] as const) {
      const original = statement[how].bind(statement) as (...values: unknown[]) => unknown
      Object.defineProperty(statement, how, {
        value: (...values: unknown[]) => {
          isWriting = true
          const name = nameOf(sql, values)
          if (name !== undefined) written.add(name)
          return original(...values)
        },
      })
    }
    return statement
    // The real one is generic in the rows, which nothing here looks at.
  } as typeof prepare
  Database.prototype.exec = function (this: Database.Database, sql: string) {
    if (sql === 'BEGIN IMMEDIATE') {
      written = new Set()
      isWriting = false
    }
    if (sql !== 'COMMIT' || !isWriting) return exec.call(this, sql)
    const title = titleOf(written)
    const ends = effects.about(title)
    const result = exec.call(this, sql)
    if (ends) die(`after ${title}`)
    return result
  }
}

interface Query {
  text: string
  values?: readonly unknown[]
}

/** A commit of PostgreSQL is asked for, and answered later: between the two nobody knows. */
function watchPostgres(): void {
  const written = new WeakMap<object, Set<string>>()
  // The method has a dozen overloads, of which the store uses one: a text or a config, and a promise.
  const { query } = pg.Client.prototype as unknown as { query: (...args: unknown[]) => Promise<unknown> }
  Object.defineProperty(pg.Client.prototype, 'query', {
    value: function (this: object, ...args: unknown[]) {
      const given = args[0] as string | Query
      const { text, values = [] } = typeof given === 'string' ? { text: given } : given
      if (text.startsWith('BEGIN;')) written.delete(this)
      if (WRITE.test(text)) {
        const names = written.get(this) ?? new Set()
        written.set(this, names)
        const name = nameOf(text, values)
        if (name !== undefined) names.add(name)
      }
      const names = written.get(this)
      if (!names || !text.endsWith('COMMIT')) return query.apply(this, args)
      const title = titleOf(names)
      const ends = effects.about(title, ['before', 'during', 'after'])
      const answer = query.apply(this, args)
      if (ends === 'during') setImmediate(() => die(`during ${title}`))
      return ends === 'after' ? answer.then(() => die(`after ${title}`)) : answer
    },
  })
}

/** Names of the nodes that are about to be sent: Baileys shows each to its log just before. */
const nodes: string[] = []

/** `<receipt id='…' type='retry'>`: what kind of a stanza it is. */
function kindOf(xml: string): string {
  const [, tag = '?', attrs = ''] = /^<([\w:]+)([^>]*)/.exec(xml) ?? []
  const facts = ['type', 'class', 'xmlns', 'category'].map((name) => new RegExp(` ${name}='([^']*)'`).exec(attrs)?.[1])
  return [tag, ...facts.filter((fact) => fact !== undefined)].join(' ')
}

/** For Baileys' option `logger`. */
export const listeningLogger = {
  level: 'trace',
  child: () => listeningLogger,
  trace(facts: unknown) {
    const { xml, msg } = facts as { xml?: string; msg?: string } // as Baileys calls it
    if (msg === 'xml send' && xml !== undefined) nodes.push(kindOf(xml))
  },
  debug() {},
  info() {},
  warn() {},
  error() {},
}

function watchFrames(to: string): void {
  // The method has overloads; Baileys' own call is passed on as it came.
  const { send } = WebSocket.prototype as unknown as { send: (...args: unknown[]) => void }
  let last: WebSocket | undefined
  Object.defineProperty(WebSocket.prototype, 'send', {
    value: function (this: WebSocket, ...args: unknown[]) {
      if (this.url !== to) return send.apply(this, args)
      // What an earlier socket did not get to send is no longer sent.
      if (last !== this) nodes.length = 0
      last = this
      const title = `frame ${nodes.shift() ?? 'handshake'}`
      const ends = effects.about(title)
      send.apply(this, args)
      if (ends) die(`after ${title}`)
    },
  })
}

function watchWebhooks(): void {
  subscribe('undici:request:create', (message) => {
    // Documented by undici.
    const { request } = message as { request: { method: string } & Ending }
    if (request.method === 'POST') request[ENDS] = effects.about('webhook')
  })
  subscribe('undici:request:trailers', (message) => {
    const { request } = message as { request: Ending }
    if (request[ENDS]) die('after webhook')
  })
}
const ENDS = Symbol('ends')
interface Ending {
  [ENDS]?: 'during' | 'after' | undefined
}

/** Before anything else runs; `whatsapp` is the URL of the network. */
export function watchEffects(whatsapp: string): void {
  watchSqlite()
  watchPostgres()
  watchFrames(whatsapp)
  watchWebhooks()
}
