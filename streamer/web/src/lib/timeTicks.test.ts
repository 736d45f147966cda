import { expect, test } from 'vitest'

import { timeTicks } from './timeTicks'

const at = (text: string): number => new Date(text).getTime()

test('marks are at round hours', () => {
  const { at: marks, step } = timeTicks(at('2026-11-22T05:40:00'), at('2026-11-22T11:20:00'), 6)
  expect(step).toBe(3_600_000)
  expect(marks.map((one) => new Date(one).getHours())).toEqual([6, 7, 8, 9, 10, 11])
})

test('marks of days are midnights, of a year first days of months', () => {
  const days = timeTicks(at('2026-11-01T12:00:00'), at('2026-11-08T12:00:00'), 8).at
  expect(days.map((one) => new Date(one).getDate())).toEqual([2, 3, 4, 5, 6, 7, 8])
  const months = timeTicks(at('2026-01-10T00:00:00'), at('2026-12-20T00:00:00'), 12).at
  expect(months.every((one) => new Date(one).getDate() === 1)).toBe(true)
  expect(months).toHaveLength(11)
})

test('there are never many more than asked for', () => {
  for (const span of [1e3, 1e6, 1e8, 1e10, 1e12]) {
    expect(timeTicks(0, span, 7).at.length).toBeLessThanOrEqual(9)
  }
})
