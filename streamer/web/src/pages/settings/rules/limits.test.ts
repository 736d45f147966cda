import { expect, test } from 'vitest'

import { put, shown } from './limits'

test('limits are said, shown in units of people, and left again', () => {
  const said = put(put(put({}, 'signal', -1), 'lag', 3), 'heat', 70)
  expect(JSON.stringify(said)).toBe('{"heat":70,"lag":3000,"signal":-1}')
  expect([shown(said, 'lag'), shown(said, 'heat'), shown(said, 'battery')]).toEqual([3, 70, null])
  expect(put(said, 'lag', null)).toEqual({ heat: 70, signal: -1 })
})
