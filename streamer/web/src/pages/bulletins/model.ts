/** Bulletins as the pages use them, and what they decide about them without asking. */

import type { components } from '../../api/schema'

export type Bulletin = components['schemas']['BulletinOut']
export type Whole = components['schemas']['BulletinWhole']
/** A new draft: what is left out is as usual. */
export type New = components['schemas']['BulletinNew']
export type Step = components['schemas']['StepOut']
export type State = Bulletin['state']
export type Class = Bulletin['class']
export type Audio = Bulletin['audio']

export const STATES: readonly State[] = ['draft', 'submitted', 'rejected', 'approved', 'withdrawn']
export const CLASSES: readonly Class[] = ['routine', 'priority', 'emergency']

/** How a recording sounds: too quiet, loud, as it should be, nothing, or with broken peaks. */
export type Sounds = 'good' | 'quiet' | 'loud' | 'silent' | 'clipped' | 'missed'

const QUIET = -28
const LOUD = -9
/** Peaks that reach full scale were most likely cut off when it was recorded. */
const CLIPPED = -0.1

/** Judge a recording as it came. */
export function judged(loudness: NonNullable<Audio['source']>): Sounds {
  const { integrated_lufs: lufs, true_peak_dbtp: peak } = loudness
  if (peak === null) return 'silent'
  if (peak >= CLIPPED) return 'clipped'
  if (lufs === null) return 'silent'
  if (lufs < QUIET) return 'quiet'
  return lufs > LOUD ? 'loud' : 'good'
}

/** Judge what listeners will hear. */
export function result(audio: Audio): Sounds {
  if (audio.result?.integrated_lufs == null) return 'silent'
  return audio.reached === false ? 'missed' : 'good'
}

/** What is edited of a bulletin. */
export type Form = {
  title: string
  class: Class
  language: string
  sign_text: string
  notes: string
  starts_at: string | null
  expires_at: string | null
  per_day: number
  days: number
  targets: number[]
}

export const FIELDS = [
  'title', 'class', 'language', 'sign_text', 'notes', 'starts_at', 'expires_at', 'per_day', 'days', 'targets',
] as const satisfies readonly (keyof Form)[] // prettier-ignore
export type Name = (typeof FIELDS)[number]

export function formOf(bulletin: Form): Form {
  const { title, class: cls, language, sign_text, notes, starts_at, expires_at, per_day, days } = bulletin
  const targets = [...bulletin.targets].sort((a, b) => a - b)
  return { title, class: cls, language, sign_text, notes, starts_at, expires_at, per_day, days, targets }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** What is different in `mine`. */
export function changes(base: Form, mine: Form): Partial<Form> {
  return Object.fromEntries(
    FIELDS.filter((name) => !same(base[name], mine[name])).map((name) => [name, mine[name]]),
  )
}

/**
 * Two people changed it: what I typed stays, what only they changed is taken over, and where both
 * did, `clashes` names the field, so that somebody decides.
 */
export function merged(base: Form, mine: Form, theirs: Form): { form: Form; clashes: Name[] } {
  const form = { ...theirs } as Record<Name, unknown>
  const clashes: Name[] = []
  for (const name of FIELDS) {
    if (same(base[name], mine[name])) continue
    form[name] = mine[name]
    if (!same(base[name], theirs[name]) && !same(mine[name], theirs[name])) clashes.push(name)
  }
  return { form: form as Form, clashes }
}

/** For <input type="datetime-local">: the time of day here. */
export function toInput(iso: string | null): string {
  if (iso === null) return ''
  const at = new Date(iso)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function fromInput(typed: string): string | null {
  return typed === '' ? null : new Date(typed).toISOString()
}

/** A stretch of a text: as it was written, and how it is said where that is something else. */
export type Stretch = { text: string; said: string; unknown: boolean }
type Replaced = components['schemas']['Replaced']

/** Cut a text where words of it are said otherwise. Places are counted in code points. */
export function stretches(text: string, replacements: readonly Replaced[]): Stretch[] {
  const points = [...text]
  const found: Stretch[] = []
  let at = 0
  const plain = (end: number): void => {
    if (end > at) found.push({ text: points.slice(at, end).join(''), said: '', unknown: false })
  }
  for (const { start, end, spoken, kind } of replacements) {
    plain(start)
    found.push({ text: points.slice(start, end).join(''), said: spoken, unknown: kind === 'letters' })
    at = end
  }
  plain(points.length)
  return found
}
