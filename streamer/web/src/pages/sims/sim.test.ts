import { expect, test } from 'vitest'

import { changeOf, formOf } from './sim'

test('a new SIM has nothing that nobody said', () => {
  expect(changeOf({ ...formOf(null), iccid: '8984 0480 0000 0123 4567' })).toMatchObject({
    iccid: '89840480000001234567', quota_bytes: null, tariff: null, cycle: 'month', cycle_days: null,
  })
})

test('megabytes are of a million bytes; a package has days, and no day of the month', () => {
  const form = { ...formOf(null), quota: 1.5, cycle: 'package' as const, days: 7, from: '2026-11-01' }
  expect(changeOf(form)).toMatchObject({
    quota_bytes: 1_500_000, cycle_day: null, cycle_days: 7, cycle_from: '2026-11-01',
  })
})
