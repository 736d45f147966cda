/** Taking something off the air: a live, an emergency, a bulletin. */

import { api, ApiError } from '../../api/client'
import type { Item } from '../../lib/onair'
import { emergencies } from '../../state/emergencies.svelte'
import { session } from '../../state/session.svelte'
import { toasts } from '../../state/toasts.svelte'
import { say } from './texts'

export type Way = 'live' | 'emergency' | 'bulletin'

/** How what an area carries can be stopped by whoever sits here; null: not at all. */
export function wayToStop(item: Item, area: number): Way | null {
  if (item.live !== null) {
    return session.may('live', item.origin ?? area) ? 'live' : null
  }
  if (item.emergency !== null) {
    const called = emergencies.get(item.emergency)?.area
    return called !== undefined && session.may('emergency', called) ? 'emergency' : null
  }
  return item.bulletin !== null && session.may('live', area) ? 'bulletin' : null
}

/** What it is called; something without a title, by its kind and where it comes from. */
export function titleOf(item: Item): string {
  return item.title || [say().kinds[item.kind], item.origin_name].filter(Boolean).join(' · ')
}

/** Stop it, and say so; what goes wrong is said too. */
export async function stop(way: Way, item: Item, area: number): Promise<void> {
  try {
    if (way === 'live') {
      await api.POST('/lives/{live}/stop', { params: { path: { live: item.live! } } })
    } else if (way === 'emergency') {
      const path = { emergency: item.emergency! }
      await api.POST('/emergencies/{emergency}/stop', { params: { path }, body: { reason: '' } })
    } else {
      await api.POST('/areas/{area}/skip', { params: { path: { area } } })
    }
    toasts.good(say().stopped(titleOf(item)))
  } catch (error) {
    const over = error instanceof ApiError && (error.status === 404 || error.status === 409)
    toasts.bad(over ? say().over : error)
  }
}
