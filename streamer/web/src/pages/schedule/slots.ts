/** A slot as it is being made or changed, between what people fill in and what the API takes. */

import type { components } from '../../api/schema'
import * as versions from '../../lib/rebase'
import { after, minutesBetween, read, write, type Recurrence } from './rules'
import type { Slot } from './wording'
import { dayOf, hour, weekday } from './zoned'

export type NewSlot = components['schemas']['NewSlot']
export type Content = Slot['content']

/** What is filled in. Times of day and days are those of the area. */
export type Form = {
  name: string
  kind: Recurrence['kind']
  days: boolean[]
  until: string
  rule: string
  day: string
  from: string
  to: string
  content: Content
  relay: string
  alternative: string
  exceptions: string[]
  onHolidays: boolean
  enabled: boolean
}

/** `slot` null: a new one. `base`: as it was when it was opened. */
export type Draft = { slot: number | null; version: number; base: Form; form: Form }

export function fresh(day: string, time: string): Draft {
  const base: Form = {
    name: '', kind: 'weekly', days: Array<boolean>(7).fill(true), until: '', rule: '', day,
    from: time, to: after(time, 45), content: 'queue', relay: '', alternative: '', exceptions: [],
    onHolidays: true, enabled: true,
  }
  return { slot: null, version: 0, base, form: structuredClone(base) }
}

export function formOf(slot: Slot): Form {
  const day = dayOf(slot.first)
  const recurs = read(slot.rrule, weekday(day))
  const weekly = recurs.kind === 'weekly' ? recurs : null
  return {
    name: slot.name,
    kind: recurs.kind,
    days: weekly?.days ?? only(day),
    until: weekly?.until ?? '',
    rule: recurs.kind === 'other' ? recurs.rule : '',
    day,
    from: hour(slot.first),
    to: after(hour(slot.first), slot.minutes),
    content: slot.content,
    relay: slot.relay,
    alternative: slot.relay_alternative,
    exceptions: [...slot.exceptions],
    onHolidays: slot.on_holidays,
    enabled: slot.enabled,
  }
}

function only(day: string): boolean[] {
  return Array.from({ length: 7 }, (_, at) => at === weekday(day))
}

export function opened(slot: Slot): Draft {
  return { slot: slot.id, version: slot.version, base: formOf(slot), form: formOf(slot) }
}

/** Somebody was quicker: go on from theirs with what was changed here. */
export function rebased(draft: Draft, theirs: Slot): Draft {
  const base = formOf(theirs)
  return { ...draft, version: theirs.version, base, form: versions.rebased(draft.base, draft.form, base) }
}

export function body(form: Form): NewSlot {
  const relay = form.content === 'relay'
  return {
    name: form.name.trim(),
    first: `${form.day}T${form.from}`,
    minutes: minutesBetween(form.from, form.to),
    rrule: write({ kind: form.kind, days: form.days, until: form.until, rule: form.rule } as Recurrence),
    content: form.content,
    relay: relay ? form.relay.trim() : '',
    relay_alternative: relay ? form.alternative.trim() : '',
    exceptions: form.exceptions,
    on_holidays: form.onHolidays,
    enabled: form.enabled,
  }
}
