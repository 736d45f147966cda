import { expect, test } from 'vitest'

import { pageOf, stationOf } from './stations'

test('an address finds its station again', () => {
  for (const path of ['/ha-giang', '/ha-giang/xã nà khương', '/a/b%c/d?e#f']) {
    expect(stationOf(pageOf(path))).toBe(path)
    expect(pageOf(path)).toMatch(/^\/listen\/[^?# ]+$/)
  }
  expect(stationOf('/listen')).toBe(null)
  expect(stationOf('/listen/')).toBe(null)
})
