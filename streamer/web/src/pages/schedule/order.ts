/** The order of a queue: priority goes before routine in any case, each moves among its own. */

import type { components } from '../../api/schema'

export type Entry = components['schemas']['QueueEntry']
export type Group = { class: 'priority' | 'routine'; entries: Entry[] }

/** Return the accepted entries by class, each in the order in which they are planned. */
export function groups(entries: readonly Entry[]): Group[] {
  const accepted = entries.filter((one) => one.state === 'accepted')
  return (['priority', 'routine'] as const)
    .map((of) => ({ class: of, entries: accepted.filter((one) => one.bulletin.class === of) }))
    .filter((group) => group.entries.length > 0)
}

/** Return all entries with one put where another of its class is; the same where that cannot be. */
export function put(entries: readonly Entry[], moved: number, to: number): readonly Entry[] {
  const from = entries.findIndex((one) => one.id === moved)
  const at = entries.findIndex((one) => one.id === to)
  const [one, other] = [entries[from], entries[at]]
  if (one === undefined || other === undefined || one === other) return entries
  if (one.bulletin.class !== other.bulletin.class) return entries
  const next = entries.toSpliced(from, 1)
  next.splice(at, 0, one)
  return next
}
