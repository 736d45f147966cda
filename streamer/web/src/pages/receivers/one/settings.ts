/** What somebody says of a receiver's behaviour, in a form: what is left open is as above. Pure. */

import type { components } from '../../../api/schema'

export type Said = components['schemas']['ReceiverSettings']
export type Rule = { from: string; to: string; ceiling: number; cls: string }
export type Form = {
  volume: (number | null)[]
  quietOwn: boolean
  quiet: Rule[]
  cadence: '' | 'low' | 'thrifty'
  delay: number | null
  trim: number | null
  cache: number | null
  days: number | null
  offFrom: string
  offTo: string
  health: number | null
  testDay: string
  testAt: string
}

const DAY = 1440

/** Minutes of the day as "21:05"; 24:00 is shown as 00:00. */
export function hhmm(minutes: number): string {
  const whole = ((minutes % DAY) + DAY) % DAY
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`
}

/** The other way round; null for what is no time. */
export function minutes(text: string): number | null {
  const found = /^(\d{1,2}):(\d{2})/.exec(text)
  if (found === null) return null
  const value = Number(found[1]) * 60 + Number(found[2])
  return value <= DAY ? value : null
}

export function formOf(said: Said): Form {
  return {
    volume: said.volume === null ? [null, null, null] : [...said.volume],
    quietOwn: said.quiet !== null,
    quiet: (said.quiet ?? []).map((rule) => ({
      from: hhmm(rule.begin),
      to: hhmm(rule.end),
      ceiling: rule.ceiling,
      cls: rule.cls === null ? '' : String(rule.cls),
    })),
    cadence: said.cadence ?? '',
    delay: said.delay_ms,
    trim: said.trim_ms,
    cache: said.cache_mb,
    days: said.days,
    offFrom: said.off_peak === null ? '' : hhmm(said.off_peak[0]),
    offTo: said.off_peak === null ? '' : hhmm(said.off_peak[1]),
    health: said.health_every,
    testDay: said.self_test === null ? '' : String(Math.floor(said.self_test / DAY)),
    testAt: said.self_test === null ? '' : hhmm(said.self_test % DAY),
  }
}

const kept = (value: number | null | undefined): number | null => value ?? null

/** Return what is said. Of three volumes those left open are as they hold (`above`). */
export function saidBy(form: Form, above: readonly number[]): Said {
  const some = form.volume.some((one) => kept(one) !== null)
  const [from, to] = [minutes(form.offFrom), minutes(form.offTo)]
  const test = minutes(form.testAt)
  return {
    cadence: form.cadence === '' ? null : form.cadence,
    delay_ms: kept(form.delay),
    trim_ms: kept(form.trim),
    volume: some
      ? [0, 1, 2].map((at) => kept(form.volume[at]) ?? above[at] ?? 80) as [number, number, number]
      : null,
    quiet: form.quietOwn
      ? form.quiet.map((rule) => ({
          begin: minutes(rule.from) ?? 0,
          end: minutes(rule.to) ?? 0,
          ceiling: rule.ceiling,
          cls: rule.cls === '' ? null : Number(rule.cls),
        }))
      : null,
    cache_mb: kept(form.cache),
    days: kept(form.days),
    off_peak: from === null || to === null ? null : [from, to],
    health_every: kept(form.health),
    self_test: form.testDay === '' || test === null ? null : Number(form.testDay) * DAY + (test % DAY),
  }
}
