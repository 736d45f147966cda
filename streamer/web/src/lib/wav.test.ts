import { expect, test } from 'vitest'

import { cut, wav } from './wav'

const pieces = [Int16Array.of(1, 2, 3), Int16Array.of(4, 5), Int16Array.of(6)]

test('a cut goes across pieces', () => {
  expect(cut(pieces, 2, 5).flatMap((piece) => [...piece])).toEqual([3, 4, 5])
  expect(cut(pieces, 0, 99).flatMap((piece) => [...piece])).toEqual([1, 2, 3, 4, 5, 6])
  expect(cut(pieces, 6, 9)).toEqual([])
})

test('the header says what follows it', async () => {
  const file = new DataView(await wav(pieces, 44_100).arrayBuffer())
  expect(file.byteLength).toBe(44 + 12)
  expect(file.getUint32(4, true)).toBe(36 + 12)
  expect(file.getUint32(24, true)).toBe(44_100)
  expect(file.getUint32(40, true)).toBe(12)
  expect(file.getInt16(44, true)).toBe(1)
  expect(file.getInt16(54, true)).toBe(6)
})
