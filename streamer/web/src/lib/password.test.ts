import { expect, test } from 'vitest'

import { judge, suggest } from './password'

test('long enough, varied, and not the login', () => {
  expect(judge('', '')).toEqual({ long: false, varied: false, notLogin: false })
  expect(judge('aaaaaaaaaaaa', 'lan')).toEqual({ long: true, varied: false, notLogin: true })
  expect(judge('Quantri.tinh', 'quantri.tinh').notLogin).toBe(false)
  expect(judge('hnit.irtnauq', 'quantri.tinh').notLogin).toBe(false)
  expect(judge('trâu gỗ ăn mây', 'lan')).toEqual({ long: true, varied: true, notLogin: true })
})

test('what is suggested is good, and never twice the same', () => {
  const made = new Set(Array.from({ length: 200 }, suggest))
  expect(made.size).toBe(200)
  for (const one of made) {
    expect(one).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){2}$/)
    expect(judge(one, 'lan').long).toBe(true)
  }
})
