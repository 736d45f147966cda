/** Where a time axis has its marks: at round hours, days and months of the local calendar. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [
  MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 7 * DAY, 14 * DAY,
]

export type Ticks = { at: number[]; step: number }

/** Return at most `most` marks between two times, in milliseconds since 1970. */
export function timeTicks(from: number, to: number, most: number): Ticks {
  const step = STEPS.find((one) => (to - from) / one <= most) ?? 0
  const at: number[] = []
  const day = new Date(from)
  day.setHours(0, 0, 0, 0)
  if (step === 0) {
    // Months, as many at a time as there is place for.
    const months = Math.max(1, Math.ceil((to - from) / (30 * DAY) / most))
    for (day.setDate(1); day.getTime() <= to && at.length <= most + 1; day.setMonth(day.getMonth() + months)) {
      if (day.getTime() >= from) at.push(day.getTime())
    }
    return { at, step: 30 * DAY }
  }
  if (step >= DAY) {
    // By the calendar, so that a day of 23 hours moves nothing.
    for (; day.getTime() <= to && at.length <= most + 1; day.setDate(day.getDate() + step / DAY)) {
      if (day.getTime() >= from) at.push(day.getTime())
    }
    return { at, step }
  }
  const zero = day.getTime()
  for (let one = zero + Math.ceil((from - zero) / step) * step; one <= to; one += step) at.push(one)
  return { at, step }
}
