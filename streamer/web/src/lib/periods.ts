/** Periods that reports are made of: local days, both included, as `2026-11-22`. */

export type Period = { from: string; to: string }

const two = (n: number): string => String(n).padStart(2, '0')

/** A local day as the API writes it. */
export function isoDay(day: Date): string {
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`
}

/** The month that lies so many before the one of `today`; the present one ends today. */
export function month(today: Date, before = 0): Period {
  const first = new Date(today.getFullYear(), today.getMonth() - before, 1)
  const last = new Date(today.getFullYear(), today.getMonth() - before + 1, 0)
  return { from: isoDay(first), to: isoDay(last < today ? last : today) }
}

/** The half of a year that lies so many before the one of `today`; the present one ends today. */
export function half(today: Date, before = 0): Period {
  const start = (today.getMonth() < 6 ? 0 : 6) - 6 * before
  const first = new Date(today.getFullYear(), start, 1)
  const last = new Date(today.getFullYear(), start + 6, 0)
  return { from: isoDay(first), to: isoDay(last < today ? last : today) }
}

/** The last so many days, today included. */
export function lastDays(today: Date, days: number): Period {
  const first = new Date(today.getFullYear(), today.getMonth(), today.getDate() - days + 1)
  return { from: isoDay(first), to: isoDay(today) }
}
