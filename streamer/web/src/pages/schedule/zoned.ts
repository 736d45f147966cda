/**
 * Times of day of an area, whatever clock the browser goes by. A wall time is what a clock on the
 * wall there shows: "2026-11-23T05:00:00"; a day is "2026-11-23".
 */

const DAY_MS = 86_400_000
const made = new Map<string, Intl.DateTimeFormat>()

function parts(zone: string): Intl.DateTimeFormat {
  let found = made.get(zone)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
    made.set(zone, found)
  }
  return found
}

/** Return the wall time of a moment. */
export function wall(when: string | number, zone: string): string {
  const of: Record<string, string> = {}
  for (const { type, value } of parts(zone).formatToParts(new Date(when))) of[type] = value
  return `${of.year}-${of.month}-${of.day}T${of.hour}:${of.minute}:${of.second}`
}

/** Return the moment of a wall time, as the API takes it. One that is skipped is the hour after. */
export function instant(time: string, zone: string): string {
  const wanted = Date.parse(`${time}Z`)
  let at = wanted
  // The offset there is that of the moment, which is near the one that is guessed first.
  for (let n = 0; n < 2; n++) at = wanted - (Date.parse(`${wall(at, zone)}Z`) - at)
  return new Date(at).toISOString()
}

/** "05:00" of a wall time. */
export function hour(time: string): string {
  return time.slice(11, 16)
}

export function dayOf(time: string): string {
  return time.slice(0, 10)
}

export function today(zone: string, now: number = Date.now()): string {
  return dayOf(wall(now, zone))
}

export function plus(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** From 0, Monday. */
export function weekday(day: string): number {
  return (new Date(`${day}T00:00Z`).getUTCDay() + 6) % 7
}

export function monday(day: string): string {
  return plus(day, -weekday(day))
}

/** Is it a day of the calendar, written as one? */
export function isDay(text: string | null): text is string {
  return (
    text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00Z`))
  )
}

/** "23/11/2026" */
export function dated(day: string): string {
  return `${day.slice(8)}/${day.slice(5, 7)}/${day.slice(0, 4)}`
}
