import { expect, test } from 'vitest'

import { after, minutesBetween, read, runs, write } from './rules'

test('what is chosen and the rule are each other', () => {
  for (const rule of [
    '',
    'FREQ=DAILY',
    'FREQ=WEEKLY;BYDAY=MO,WE,SU',
    'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261231',
    'FREQ=MONTHLY;BYMONTHDAY=1,15',
    'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO',
  ]) {
    expect(write(read(rule, 0))).toBe(rule)
  }
})

test('rules that say the same are understood', () => {
  expect(read('FREQ=WEEKLY', 2)).toMatchObject({ days: [false, false, true, false, false, false, false] })
  expect(read('FREQ=DAILY;BYDAY=SA,SU', 0)).toMatchObject({
    days: [false, false, false, false, false, true, true],
  })
  expect(read('FREQ=MONTHLY;BYDAY=1MO', 0).kind).toBe('other')
})

test('weekdays that are together', () => {
  expect(runs([true, true, true, true, true, false, true])).toEqual([
    [0, 4],
    [6, 6],
  ])
  expect(runs(Array(7).fill(false))).toEqual([])
})

test('times of day', () => {
  expect(minutesBetween('05:00', '05:45')).toBe(45)
  expect(minutesBetween('23:30', '00:15')).toBe(45)
  expect(minutesBetween('05:00', '05:00')).toBe(1440)
  expect(after('23:30', 45)).toBe('00:15')
})
