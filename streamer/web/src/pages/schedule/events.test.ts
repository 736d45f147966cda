import { expect, test } from 'vitest'

import { above, closed, cut, shown, type Day, type Window } from './events'

const PLACE = { id: 3, path: '/xa', name: 'Xã' }
const window = (more: Partial<Window> = {}): Window => ({
  slot: 1, name: 'Đêm', content: 'queue', relay: '', start: '2026-11-23T16:30:00Z',
  end: '2026-11-23T17:30:00Z', allowed: [], upper: null, planned: [], aired: [], ...more,
})
const day = (date: string, start: string, end: string, more: Partial<Day> = {}): Day => ({
  area: PLACE, station: PLACE, date, timezone: 'Asia/Ho_Chi_Minh', start, end, offset_minutes: 420,
  holidays: [], windows: [], planned: [], aired: [], unplaced: [],
  limits: {
    hours: [], hours_from: null, sessions_a_day: 0, sessions_a_day_from: null, session_minutes: 0,
    session_minutes_from: null,
  },
  ...more,
})
const MON = ['2026-11-23', '2026-11-22T17:00:00Z', '2026-11-23T17:00:00Z'] as const
const TUE = ['2026-11-24', '2026-11-23T17:00:00Z', '2026-11-24T17:00:00Z'] as const

test('a slot over midnight is shown once, in the time of the area', () => {
  const both = [day(...MON, { windows: [window()] }), day(...TUE, { windows: [window()] })]
  expect(shown(both, 0)).toMatchObject([
    { kind: 'queue', start: '2026-11-23T23:30:00', end: '2026-11-24T00:30:00' },
  ])
  expect(above(both)).toMatchObject([{ kind: 'above', from: 'Xã' }])
})

test('a day off says whose it is, unless it is ours', () => {
  const off = [
    { name: 'Quốc khánh', area: { ...PLACE, id: 1, name: 'Tỉnh' } },
    { name: 'Hội làng', area: PLACE },
  ]
  expect(shown([day(...MON, { holidays: off })], 0).map((one) => one.from)).toEqual(['Tỉnh', undefined])
})

test('what is outside the hours is closed', () => {
  const limits = {
    ...day(...MON).limits,
    hours_from: PLACE,
    hours: [
      { start: '2026-11-22T22:00:00Z', end: '2026-11-23T01:00:00Z' },
      { start: '2026-11-23T10:00:00Z', end: '2026-11-23T13:00:00Z' },
    ],
  }
  const hours = closed(day(...MON, { limits })).map((part) => part.map((ms) => new Date(ms).getUTCHours()))
  expect(hours).toEqual([
    [17, 22],
    [1, 10],
    [13, 17],
  ])
  const kinds = (days: Day[]): string[] => shown(days, 0).map((one) => one.kind)
  expect(kinds([day(...MON)])).toEqual([])
  expect(kinds([day(...MON, { limits }), day(...TUE)])).toEqual(['closed', 'closed', 'closed', 'closed'])
})

test('a window that is allowed whole is not cut', () => {
  const { start, end } = window()
  expect(cut(window({ allowed: [{ start, end }] }))).toBe(false)
  expect(cut(window({ allowed: [{ start, end: '2026-11-23T17:00:00Z' }] }))).toBe(true)
  expect(cut(window())).toBe(true)
})

test('what is still on air reaches to now', () => {
  const item = {
    kind: 'live', title: 'Trực tiếp', class: 'routine', language: 'vi', origin: null, entry: null,
    bulletin: null, start: '2026-11-23T02:00:00Z', end: null, complete: false, drill: false, why: '',
  } as const
  const [one] = shown([day(...MON, { aired: [item] })], Date.parse('2026-11-23T02:10:00Z'))
  expect(one).toMatchObject({ kind: 'aired', end: '2026-11-23T09:10:00' })
})
