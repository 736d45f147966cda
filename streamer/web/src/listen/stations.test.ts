import { expect, test } from 'vitest'

import { pageOf, queryOf, stationOf } from './stations'

test('an address finds its station again', () => {
  for (const path of ['/ha-giang', '/ha-giang/xã nà khương', '/a/b%c/d?e#f']) {
    expect(stationOf(pageOf(path))).toBe(path)
    expect(pageOf(path)).toMatch(/^\/listen\/[^?# ]+$/)
  }
  expect(stationOf('/listen')).toBe(null)
  expect(stationOf('/listen/')).toBe(null)
})

test('a malformed address is of no station, and breaks nothing', () => {
  expect(stationOf('/listen/%E0%A4%A')).toBe('/%E0%A4%A')
})

test('stations are asked for by name, as many as an address holds', () => {
  expect(queryOf(['/a b', '/c'])).toBe('?path=%2Fa%20b&path=%2Fc')
  const long = queryOf(Array.from({ length: 500 }, (_, n) => `/ha-giang/xa-${n}`))
  expect(long.length).toBeLessThanOrEqual(4000)
  expect(long).toMatch(/path=%2Fha-giang%2Fxa-\d+$/)
})
