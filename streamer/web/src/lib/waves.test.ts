import { expect, test } from 'vitest'

import { outline, peaksOf } from './waves'

test('the outline goes along the highest and back along the lowest', () => {
  expect(outline([-10, 20, -30, 40])).toBe('M0,-20L1,-40L1,30L0,10Z')
  expect(outline([])).toBe('')
})

test('peaks are of all samples, wherever pieces end', () => {
  const pieces = [Int16Array.of(0, 16384, -32768), Int16Array.of(100, 0, 32767)]
  expect([...peaksOf(pieces, 2)]).toEqual([-127, 64, 0, 127])
  expect(peaksOf([], 10)).toHaveLength(0)
  expect(peaksOf(pieces)).toHaveLength(12)
})
