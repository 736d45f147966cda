/** Taking something off the air: a live, an emergency, a bulletin, the relay of a slot. */

import { api, ApiError, ifMatch } from '../../api/client'
import type { components } from '../../api/schema'
import type { Item } from '../../lib/onair'
import { emergencies } from '../../state/emergencies.svelte'
import { push } from '../../state/push.svelte'
import { session } from '../../state/session.svelte'
import { toasts } from '../../state/toasts.svelte'
import { dayOf, wall } from '../schedule/zoned'
import { say } from './texts'

type SlotChange = components['schemas']['SlotChange']
export type Way = 'live' | 'emergency' | 'bulletin' | 'slot'

/** How what an area carries can be stopped by whoever sits here; null: not at all. */
export function wayToStop(item: Item, area: number): Way | null {
  if (item.live !== null) {
    return session.may('live', item.origin ?? area) ? 'live' : null
  }
  if (item.emergency !== null) {
    const called = emergencies.get(item.emergency)?.area
    return called !== undefined && session.may('emergency', called) ? 'emergency' : null
  }
  if (item.bulletin !== null) return session.may('live', area) ? 'bulletin' : null
  return relayed(item) && session.may('schedule', item.origin ?? area) ? 'slot' : null
}

/** Who may stop things, but not this here: does the configuration name it, or another's schedule? */
export function whyNot(item: Item, area: number): 'standing' | 'slot' | null {
  if (!['relay', 'file'].includes(item.kind) || !session.may('live', area)) return null
  if (!relayed(item)) return 'standing'
  return wayToStop(item, area) === null ? 'slot' : null
}

/** Is it a relay that a slot names, at its own station or at the one above? */
function relayed(item: Item): boolean {
  return item.kind === 'relay' && item.why !== 'standing' && item.origin !== null
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
    } else if (way === 'bulletin') {
      await api.POST('/areas/{area}/skip', { params: { path: { area } } })
    } else {
      await leaveOut(item.origin ?? area)
    }
    toasts.good(way === 'slot' ? say().leftOut(titleOf(item)) : say().stopped(titleOf(item)))
  } catch (error) {
    const over = error instanceof ApiError && (error.status === 404 || error.status === 409)
    toasts.bad(over ? say().over : error)
  }
}

/** Stop the slot of a station that relays now: it is left out on this one day, and one that has no
 * other day ends here. */
export async function leaveOut(station: number, now = push.now()): Promise<void> {
  const { data: day } = await api.GET('/areas/{area}/day', { params: { path: { area: station } } })
  const open = day!.windows.find(
    ({ content, start, end }) =>
      content === 'relay' && Date.parse(start) <= now && now < Date.parse(end),
  )
  if (open === undefined) throw new ApiError(409, 'over', say().over)
  const path = { slot: open.slot }
  const { data: slot } = await api.GET('/slots/{slot}', { params: { path } })
  const params = { path, header: ifMatch(slot!.version) }
  if (slot!.rrule === '') {
    const minutes = Math.floor((now - Date.parse(open.start)) / 60_000)
    if (minutes > 0) await api.PATCH('/slots/{slot}', { params, body: { minutes } as SlotChange })
    else await api.DELETE('/slots/{slot}', { params })
    return
  }
  // What began before midnight is of that day.
  const began = dayOf(wall(open.start, day!.timezone))
  const exceptions = [...new Set([...slot!.exceptions, began])].sort()
  await api.PATCH('/slots/{slot}', { params, body: { exceptions } as SlotChange })
}
