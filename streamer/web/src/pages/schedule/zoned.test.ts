import { expect, test } from 'vitest'

import { dated, instant, isDay, monday, plus, today, wall, weekday } from './zoned'

const HERE = 'Asia/Ho_Chi_Minh'

test('a moment and its wall time are each other', () => {
  expect(wall('2026-11-22T22:00:00Z', HERE)).toBe('2026-11-23T05:00:00')
  expect(instant('2026-11-23T05:00', HERE)).toBe('2026-11-22T22:00:00.000Z')
  for (const time of ['2026-03-29T01:59', '2026-03-29T03:01', '2026-10-25T04:00']) {
    expect(wall(instant(time, 'Europe/Berlin'), 'Europe/Berlin')).toBe(`${time}:00`)
  }
})

test('a time that clocks leave out is after it', () => {
  expect(wall(instant('2026-03-29T02:30', 'Europe/Berlin'), 'Europe/Berlin').slice(11, 13)).toMatch(
    /01|03/,
  )
})

test('days', () => {
  expect(today(HERE, Date.parse('2026-11-22T18:00Z'))).toBe('2026-11-23')
  expect(plus('2026-12-31', 1)).toBe('2027-01-01')
  expect(weekday('2026-11-23')).toBe(0)
  expect(monday('2026-11-29')).toBe('2026-11-23')
  expect(dated('2026-11-23')).toBe('23/11/2026')
  expect([isDay('2026-11-23'), isDay('2026-13-23'), isDay('x'), isDay(null)]).toEqual([
    true,
    false,
    false,
    false,
  ])
})
