/** What an area says for itself, and how it differs from what was loaded. */

import type { components } from '../../../api/schema'

export type Policy = components['schemas']['PolicyModel']
export type Hours = components['schemas']['HoursModel']
export type Key = keyof Policy

export const KEYS: Key[] = [
  'hours',
  'sessions_a_day',
  'session_minutes',
  'override_hours',
  'approve_own',
  'upper_routine',
  'routine_live',
  'second_person',
  'timezone',
  'receiver_limits',
]

/** Which rules differ between two policies. */
export function differing(a: Policy, b: Policy): Key[] {
  return KEYS.filter((key) => JSON.stringify(a[key] ?? null) !== JSON.stringify(b[key] ?? null))
}

/** After somebody else was quicker: theirs, with what was changed here laid over it. */
export function rebased(mine: Policy, loaded: Policy, theirs: Policy): Policy {
  const merged: Record<string, unknown> = { ...theirs }
  for (const key of differing(mine, loaded)) merged[key] = mine[key]
  return merged as Policy
}

/** Days in a row become a range: "T2–T6, CN". */
export function dayRanges(weekdays: readonly number[], names: readonly string[], all: string): string {
  const days = [...new Set(weekdays)].sort((a, b) => a - b)
  if (days.length === 7) return all
  const parts: string[] = []
  for (let at = 0; at < days.length; ) {
    let end = at
    while (end + 1 < days.length && days[end + 1] === days[end]! + 1) end += 1
    const [first, last] = [names[days[at]!]!, names[days[end]!]!]
    parts.push(end - at >= 2 ? `${first}–${last}` : end > at ? `${first}, ${last}` : first)
    at = end + 1
  }
  return parts.join(', ')
}

/** Read a time as people write it: "5", "5:30", "0530", "5h30"; null when it is none. At the end of
 * a span midnight is 24:00. */
export function readClock(text: string, end: boolean): string | null {
  const found = /^\s*(\d{1,2}?)(?:\s*[:hg.]?\s*(\d{2}))?\s*[hg]?\s*$/i.exec(text)
  if (found === null) return null
  const [hour, minute] = [Number(found[1]), Number(found[2] ?? 0)]
  if (minute > 59 || hour > 24 || (hour === 24 && minute > 0)) return null
  if (hour === 24 && !end) return null
  if (end && hour === 0 && minute === 0) return '24:00'
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
}
