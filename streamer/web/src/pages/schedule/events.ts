/** What a calendar shows of the days that the server told of. */

import type { components } from '../../api/schema'
import { plus, wall } from './zoned'

export type Day = components['schemas']['Day']
export type Window = components['schemas']['DayWindow']
export type Aired = components['schemas']['AiredItem']
export type Planned = components['schemas']['PlannedItem']

/** Something in the calendar. `window`: of a slot; `item`: what is on air outside of all slots. */
export type Shown = {
  id: string
  title: string
  /** Wall times of the area. */
  start: string
  end: string
  kind: 'queue' | 'relay' | 'upper' | 'above' | 'closed' | 'holiday' | 'aired' | 'planned'
  window?: Window
  item?: Aired | Planned
  /** Of `above`: the station. Of a holiday that is inherited: the area. */
  from?: string
}

/** Return what the days have; a window that two days share is there once. */
export function shown(days: readonly Day[], now: number): Shown[] {
  const found = new Map<string, Shown>()
  const limited = days.some((day) => day.limits.hours.length > 0)
  const add = (one: Shown): unknown => found.has(one.id) || found.set(one.id, one)
  for (const day of days) {
    const at = (when: string | number): string => wall(when, day.timezone)
    for (const off of day.holidays) {
      add({
        id: `holiday ${day.date} ${off.area.id} ${off.name}`,
        title: off.name,
        start: `${day.date}T00:00:00`,
        end: `${plus(day.date, 1)}T00:00:00`,
        kind: 'holiday',
        from: off.area.id === day.area.id ? undefined : off.area.name,
      })
    }
    for (const [low, high] of limited ? closed(day) : []) {
      add({ id: `closed ${low}`, title: '', start: at(low), end: at(high), kind: 'closed' })
    }
    for (const window of day.windows) {
      add({
        id: `slot ${window.slot} ${window.start}`,
        title: window.name,
        start: at(window.start),
        end: at(window.end),
        kind: window.content as 'queue' | 'relay' | 'upper',
        window,
      })
    }
    for (const item of day.aired) {
      const end = item.end ?? Math.max(now, Date.parse(item.start) + 1000)
      add({
        id: `aired ${item.start} ${item.title}`,
        title: item.title,
        start: at(item.start),
        end: at(end),
        kind: 'aired',
        item,
      })
    }
    for (const item of day.planned) {
      add({
        id: `planned ${item.entry} ${item.start}`,
        title: item.title,
        start: at(item.start),
        end: at(item.end),
        kind: 'planned',
        item,
      })
    }
  }
  return [...found.values()]
}

/** The slots of the station above, to be seen behind one's own. */
export function above(days: readonly Day[]): Shown[] {
  return shown(days, 0)
    .filter((one) => one.window !== undefined)
    .map((one) => ({ ...one, id: `above ${one.id}`, kind: 'above', from: days[0]?.station.name }))
}

/** The parts of a day outside the hours, where hours are limited. (A day without any of them looks
 * to itself like one without limits; the days beside it know better.) */
export function closed(day: Day): [number, number][] {
  const found: [number, number][] = []
  let at = Date.parse(day.start)
  for (const { start, end } of day.limits.hours) {
    if (Date.parse(start) > at) found.push([at, Date.parse(start)])
    at = Math.max(at, Date.parse(end))
  }
  if (at < Date.parse(day.end)) found.push([at, Date.parse(day.end)])
  return found
}

/** Does something cut this window: hours, or the limits of sessions? */
export function cut(window: Window): boolean {
  const only = window.allowed[0]
  return !(window.allowed.length === 1 && only!.start === window.start && only!.end === window.end)
}
