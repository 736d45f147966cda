import { expect, test } from 'vitest'
import { few, together } from './where'

test('the lowest area that holds all', () => {
  expect(together([])).toBeNull()
  expect(together([[1, 2, 5]])).toBe(5)
  expect(together([[1, 2, 5], [1, 2, 6, 9]])).toBe(2)
  expect(together([[1, 2], [3, 4]])).toBeNull()
  expect(together([[1, 2], [1, 2, 5]])).toBe(2)
})

test('a few names', () => {
  const others = (n: number): string => `và ${n} nơi khác`
  expect(few(['A', 'B'], others)).toBe('A, B')
  expect(few(['A', 'B', 'C', 'D', 'E'], others)).toBe('A, B, C và 2 nơi khác')
})
