import { confirmMessages } from './marking.ts'
import type { World } from './world.ts'

interface Due {
  readonly owner: string
  readonly id: string
  /** Milliseconds. */
  readonly at: number
}

/** Inside the commit in which a message arrives: its reader looks at it so many ms from now, restarts or not. */
export function readLate(world: World, owner: string, id: string, ms: number): void {
  const due = { owner, id, at: world.clock.now() + ms }
  world.store.run('INSERT OR REPLACE INTO due_reads (owner, id, at) VALUES (?, ?, ?)', owner, id, due.at)
  world.post.afterwards(() => readWhenDue(world, due))
}

/** After a restart. */
export function resumeReading(world: World): void {
  for (const due of world.store.all<Due>('SELECT owner, id, at FROM due_reads ORDER BY at')) readWhenDue(world, due)
}

function readWhenDue(world: World, { owner, id, at }: Due): void {
  world.clock.after(at - world.clock.now(), () => {
    world.post.commit(() => {
      world.store.run('DELETE FROM due_reads WHERE owner = ? AND id = ?', owner, id)
      confirmMessages(world, owner, [id], 'read')
    })
  })
}
