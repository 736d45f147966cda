/** An entry of a queue as it is being added or changed. Times are wall times of the area. */

import type { components } from '../../api/schema'
import * as versions from '../../lib/rebase'
import type { Entry } from './order'
import { instant, wall } from './zoned'

/** What the API takes of a change: any of these, or all for a new entry. */
type Said = Omit<components['schemas']['QueueNewEntry'], 'bulletin'>
type Change = components['schemas']['QueueEntryChange']

export type Form = {
  perDay: number | null
  /** Every day until it expires, and not for a number of days. */
  endless: boolean
  days: number | null
  start: string
  end: string
  some: boolean
  targets: number[]
}

/** `entry` null: a new one, of a bulletin that is still to be chosen. */
export type Draft = { entry: number | null; version: number; base: Form; form: Form }

export function fresh(): Draft {
  const base: Form = {
    perDay: 1, endless: false, days: 1, start: '', end: '', some: false, targets: [],
  }
  return { entry: null, version: 0, base, form: structuredClone(base) }
}

export function formOf(entry: Entry): Form {
  const time = (when: string | null): string =>
    when === null ? '' : wall(when, entry.timezone).slice(0, 16)
  return {
    perDay: entry.per_day,
    endless: entry.days === 0,
    days: entry.days || 1,
    start: time(entry.not_before),
    end: time(entry.expires_at),
    some: entry.targets !== null,
    targets: [...(entry.targets ?? [])],
  }
}

export function opened(entry: Entry): Draft {
  return { entry: entry.id, version: entry.version, base: formOf(entry), form: formOf(entry) }
}

/** Somebody was quicker: go on from theirs with what was changed here. */
export function rebased(draft: Draft, theirs: Entry): Draft {
  const base = formOf(theirs)
  return { ...draft, version: theirs.version, base, form: versions.rebased(draft.base, draft.form, base) }
}

export function body(form: Form, zone: string): Said {
  return {
    per_day: form.perDay ?? 0,
    days: form.endless ? 0 : (form.days ?? -1),
    not_before: form.start === '' ? null : instant(form.start, zone),
    expires_at: form.end === '' ? null : instant(form.end, zone),
    targets: form.some ? form.targets : null,
  }
}

/** What was changed: the rest is not sent, for its time may have passed meanwhile. */
export function changes({ base, form }: Draft, zone: string): Change {
  return versions.changes(body(base, zone), body(form, zone)) as Change
}
