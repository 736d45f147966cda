import { expect, test } from 'vitest'

import { formOf, hhmm, minutes, saidBy, type Said } from './settings'

const OPEN: Said = {
  cadence: null, delay_ms: null, trim_ms: null, volume: null, quiet: null, cache_mb: null, days: null,
  off_peak: null, health_every: null, self_test: null,
}

test('what is left open stays open', () => {
  expect(saidBy(formOf(OPEN), [80, 80, 100])).toEqual(OPEN)
})

test('what is said comes back as it was', () => {
  const said: Said = {
    cadence: 'low', delay_ms: 0, trim_ms: -20, volume: [60, 70, 100],
    quiet: [{ begin: 1260, end: 300, ceiling: 40, cls: null }, { begin: 0, end: 60, ceiling: 0, cls: 1 }],
    cache_mb: 100, days: 3, off_peak: [60, 240], health_every: 60, self_test: 2 * 1440 + 125,
  }
  expect(saidBy(formOf(said), [80, 80, 100])).toEqual(said)
})

test('no rules at all is something that is said', () => {
  expect(saidBy({ ...formOf(OPEN), quietOwn: true }, [1, 2, 3]).quiet).toEqual([])
})

test('one volume is said, the others hold as they are', () => {
  const form = { ...formOf(OPEN), volume: [50, null, null] }
  expect(saidBy(form, [80, 85, 100]).volume).toEqual([50, 85, 100])
})

test('times of day', () => {
  expect([hhmm(0), hhmm(1439), hhmm(1440)]).toEqual(['00:00', '23:59', '00:00'])
  expect([minutes('05:00'), minutes('x'), minutes('25:00')]).toEqual([300, null, null])
})
