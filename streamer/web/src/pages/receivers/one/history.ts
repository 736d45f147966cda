/** A receiver's history as lines of charts. Pure. */

import type { components } from '../../../api/schema'

export type History = components['schemas']['History']
export type Points = [number, number | null][]
type Tone = 'accent' | 'info' | 'text-soft'

const HOUR_MS = 3_600_000
/** Longer than this between two reports: nobody measured there. */
const GAP_MS = 2 * HOUR_MS

/** Return single reports of a value where there are some, else its hours: least, mean, most. */
export function lines(
  history: History,
  value: string,
  names: { least: string; mean: string; most: string },
): { name: string; points: Points; tone: Tone }[] {
  const hours = history.hours.filter((hour) => hour.values[value] !== undefined)
  const reports = history.reports.filter((report) => report.values[value] !== undefined)
  const begins = Math.min(...reports.map((report) => Date.parse(report.at)))
  const older = hours.filter((hour) => Date.parse(hour.at) + HOUR_MS <= begins)
  if (older.length < 12) {
    const points = gaps(reports.map((report) => [Date.parse(report.at), report.values[value]!]))
    return [{ name: names.mean, points, tone: 'accent' }]
  }
  const of = (at: 0 | 1 | 2): Points =>
    gaps(
      hours.map((hour) => {
        const sum = hour.values[value]!
        return [Date.parse(hour.at), typeof sum === 'number' ? sum : sum[at]!]
      }),
    )
  return [
    { name: names.mean, points: of(1), tone: 'accent' },
    { name: names.least, points: of(0), tone: 'info' },
    { name: names.most, points: of(2), tone: 'text-soft' },
  ]
}

/** Put a hole where nothing was told for a while. */
function gaps(points: [number, number][]): Points {
  const found: Points = []
  points.forEach(([at, value], index) => {
    const before = points[index - 1]
    if (before !== undefined && at - before[0] > GAP_MS) found.push([before[0] + 1, null])
    found.push([at, value])
  })
  return found
}

/** Of a count since the program's start: how much came in each hour. A smaller number is a new start. */
export function steps(history: History, value: string): Points {
  const by = new Map<number, number>()
  let before: number | null = null
  for (const report of history.reports) {
    const now = report.values[value]
    if (now === undefined) continue
    const more = before === null ? 0 : now >= before ? now - before : now
    const hour = Math.floor(Date.parse(report.at) / HOUR_MS) * HOUR_MS
    by.set(hour, (by.get(hour) ?? 0) + more)
    before = now
  }
  if (by.size > 0 || history.hours.length === 0) return [...by]
  return history.hours.flatMap((hour): Points => {
    const sum = hour.values[value]
    if (sum === undefined) return []
    return [[Date.parse(hour.at), typeof sum === 'number' ? 0 : sum[2]! - sum[0]!]]
  })
}
