import { expect, test } from 'vitest'

import { changes, rebased } from './rebase'

const base = { name: 'A', minutes: 45, days: [1, 2], place: null as number | null }

test('only what was changed here is sent', () => {
  expect(changes(base, { ...base, days: [1, 2] })).toEqual({})
  expect(changes(base, { ...base, name: 'B', days: [1] })).toEqual({ name: 'B', days: [1] })
  expect(changes(base, { ...base, place: undefined as never })).toEqual({})
})

test('what somebody else changed meanwhile is kept, and so is what was typed', () => {
  const mine = { ...base, name: 'Buổi sáng' }
  const theirs = { ...base, minutes: 30, place: 7 }
  expect(rebased(base, mine, theirs)).toEqual({ name: 'Buổi sáng', minutes: 30, days: [1, 2], place: 7 })
  expect(rebased(base, mine, { ...theirs, name: 'C' }).name).toBe('Buổi sáng')
})
