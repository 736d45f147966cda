/** Dates, durations, sizes and money, as people of the language write them. */

import { language } from '../state/language.svelte'

const made = new Map<string, Intl.DateTimeFormat>()

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language.locale + JSON.stringify(options)
  let found = made.get(key)
  if (found === undefined) {
    found = new Intl.DateTimeFormat(language.locale, options)
    made.set(key, found)
  }
  return found
}

export type When = string | number | Date

function date(when: When): Date {
  return when instanceof Date ? when : new Date(when)
}

/** "06:30" */
export function clock(when: When): string {
  return format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(date(when))
}

/** "22/11/2026" */
export function day(when: When): string {
  return format({ day: '2-digit', month: '2-digit', year: 'numeric' }).format(date(when))
}

/** "06:30 22/11/2026" in Vietnamese, "22/11/2026, 06:30" in English */
export function moment(when: When): string {
  return language.now === 'vi' ? `${clock(when)} ${day(when)}` : `${day(when)}, ${clock(when)}`
}

/** "3 phút trước", "in 2 hours": by how far it is from `now`. */
export function ago(when: When, now: number = Date.now()): string {
  const seconds = (date(when).getTime() - now) / 1000
  const relative = new Intl.RelativeTimeFormat(language.locale, { numeric: 'auto' })
  const size = Math.abs(seconds)
  if (size < 60) return relative.format(Math.round(seconds), 'second')
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute')
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour')
  return relative.format(Math.round(seconds / 86_400), 'day')
}

/** "2:05", "1:02:05" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (n: number): string => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language.locale, {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  }).format(value)
}

/** Bytes in steps of a thousand, as operators bill them: "13,1 MB". */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let step = 0
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000
    step += 1
  }
  return `${number(value, step === 0 || value >= 100 ? 0 : 1)} ${units[step]}`
}

export function dong(value: number): string {
  return new Intl.NumberFormat(language.locale, { style: 'currency', currency: 'VND' }).format(value)
}
