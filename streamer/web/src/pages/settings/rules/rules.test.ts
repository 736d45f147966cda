import { expect, test } from 'vitest'

import { dayRanges, differing, readClock, rebased, type Policy } from './rules'

const names = ['T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'CN']

test('days in a row are a range', () => {
  const said = (days: number[]): string => dayRanges(days, names, 'hằng ngày')
  expect(said([0, 1, 2, 3, 4])).toBe('T2–T6')
  expect(said([6, 0, 2, 1])).toBe('T2–T4, CN')
  expect(said([5, 6])).toBe('T7, CN')
  expect(said([0, 1, 2, 3, 4, 5, 6])).toBe('hằng ngày')
  expect(said([])).toBe('')
})

test('somebody else was quicker: theirs stays, mine is laid over it', () => {
  const loaded = { sessions_a_day: 3, approve_own: null } as Policy
  const mine = { sessions_a_day: 2, approve_own: null } as Policy
  const theirs = { sessions_a_day: 3, approve_own: false } as Policy
  expect(differing(mine, loaded)).toEqual(['sessions_a_day'])
  expect(rebased(mine, loaded, theirs)).toEqual({ sessions_a_day: 2, approve_own: false })
  expect(differing({} as Policy, { approve_own: null } as Policy)).toEqual([])
})

test('times as people write them', () => {
  for (const [typed, read] of [
    ['05:00', '05:00'], ['5', '05:00'], ['17', '17:00'], ['5:30', '05:30'], ['0530', '05:30'], ['530', '05:30'],
    ['5h30', '05:30'], ['17 giờ', null], ['5g', '05:00'], ['24:00', null], ['25:00', null], ['12:60', null], ['', null],
  ] as const) {
    expect(readClock(typed, false), typed).toBe(read)
  }
  expect(readClock('24:00', true)).toBe('24:00')
  expect(readClock('0:00', true)).toBe('24:00')
})
