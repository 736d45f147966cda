import { expect, test } from 'vitest'

import { concerns, filtered, isOfRegistry, isSilent, merge, NOTHING, readFilter, SILENT_MS, writeFilter, type Receiver } from './merge'

const NOW = Date.parse('2026-11-22T08:00:00Z')
const receiver = (more: Partial<Receiver>): Receiver =>
  ({
    id: 1, area: 3, name: 'Nhà văn hóa', state: 'enrolled', connected: false, serial: 'A-77',
    seen_at: '2026-11-22T07:00:00Z', enrolled_at: '2026-01-01T00:00:00Z', ...more,
  }) as Receiver
const below = (area: number, above: number): boolean => area === above || above === 1

test('text is found without marks, in the name and in the area', () => {
  const rows = [merge(receiver({}), undefined, undefined, 'Xã Nà Khương')]
  const with_ = (text: string) => filtered(rows, { ...NOTHING, text }, below, NOW).length
  expect([with_('van hoa na khuong'), with_('a-77'), with_('đồng văn')]).toEqual([1, 1, 0])
})

test('silent is who was enrolled and not seen for a week, not who is new', () => {
  const old = new Date(NOW - SILENT_MS - 1).toISOString()
  const row = (more: Partial<Receiver>) => merge(receiver({ seen_at: old, ...more }), undefined, undefined, '')
  expect(isSilent(row({}), NOW)).toBe(true)
  expect(isSilent(row({ state: 'new' }), NOW)).toBe(false)
  expect(isSilent(row({ connected: true }), NOW)).toBe(false)
})

test('states and areas', () => {
  const rows = [
    merge(receiver({ id: 1 }), { state: 'ailing', troubles: ['heat'], values: {} } as never, undefined, ''),
    merge(receiver({ id: 2, state: 'new', area: 9 }), undefined, undefined, ''),
  ]
  const ids = (filter: object) => filtered(rows, { ...NOTHING, ...filter }, below, NOW).map((r) => r.id)
  expect(ids({ state: 'ailing' })).toEqual([1])
  expect(ids({ state: 'new' })).toEqual([2])
  expect(ids({ trouble: 'heat' })).toEqual([1])
  expect(ids({ area: 9 })).toEqual([2])
})

test('the filter is in the address, and an address may be anything', () => {
  const filter = { text: 'Nà Khương', area: 12, state: 'silent', trouble: 'heat' } as const
  expect(readFilter(new URLSearchParams(writeFilter(filter)))).toEqual(filter)
  expect(readFilter(new URLSearchParams('area=x&state=%3Cscript%3E'))).toEqual(NOTHING)
  expect(writeFilter(NOTHING)).toBe('')
})

test('how a box is comes from what was asked last', () => {
  const before = receiver({ connected: false, on_air: null } as Partial<Receiver>)
  const status = { state: 'ailing', sounding: true, troubles: [], values: {}, seen_at: null } as never
  expect(merge(before, status, undefined, '')).toMatchObject({ connected: true, on_air: true, how: 'ailing' })
  expect(merge(before, undefined, undefined, '')).toMatchObject({ connected: false, on_air: null })
})

test('the registry is loaded for what changes it', () => {
  expect(['receiver.added', 'receiver.moved', 'receiver.key_changed', 'receiver.removed'].map(isOfRegistry)).toEqual(Array(4).fill(true))
  expect(['receiver.offline', 'receiver.well', 'receiver.ordered', 'receiver.data_warning'].map(isOfRegistry)).toEqual(Array(4).fill(false))
})

test('the page of one looks again for itself and for areas, not for others', () => {
  expect([concerns('receiver/12', 12), concerns('area/3', 12), concerns('receiver/123', 12)]).toEqual([true, true, false])
})
