import { expect, test } from 'vitest'

import { finder, fold } from './fold'

test('marks and case do not matter, đ is d', () => {
  expect(fold('Đồng Văn, HÀ GIANG')).toBe('dong van, ha giang')
})

test('every word must be there, in any order', () => {
  const found = finder('giang  HÀ')
  expect(found(fold('Tỉnh Hà Giang'))).toBe(true)
  expect(found(fold('Hà Nội'))).toBe(false)
  expect(finder('')(fold('gì cũng được'))).toBe(true)
})
