import { expect, test } from 'vitest'

import { half, isoDay, lastDays, month } from './periods'

const today = new Date(2026, 10, 22, 9, 30)

test('the present month and half end today, earlier ones at their end', () => {
  expect(month(today)).toEqual({ from: '2026-11-01', to: '2026-11-22' })
  expect(month(today, 1)).toEqual({ from: '2026-10-01', to: '2026-10-31' })
  expect(half(today)).toEqual({ from: '2026-07-01', to: '2026-11-22' })
  expect(half(today, 1)).toEqual({ from: '2026-01-01', to: '2026-06-30' })
  expect(half(today, 2)).toEqual({ from: '2025-07-01', to: '2025-12-31' })
})

test('across a turn of the year and of a month', () => {
  const newYear = new Date(2026, 0, 1)
  expect(month(newYear, 1)).toEqual({ from: '2025-12-01', to: '2025-12-31' })
  expect(lastDays(newYear, 2)).toEqual({ from: '2025-12-31', to: '2026-01-01' })
  expect(isoDay(new Date(2024, 1, 29))).toBe('2024-02-29')
})
