import { row, run, type Work } from '../store.ts'

/** Named values of whoever embeds the core. The server keeps its administrator and its signing secret here. */
export function* get(key: string): Work<string | undefined> {
  return (yield* row<{ value: string }>('SELECT value FROM settings WHERE key = ?', key))?.value
}

export function* set(key: string, value: string): Work<void> {
  yield* run(
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    key,
    value,
  )
}

export function* remove(key: string): Work<void> {
  yield* run('DELETE FROM settings WHERE key = ?', key)
}
