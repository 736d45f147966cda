/** In which area somebody makes bulletins: where they did last, or the first where they may. */

import { areas } from '../../state/areas.svelte'
import { session } from '../../state/session.svelte'

const KEPT = 'loa.bulletins.area'

export function mayMake(area: { id: number }): boolean {
  return session.may('bulletin.edit', area.id)
}

export function usualArea(): number | null {
  let last: number | null = null
  try {
    last = Number(localStorage.getItem(KEPT)) || null
  } catch {
    // Then it is chosen each time.
  }
  if (last !== null && areas.get(last) !== undefined && mayMake({ id: last })) return last
  const own = session.me!.grants.find((grant) => grant.permissions.includes('bulletin.edit'))
  return own !== undefined && areas.get(own.area) !== undefined ? own.area : null
}

export function remember(area: number): void {
  try {
    localStorage.setItem(KEPT, String(area))
  } catch {
    // As above.
  }
}

/** Is there anything to choose? */
export function manyAreas(): boolean {
  let count = 0
  for (const area of areas.all) if (mayMake(area) && ++count > 1) return true
  return false
}
