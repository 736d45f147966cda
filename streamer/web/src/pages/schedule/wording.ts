/** How slots and times are said in words. */

import type { components } from '../../api/schema'
import { language } from '../../state/language.svelte'
import { after, read, runs } from './rules'
import { say } from './texts'
import { dated, dayOf, hour, wall, weekday } from './zoned'

export type Slot = components['schemas']['Slot']

/** "T2 23/11" */
export function shortDay(day: string): string {
  return `${say().days[weekday(day)]} ${day.slice(8)}/${day.slice(5, 7)}`
}

/** "Thứ hai, 23/11/2026" */
export function wholeDay(day: string): string {
  return `${say().fullDays[weekday(day)]}, ${dated(day)}`
}

/** "05:00 T2 23/11" of a moment. */
export function at(when: string, zone: string): string {
  const time = wall(when, zone)
  const [clock, day] = [hour(time), shortDay(dayOf(time))]
  return language.now === 'vi' ? `${clock} ${day}` : `${day}, ${clock}`
}

/** "05:00–05:45" */
export function span(start: string, end: string, zone: string): string {
  return `${hour(wall(start, zone))}–${hour(wall(end, zone))}`
}

/** "Hằng ngày, 05:00–05:45" */
export function recurring(slot: Pick<Slot, 'rrule' | 'first' | 'minutes'>): string {
  const time = hour(slot.first)
  const times = `${time}–${after(time, slot.minutes)}`
  const recurs = read(slot.rrule, weekday(dayOf(slot.first)))
  if (recurs.kind === 'once') return `${say().once(dated(dayOf(slot.first)))}, ${times}`
  if (recurs.kind === 'other') return `${recurs.rule}, ${times}`
  const names = say().days
  const days = recurs.days.every(Boolean)
    ? say().everyDay
    : runs(recurs.days)
        .map(([from, to]) => (from === to ? names[from] : `${names[from]}–${names[to]}`))
        .join(', ')
  return `${days}, ${times}${recurs.until === '' ? '' : say().untilDay(dated(recurs.until))}`
}
