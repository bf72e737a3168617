import type { JournalEvents } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'
import { newest } from './journal.ts'

/** A URL that is told about a session's events. */
export interface WebhookRow {
  session: string
  id: string
  name: string
  url: string
  /** The events that it wants; null: all. */
  events: (keyof JournalEvents)[] | null
  /** Sent with every delivery, by their names in lower case. */
  headers: Record<string, string>
  /** One that is not enabled gets nothing and keeps its place, but holds no event in the journal. */
  enabled: boolean
  /** Why it was disabled, when nobody asked for it. */
  disabledReason: 'gone' | 'failing' | null
  /** Since when no delivery has worked, by the clock that nobody can set; null while they work. */
  failingSince: number | null
  secret: string | null
  /** The secret before, which signs too until then. */
  oldSecret: string | null
  oldSecretUntil: number | null
  /** Up to this `seq` events have become deliveries. */
  cursor: number
  createdAt: number
  /** When somebody last changed what is sent, or where to. */
  changedAt: number
}

/** What can be chosen about a webhook. */
export type WebhookSettings = Omit<WebhookRow, 'session' | 'id' | 'cursor' | 'createdAt'>

interface Stored {
  session: string
  id: string
  name: string
  url: string
  events: string | null
  headers: string
  enabled: number
  disabled_reason: WebhookRow['disabledReason']
  failing_since: number | null
  secret: string | null
  old_secret: string | null
  old_secret_until: number | null
  cursor: number
  created_at: number
  changed_at: number
}

/** The webhook of the route that knows only one. */
export const DEFAULT = 'default'

/** What nobody chose: every event, nothing added. */
export const PLAIN = {
  events: null,
  headers: {},
  enabled: true,
  disabledReason: null,
  failingSince: null,
  secret: null,
  oldSecret: null,
  oldSecretUntil: null,
} satisfies Partial<WebhookSettings>

const COLUMNS = `session, id, name, url, events, headers, enabled, disabled_reason, failing_since, secret, old_secret,
  old_secret_until, cursor, created_at, changed_at`

const read = (stored: Stored): WebhookRow => ({
  session: stored.session,
  id: stored.id,
  name: stored.name,
  url: stored.url,
  events: stored.events === null ? null : JSON.parse(stored.events),
  headers: JSON.parse(stored.headers),
  enabled: stored.enabled === 1,
  disabledReason: stored.disabled_reason,
  failingSince: stored.failing_since,
  secret: stored.secret,
  oldSecret: stored.old_secret,
  oldSecretUntil: stored.old_secret_until,
  cursor: stored.cursor,
  createdAt: stored.created_at,
  changedAt: stored.changed_at,
})

export function* all(): Work<WebhookRow[]> {
  return (yield* rows<Stored>(`SELECT ${COLUMNS} FROM webhooks ORDER BY session, created_at, id`)).map(read)
}

/** Those of one session, the oldest first. */
export function* ofSession(session: string): Work<WebhookRow[]> {
  const found = yield* rows<Stored>(
    `SELECT ${COLUMNS} FROM webhooks WHERE session = ? ORDER BY created_at, id`,
    session,
  )
  return found.map(read)
}

export function* get(session: string, id: string): Work<WebhookRow | undefined> {
  const stored = yield* row<Stored>(`SELECT ${COLUMNS} FROM webhooks WHERE session = ? AND id = ?`, session, id)
  return stored && read(stored)
}

/** A new webhook begins with the next event; one that is there keeps its place, so that moving a bot loses nothing. */
export function* set(session: string, id: string, settings: WebhookSettings): Work<WebhookRow> {
  const known = yield* get(session, id)
  const cursor = known?.cursor ?? (yield* newest(session))
  const createdAt = known?.createdAt ?? settings.changedAt
  yield* run('DELETE FROM webhooks WHERE session = ? AND id = ?', session, id)
  yield* run(
    `INSERT INTO webhooks (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    session,
    id,
    settings.name,
    settings.url,
    settings.events && JSON.stringify(settings.events),
    JSON.stringify(settings.headers),
    settings.enabled ? 1 : 0,
    settings.disabledReason,
    settings.failingSince,
    settings.secret,
    settings.oldSecret,
    settings.oldSecretUntil,
    cursor,
    createdAt,
    settings.changedAt,
  )
  return { ...settings, session, id, cursor, createdAt }
}

export function* advance(session: string, id: string, cursor: number): Work<void> {
  yield* run('UPDATE webhooks SET cursor = ? WHERE session = ? AND id = ?', cursor, session, id)
}

/** Deliveries fail from here on, or work again. */
export function* setFailingSince(session: string, id: string, at: number | null): Work<void> {
  yield* run('UPDATE webhooks SET failing_since = ? WHERE session = ? AND id = ?', at, session, id)
}

export function* disable(session: string, id: string, reason: WebhookRow['disabledReason']): Work<void> {
  yield* run('UPDATE webhooks SET enabled = 0, disabled_reason = ? WHERE session = ? AND id = ?', reason, session, id)
}

export function* remove(session: string, id: string): Work<void> {
  yield* run('DELETE FROM webhooks WHERE session = ? AND id = ?', session, id)
}
