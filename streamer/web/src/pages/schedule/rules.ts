/** When a slot recurs: between the rule that the server keeps (RFC 5545) and what people choose. */

export const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const

/** `weekly`: on those weekdays, until a day or for ever; `once`; `other`: a rule that the page has
 * no form for, as it is. */
export type Recurrence =
  | { kind: 'once' }
  | { kind: 'weekly'; days: boolean[]; until: string }
  | { kind: 'other'; rule: string }

export function read(rule: string, firstWeekday: number): Recurrence {
  if (rule === '') return { kind: 'once' }
  const parts = new Map(rule.split(';').map((part) => part.split('=', 2) as [string, string]))
  const freq = parts.get('FREQ')
  const until = parts.get('UNTIL') ?? ''
  const days = parts.get('BYDAY')?.split(',')
  const plain = [...parts.keys()].every((name) => ['FREQ', 'BYDAY', 'UNTIL', 'WKST'].includes(name))
  const simple = days === undefined || days.every((day) => (DAYS as readonly string[]).includes(day))
  if (!plain || !simple || (freq !== 'DAILY' && freq !== 'WEEKLY')) return { kind: 'other', rule }
  if (until !== '' && !/^\d{8}/.test(until)) return { kind: 'other', rule }
  return {
    kind: 'weekly',
    days: DAYS.map((day, at) => {
      if (days !== undefined) return days.includes(day)
      return freq === 'DAILY' || at === firstWeekday
    }),
    until: until === '' ? '' : `${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}`,
  }
}

export function write(recurs: Recurrence): string {
  if (recurs.kind === 'once') return ''
  if (recurs.kind === 'other') return recurs.rule.trim()
  const chosen = DAYS.filter((_, at) => recurs.days[at])
  const until = recurs.until === '' ? '' : `;UNTIL=${recurs.until.replaceAll('-', '')}`
  if (chosen.length === 7) return `FREQ=DAILY${until}`
  return `FREQ=WEEKLY;BYDAY=${chosen.join(',')}${until}`
}

/** Return which weekdays are together: [[0, 4], [6, 6]] for Monday to Friday and Sunday. */
export function runs(days: readonly boolean[]): [number, number][] {
  const found: [number, number][] = []
  days.forEach((on, at) => {
    if (!on) return
    const last = found.at(-1)
    if (last !== undefined && last[1] === at - 1) last[1] = at
    else found.push([at, at])
  })
  return found
}

/** Minutes from one time of day to another; one that is not later is of the next day. */
export function minutesBetween(from: string, to: string): number {
  const minute = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
  const found = minute(to) - minute(from)
  return found > 0 ? found : found + 1440
}

/** The time of day some minutes after another. */
export function after(from: string, minutes: number): string {
  const at = (Number(from.slice(0, 2)) * 60 + Number(from.slice(3, 5)) + minutes) % 1440
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(Math.floor(at / 60))}:${two(at % 60)}`
}
