import { expect, test } from 'vitest'

import { isEmpty, readFilter, writeFilter } from './filter'

test('a view stands in the address and is found there again', () => {
  const filter = readFilter('?area=7&account=2&name=Lan&action=grant.*&since=2026-11-01&until=2026-11-22')
  expect(filter).toEqual({
    area: 7, account: 2, name: 'Lan', action: 'grant.*', since: '2026-11-01', until: '2026-11-22',
  })
  expect(readFilter(writeFilter(filter))).toEqual(filter)
})

test('what is no filter is passed over', () => {
  const filter = readFilter("?area=x&account=-1&action=';--&since=2026-99-99&until=heute")
  expect(isEmpty(filter)).toBe(true)
  expect(writeFilter(filter)).toBe('')
})
