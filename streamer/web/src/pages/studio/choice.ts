/** The areas that were chosen last, on this computer, as far as they are still there. */

import { areas } from '../../state/areas.svelte'
import { session } from '../../state/session.svelte'

const KEPT = 'loa.studio.areas'

/** Those, or the one station of somebody who has just one; whoever has many begins with none. */
export function keptChoice(may: (area: number) => boolean): ReadonlySet<number> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '[]')
    if (Array.isArray(kept)) {
      const there = kept.filter((id): id is number => typeof id === 'number' && areas.get(id) !== undefined && may(id))
      if (there.length > 0) return new Set(there)
    }
  } catch {
    // What cannot be read is chosen anew.
  }
  const mine = (session.me?.grants ?? []).filter((grant) => grant.permissions.includes('live'))
  const own = mine.length === 1 ? areas.get(mine[0]!.area) : undefined
  const many = own !== undefined && areas.below(own.id).some((area) => area !== own && area.station)
  return new Set(own !== undefined && !many ? [own.id] : [])
}

export function keepChoice(chosen: ReadonlySet<number>): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...chosen]))
  } catch {
    // Then it is chosen anew next time.
  }
}
